"""The frames of the long connection, the stand-in's own: protobuf `pbbp2.Frame`, as the official SDK's schema has it.

1 SeqID uint64 · 2 LogID uint64 · 3 service int32 · 4 method int32 (0 control, 1 data) · 5 headers {1 key, 2 value} · 6 payload_encoding ·
7 payload_type · 8 payload · 9 LogIDNew. SeqID, LogID, service and method are required.
"""

from dataclasses import dataclass, field


class Malformed(Exception):
    """No frame."""


@dataclass
class Frame:
    seq: int = 0
    log: int = 0
    service: int = 0
    method: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    payload: bytes = b""

    def get(self, name: str) -> str:
        return dict(self.headers).get(name, "")


def _number(value: int) -> bytes:
    out = b""
    while True:
        low, value = value & 127, value >> 7
        if not value:
            return out + bytes([low])
        out += bytes([low | 128])


def _chunk(number: int, content: bytes) -> bytes:
    return _number(number * 8 + 2) + _number(len(content)) + content


def pack(frame: Frame) -> bytes:
    numbers = (frame.seq, frame.log, frame.service, frame.method)
    out = b"".join(_number(place * 8) + _number(value) for place, value in enumerate(numbers, 1))
    for key, value in frame.headers:
        out += _chunk(5, _chunk(1, key.encode()) + _chunk(2, value.encode()))
    return out + (_chunk(8, frame.payload) if frame.payload else b"")


def unpack(sent: bytes) -> Frame:
    """Strict: what the SDK's parser would refuse, or a frame without its four required numbers, is Malformed."""
    numbers: dict[int, int] = {}
    frame = Frame()
    for number, value in _split(sent):
        if (number <= 4) != isinstance(value, int) or not 1 <= number <= 9:
            raise Malformed(f"field {number}")
        if isinstance(value, int):
            numbers[number] = value
        elif number == 5:
            frame.headers.append(_header(value))
        elif number == 8:
            frame.payload = value
    if set(numbers) != {1, 2, 3, 4}:
        raise Malformed("SeqID, LogID, service and method are required")
    frame.seq, frame.log, frame.service, frame.method = (numbers[number] for number in (1, 2, 3, 4))
    return frame


def _header(sent: bytes) -> tuple[str, str]:
    pair = [value.decode() for _, value in sorted(_split(sent), key=lambda entry: entry[0]) if isinstance(value, bytes)]
    if len(pair) != 2:
        raise Malformed("a header needs key and value")
    return pair[0], pair[1]


def _split(sent: bytes) -> list[tuple[int, int | bytes]]:
    found: list[tuple[int, int | bytes]] = []
    at = 0
    while at < len(sent):
        key, at = _numbered(sent, at)
        if key & 7 not in (0, 2):
            raise Malformed(f"wire type {key & 7}")
        value, at = _numbered(sent, at)
        if key & 7 == 0:
            found.append((key >> 3, value))
            continue
        if at + value > len(sent):
            raise Malformed("a field is cut off")
        found.append((key >> 3, sent[at : at + value]))
        at += value
    return found


def _numbered(sent: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(sent):
            break
        value |= (sent[at] & 127) << shift
        at += 1
        if sent[at - 1] < 128:
            return value, at
    raise Malformed("a number is cut off")
