"""Encrypted bytes by SHA-256, in chunks: pictures, logs and papers that are evidence.

The hash is of the plain content, so that it can be compared with the original outside; the same content is kept once.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from storage.cipher import Cipher
from storage.tables.files import AttachmentRow, FileChunkRow, FileRow
from workflows.core.errors import NotFound, RuleBroken

#: A row stays small enough for both databases and for one encryption in memory.
CHUNK = 256 * 1024
#: The largest file that can be attached (a phone's picture, a log of a shift).
LARGEST = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is in the database."""

    sha256: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Attachment:
    id: int
    incident: str
    record_ref: str
    sha256: str
    size: int
    media_type: str
    name: str
    about: str
    by: str
    at: datetime


def keep(session: Session, cipher: Cipher, content: bytes, media_type: str, now: datetime) -> Kept:
    """Encrypt and store; RuleBroken when it is empty or too large. The same content a second time costs nothing."""
    if not content:
        raise RuleBroken("file.empty")
    if len(content) > LARGEST:
        raise RuleBroken("file.too_large", most=LARGEST // (1024 * 1024))
    name = hashlib.sha256(content).hexdigest()
    row = session.get(FileRow, name)
    if row is None:
        row = FileRow(sha256=name, size=len(content), media_type=media_type, kept=now)
        session.add(row)
        session.flush()
        for part, start in enumerate(range(0, len(content), CHUNK)):
            sealed = cipher.encrypt(content[start : start + CHUNK], f"file:{name}:{part}")
            session.add(FileChunkRow(sha256=name, part=part, content=sealed))
        session.flush()
    return Kept(name, row.size, row.media_type)


def kept(session: Session, sha256: str) -> Kept:
    """What is known of a content; NotFound when there is no such file."""
    row = session.get(FileRow, sha256)
    if row is None:
        raise NotFound("file.not_found")
    return Kept(row.sha256, row.size, row.media_type)


def read(session: Session, cipher: Cipher, sha256: str) -> bytes:
    """The plain content; NotFound when there is no such file, and it is checked against its hash."""
    statement = select(FileChunkRow).where(FileChunkRow.sha256 == sha256).order_by(col(FileChunkRow.part))
    content = b"".join(cipher.decrypt(row.content, f"file:{sha256}:{row.part}") for row in session.exec(statement))
    if hashlib.sha256(content).hexdigest() != sha256:
        raise NotFound("file.not_found")
    return content


def attach(session: Session, kept: Kept, *, incident: str, record_ref: str, name: str, about: str, by: str, now: datetime) -> Attachment:
    """Note that this file is evidence of a record; the same file under the same name twice is one attachment."""
    where = (AttachmentRow.record_ref == record_ref, AttachmentRow.sha256 == kept.sha256, AttachmentRow.name == name)
    row = session.exec(select(AttachmentRow).where(*where)).first()
    if row is None:
        row = AttachmentRow(incident=incident, record_ref=record_ref, sha256=kept.sha256, name=name, about=about, by=by, at=now)
        session.add(row)
        session.flush()
    return _attachment(row, kept.size, kept.media_type)


def attachments(session: Session, incident: str) -> Iterator[Attachment]:
    """All evidence of an incident, in the order it came."""
    statement = (
        select(AttachmentRow, FileRow)
        .where(AttachmentRow.sha256 == FileRow.sha256, AttachmentRow.incident == incident)
        .order_by(col(AttachmentRow.id))
    )
    for row, file in session.exec(statement):
        yield _attachment(row, file.size, file.media_type)


def attachment(session: Session, attachment_id: int) -> Attachment:
    row = session.get(AttachmentRow, attachment_id)
    file = session.get(FileRow, row.sha256) if row else None
    if row is None or file is None:
        raise NotFound("file.not_found")
    return _attachment(row, file.size, file.media_type)


def _attachment(row: AttachmentRow, size: int, media_type: str) -> Attachment:
    assert row.id is not None, "a stored row has its id"
    return Attachment(row.id, row.incident, row.record_ref, row.sha256, size, media_type, row.name, row.about, row.by, row.at)
