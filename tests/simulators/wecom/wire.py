"""The robot's long connection (page 101463): one per robot, JSON frames, pings, uploads in pieces; and ways for it to die."""

import asyncio
import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from websockets.asyncio.server import Server, ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import OPEN

from tests.simulators.core.faults import Fault, Faults
from tests.simulators.core.house import Line
from tests.simulators.core.shape import Check, thing, whole, words
from tests.simulators.wecom.calls import ROBOT_SIZES, keep
from tests.simulators.wecom.reading import INVALID, fits
from tests.simulators.wecom.robot import BAD_REQUEST, Asked, Robot
from tests.simulators.wecom.state import HOUR, MINUTE, Json, Refusal, State

WRONG_SECRET = 853000
CHUNK, MOST_CHUNKS, UPLOAD_LIFE = 512 * 1024, 100, timedelta(minutes=30)
_INIT: Mapping[str, Check] = {
    "type": words(least=1), "filename": words(size=256, least=1), "total_size": whole(6, 20 * 1024 * 1024),
    "total_chunks": whole(1, MOST_CHUNKS), "md5": words(32, least=32),
}  # fmt: skip
_CHUNK: Mapping[str, Check] = {"upload_id": words(least=1), "chunk_index": whole(0, MOST_CHUNKS - 1), "base64_data": words(least=1)}


@dataclass
class Frame:
    """One that went over the wire. `code`: what a request of the product was answered."""

    way: str
    frame: Json
    at: datetime
    code: int | None = None


@dataclass
class Upload:
    about: Json
    began: datetime
    pieces: dict[int, bytes] = field(default_factory=dict)


