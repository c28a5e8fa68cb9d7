"""`Idempotency-Key`: the same key is the same event, for as long as anybody repeats a request."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from bot.api.door import Refused

LIFE = timedelta(days=30)
_KEY = re.compile(r"[!-~]{1,128}")


class Shelf(Protocol):
    def lease(self, key: str, holder: str, seconds: float) -> bool: ...


@dataclass(frozen=True, slots=True)
class Keys:
    shelf: Shelf
    new_id: Callable[[], str]

    def event(self, kind: str, person: str, given: str | None, content: object) -> tuple[str, str]:
        """(id of the event, its key). A key belongs to one person and one content: with another content it is refused.

        Only its hash is kept: programs take as a key what they have, and that may be what must not stand in the trail.
        """
        if given is not None and not _KEY.fullmatch(given):
            raise Refused("api.key")
        key = given or self.new_id()
        event = f"{kind}:{person}:{_hashed(key)[:32]}"
        if not self.shelf.lease(event, _hashed(json.dumps(content, sort_keys=True)), LIFE.total_seconds()):
            raise Refused("api.key_taken")
        return event, key


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
