"""The frames of Feishu's long connection: a small protobuf message (pbbp2.Frame), read and written by hand.

Fields: 1 SeqID, 2 LogID, 3 service, 4 method (varints; 0 control, 1 data), 5 headers (key 1, value 2), 6 payload_encoding,
7 payload_type, 8 payload, 9 LogIDNew. Seen in lark-oapi 1.7.5; unknown fields are skipped.
"""

from collections.abc import Iterator
from dataclasses import dataclass

CONTROL, DATA = 0, 1
_MOST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Frame:
    seq: int = 0
    log: int = 0
    service: int = 0
    method: int = CONTROL
    headers: tuple[tuple[str, str], ...] = ()
    payload: bytes = b""
    payload_encoding: str = ""
    payload_type: str = ""
    log_new: str = ""

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


class Unreadable(ValueError):
    """Not a frame."""


def encode(frame: Frame) -> bytes:
    parts = [_number(field, value) for field, value in enumerate((frame.seq, frame.log, frame.service, frame.method), 1)]
    parts += [_bytes(5, _bytes(1, key.encode()) + _bytes(2, value.encode())) for key, value in frame.headers]
    parts += [_bytes(field, text.encode()) for field, text in ((6, frame.payload_encoding), (7, frame.payload_type)) if text]
    parts += [_bytes(8, frame.payload)] if frame.payload else []
    parts += [_bytes(9, frame.log_new.encode())] if frame.log_new else []
    return b"".join(parts)


def decode(sent: bytes) -> Frame:
    """Raises Unreadable."""
    if len(sent) > _MOST:
        raise Unreadable("too large")
    numbers = {1: 0, 2: 0, 3: 0, 4: 0}
    texts: dict[int, bytes] = {}
    headers = []
    for field, value in _fields(sent):
        if isinstance(value, int):
            numbers[field] = value
        elif field == 5:
            pair = {name: part for name, part in _fields(value) if isinstance(part, bytes)}
            headers.append((_text(pair.get(1, b"")), _text(pair.get(2, b""))))
        else:
            texts[field] = value
    return Frame(
        numbers[1], numbers[2], numbers[3], numbers[4], tuple(headers), texts.get(8, b""),
        _text(texts.get(6, b"")), _text(texts.get(7, b"")), _text(texts.get(9, b"")),
    )  # fmt: skip


def _fields(sent: bytes) -> Iterator[tuple[int, int | bytes]]:
    place = 0
    while place < len(sent):
        tag, place = _varint(sent, place)
        match tag & 7:
            case 0:
                value, place = _varint(sent, place)
                yield tag >> 3, value
            case 2:
                length, place = _varint(sent, place)
                if length > len(sent) - place:
                    raise Unreadable("a field is cut off")
                yield tag >> 3, sent[place : place + length]
                place += length
            case 1 | 5 as width:
                place += 8 if width == 1 else 4
                if place > len(sent):
                    raise Unreadable("a field is cut off")
            case _:
                raise Unreadable("a group")


def _varint(sent: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(sent):
            raise Unreadable("a number is cut off")
        byte = sent[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise Unreadable("a number of more than ten bytes")


def _number(field: int, value: int) -> bytes:
    return _varied(field << 3) + _varied(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varied(field << 3 | 2) + _varied(len(value)) + value


def _varied(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Unreadable("a text that is not UTF-8") from None
