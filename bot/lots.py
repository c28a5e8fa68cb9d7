"""Rows that go out together: the same words to several people are one call, where a platform takes them so (`Can.lots`)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.claims import LOT
from bot.drawing import Ready, fingerprint
from bot.platforms.core.contract import Deed, Lots, Platform, Send

#: What has words of its own that are kept with the row, and is said once.
SAID = ("notice", "reply")


@dataclass(frozen=True, slots=True)
class Going:
    """A row on its way: what is done for it, and where."""

    ready: Ready
    platform: str
    what: Deed


def most(platforms: Mapping[str, Platform]) -> int:
    """How many rows one claim takes: a whole lot, where there are lots."""
    return max([LOT, *(one.can.lots.most for one in platforms.values() if one.can.lots)])


def alike(ready: Iterable[Ready], platforms: Mapping[str, Platform]) -> list[list[Ready]]:
    """Those that say the same words to one person each, together; every other one by itself, and all where no platform has lots."""
    found: dict[object, list[Ready]] = {}
    lots = any(one.can.lots for one in platforms.values())
    for one in ready:
        words = _words(one) if lots else None
        found.setdefault(words or one.row.id, []).append(one)
    return list(found.values())


def _words(one: Ready) -> str | None:
    """What the row says to one person and no card; None: something else."""
    row, message = one.row, one.message
    if message is None or message.card is not None or row.kind not in SAID or row.chat or not row.recipient:
        return None
    return fingerprint(message)


def calls(going: Sequence[Going], platforms: Mapping[str, Platform]) -> Iterator[tuple[Lots | None, list[Going]]]:
    """Those that one call can do; by itself (None) what is alone, or was sent another way than the others."""
    told: dict[str, list[Going]] = {}
    for one in going:
        if platforms[one.platform].can.lots and isinstance(one.what, Send) and one.what.person:
            told.setdefault(one.platform, []).append(one)
        else:
            yield None, [one]
    for name, some in told.items():
        lots = platforms[name].can.lots
        assert lots is not None
        yield from ((lots if len(some) > 1 else None, some[start : start + lots.most]) for start in range(0, len(some), lots.most))