@dataclass
class Wire(Line):
    state: State
    faults: Faults
    ping_within: float = 60.0
    """seconds without a ping, after which it is closed"""
    elapsed: Callable[[], float] = monotonic
    looks: float = 60.0
    """real seconds after which it looks at the latest how many have elapsed"""
    connections: list[ServerConnection] = field(default_factory=list)
    """all that are open; `subscribed` is the one that counts"""
    subscribed: ServerConnection | None = None
    frames: list[Frame] = field(default_factory=list)
    pings: int = 0
    port: int = 0
    robot: Robot | None = None
    http_only: bool = False
    """the robot is set to callbacks: nobody can subscribe"""
    asked: dict[str, Asked] = field(default_factory=dict)
    _uploads: dict[str, Upload] = field(default_factory=dict)
    _silent: set[ServerConnection] = field(default_factory=set)
    _server: Server | None = None
    _ousting: asyncio.Task[None] | None = None

    # What is sent to the product

    async def push(self, cmd: str, body: Json, asked: Asked | None) -> str:
        """ "" or why it is lost."""
        connection = self.subscribed
        if connection is None or connection.state is not OPEN:  # one that is just being put away is none
            return "no connection"
        req_id = self.state.new("req")
        if asked is not None:
            self.asked[req_id] = asked
        if connection in self._silent:
            return "the connection is silent"
        frame = {"cmd": cmd, "headers": {"req_id": req_id}, "body": body}
        self.frames.append(Frame("out", frame, self.state.clock()))
        try:
            await connection.send(json.dumps(frame, ensure_ascii=False))
        except ConnectionClosed:
            return "the connection is closed"
        return ""

    # What comes from it

    async def hold(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        quiet_since = self.elapsed()
        try:
            while (left := self.ping_within - (self.elapsed() - quiet_since)) > 0:
                try:
                    sent = await asyncio.wait_for(connection.recv(), min(left, self.looks))
                except TimeoutError:
                    continue
                if not await self._hear(connection, sent):
                    return
                if self.frames[-1].frame["cmd"] in ("ping", "aibot_subscribe"):
                    quiet_since = self.elapsed()
        except ConnectionClosed:
            pass
        finally:
            self.connections.remove(connection)
            self._silent.discard(connection)
            if self.subscribed is connection:
                self.subscribed = None

    async def _hear(self, connection: ServerConnection, sent: str | bytes) -> bool:
        """Whether it goes on."""
        record = self._read(sent)
        if record is None:
            return False
        cmd = record.frame["cmd"]
        fault = self.faults.take(f"WS {cmd}")
        if fault and not await self._suffer(connection, fault):
            return False
        if cmd != "aibot_subscribe" and connection is not self.subscribed:
            return False
        ack = self._acknowledged(connection, record.frame, fault)
        record.code = ack["errcode"]
        if fault and fault.kind in ("reset_after", "empty", "hang"):
            if fault.kind == "reset_after":
                connection.transport.abort()
            return True
        await connection.send(json.dumps(ack, ensure_ascii=False)[: 20 if fault and fault.kind == "truncated" else None])
        return bool(cmd != "aibot_subscribe" or ack["errcode"] == 0)

    def _read(self, sent: str | bytes) -> Frame | None:
        try:
            frame = json.loads(sent)
            right = isinstance(frame["cmd"], str) and isinstance(frame["headers"]["req_id"], str) and frame["headers"]["req_id"]
            strange = {*frame} - {"cmd", "headers", "body"} | {*frame["headers"]} - {"req_id"}
        except (ValueError, KeyError, TypeError) as error:
            self.state.oddities.append(f"a frame that cannot be read: {error!r}")
            return None
        if strange or not right:
            self.state.oddities.append(f"a frame with {sorted(strange)}, or without a req_id")
            return None
        record = Frame("in", frame, self.state.clock())
        self.frames.append(record)
        return record

    def _acknowledged(self, connection: ServerConnection, frame: Json, fault: Fault | None) -> Json:
        headers = {"req_id": frame["headers"]["req_id"]}
        try:
            if fault and fault.kind in ("throttle", "answer"):
                raise Refusal(45009 if fault.kind == "throttle" else fault.code, fault.message)
            with self.state.lock:
                if frame["cmd"] == "aibot_subscribe":
                    body = self._subscribe(connection, frame)
                else:
                    body = self._done(frame["cmd"], headers["req_id"], frame)
            return {"headers": headers, "errcode": 0, "errmsg": "ok", **({"body": body} if body else {})}
        except Refusal as refusal:
            return {"headers": headers, "errcode": refusal.code, "errmsg": refusal.message}

    async def _suffer(self, connection: ServerConnection, fault: Fault) -> bool:
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        if fault.kind in ("reset_before", "html"):
            connection.transport.abort()
            return False
        return True

    def _subscribe(self, connection: ServerConnection, frame: Json) -> Json:
        given = frame.get("body", {})
        fits(thing({"bot_id": words(), "secret": words()}, ("bot_id", "secret")), given, "body")
        if self.http_only or (given["bot_id"], given["secret"]) != (self.state.bot_id, self.state.bot_secret):
            raise Refusal(WRONG_SECRET, "invalid bot_id or secret")
        first, self.subscribed = self.subscribed, connection
        if first is not None and first is not connection:
            self._ousting = asyncio.get_running_loop().create_task(self._oust(first))
        return {}

    async def _oust(self, connection: ServerConnection) -> None:
        """Only one connection for a robot: the newer one stays. Where nobody is there any more, nothing arrives."""
        if connection in self._silent:
            return
        body = {
            "msgid": self.state.new("CAIQ"), "create_time": int(self.state.clock().timestamp()), "aibotid": self.state.bot_id,
            "msgtype": "event", "event": {"eventtype": "disconnected_event"},
        }  # fmt: skip
        frame = {"cmd": "aibot_event_callback", "headers": {"req_id": self.state.new("req")}, "body": body}
        self.frames.append(Frame("out", frame, self.state.clock()))
        try:
            await connection.send(json.dumps(frame))
            await connection.close()
        except ConnectionClosed:
            pass

    def _done(self, cmd: str, req_id: str, frame: Json) -> Json:
        robot = self.robot
        assert robot is not None
        if cmd == "ping":
            self.pings += 1
            return {}
        given = frame.get("body")
        if not isinstance(given, dict):
            raise Refusal(INVALID, "body: an object is expected")
        match cmd:
            case "aibot_send_msg":
                robot.push(given)
            case "aibot_respond_msg" | "aibot_respond_welcome_msg" | "aibot_respond_update_msg":
                robot.answer(self._which(cmd, req_id, robot), given)
            case "aibot_upload_media_init" | "aibot_upload_media_chunk" | "aibot_upload_media_finish":
                return self._upload(cmd, given)
            case _:
                raise Refusal(INVALID, f"unknown cmd {cmd}")
        return {}

    def _which(self, cmd: str, req_id: str, robot: Robot) -> Asked:
        """What is answered, if this is the frame for it and it is not too late."""
        asked = self.asked.get(req_id)
        right = {
            "aibot_respond_msg": "message",
            "aibot_respond_welcome_msg": "enter_chat",
            "aibot_respond_update_msg": "template_card_event",
        }
        if asked is None or asked.kind != right[cmd]:
            raise Refusal(BAD_REQUEST, "invalid req_id")
        late = self.state.clock() > asked.ends if asked.kind == "message" else monotonic() - asked.at > robot.event_within
        if late:
            raise Refusal(BAD_REQUEST, "invalid req_id: too late")
        return asked

    def _upload(self, cmd: str, given: Json) -> Json:
        if cmd == "aibot_upload_media_init":
            fits(thing(_INIT, _INIT), given, "body")
            if given["type"] not in ROBOT_SIZES:
                raise Refusal(40004, "invalid media type")
            if given["total_size"] > ROBOT_SIZES[given["type"]]:
                raise Refusal(45001, "media size out of limit")
            for most, window in ((30, MINUTE), (1000, HOUR)):
                if not self.state.spend("robot uploads", most, window):
                    raise Refusal(45009, "api freq out of limit")
            name = self.state.new("up")
            self._uploads[name] = Upload(given, self.state.clock())
            return {"upload_id": name}
        known = _CHUNK if cmd == "aibot_upload_media_chunk" else {"upload_id": words(least=1)}
        fits(thing(known, known), given, "body")
        upload = self._uploads.get(given["upload_id"])
        if upload is None or self.state.clock() - upload.began > UPLOAD_LIFE:
            raise Refusal(INVALID, "invalid upload_id")
        if cmd == "aibot_upload_media_chunk":
            self._piece(upload, given)
            return {}
        media = keep(self.state, upload.about["type"], upload.about["filename"], self._whole(upload), "robot")
        del self._uploads[given["upload_id"]]
        return {"type": media.kind, "media_id": media.id, "created_at": int(media.at.timestamp())}

    def _piece(self, upload: Upload, given: Json) -> None:
        try:
            piece = base64.b64decode(given["base64_data"], validate=True)
        except binascii.Error:
            raise Refusal(INVALID, "base64_data is not base64") from None
        if len(piece) > CHUNK or given["chunk_index"] >= upload.about["total_chunks"]:
            raise Refusal(INVALID, "a chunk of more than 512 KB, or beyond total_chunks")
        upload.pieces.setdefault(given["chunk_index"], piece)

    def _whole(self, upload: Upload) -> bytes:
        content = b"".join(upload.pieces[place] for place in sorted(upload.pieces))
        right: tuple[Any, ...] = (upload.about["total_chunks"], upload.about["total_size"], upload.about["md5"].lower())
        if (len(upload.pieces), len(content), hashlib.md5(content, usedforsecurity=False).hexdigest()) != right:
            raise Refusal(INVALID, "the pieces do not make the file that was announced")
        return content
