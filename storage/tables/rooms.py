"""The console's chats: rooms, who is in them, what was said, how far each has read."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storage.database import JsonText, UtcDateTime


class RoomRow(SQLModel, table=True):
    """`seq` numbers the messages, `change` counts every post, edit and recall; both move under this row's lock."""

    __tablename__ = "room"

    id: str = Field(primary_key=True)
    kind: str
    name: str = ""
    created: datetime = Field(sa_type=UtcDateTime)
    seq: int = 0
    change: int = 0


class RoomMemberRow(SQLModel, table=True):
    __tablename__ = "room_member"
    __table_args__ = (Index("ix_room_member_person", "person"),)

    room: str = Field(primary_key=True, foreign_key="room.id")
    person: str = Field(primary_key=True)


class RoomMessageRow(SQLModel, table=True):
    """`author` is empty for the bot · `state` is live, superseded or recalled · `change`: the room's count when it last changed."""

    __tablename__ = "room_message"
    __table_args__ = (Index("ix_room_message_change", "room", "change"),)

    room: str = Field(primary_key=True, foreign_key="room.id")
    seq: int = Field(primary_key=True)
    id: str = Field(unique=True)
    author: str = ""
    text: str = ""
    body: Any = Field(default=None, sa_type=JsonText, nullable=True)
    mentions: Any = Field(default_factory=list, sa_type=JsonText, nullable=False)
    at: datetime = Field(sa_type=UtcDateTime)
    edited_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    state: str = "live"
    key: str | None = Field(default=None, unique=True)
    change: int = 0


class RoomReadRow(SQLModel, table=True):
    __tablename__ = "room_read"

    room: str = Field(primary_key=True, foreign_key="room.id")
    person: str = Field(primary_key=True)
    seq: int = 0
