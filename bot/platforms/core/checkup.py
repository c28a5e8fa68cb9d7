"""What looking a platform over brings to light; `gengfu doctor` puts it into words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Literal

#: A host's clock may be so far from a platform's.
SKEWED = timedelta(seconds=60)

State = Literal["ok", "attention", "bad"]


@dataclass(frozen=True, slots=True)
class Found:
    """`key`: the sentence `doctor.<about>.<key>`; its remedy is `doctor.<about>.<key>_do`, where there is one. Never holds a secret."""

    state: State
    about: str
    key: str
    values: Mapping[str, object] = field(default_factory=dict)


def skew(about: str, headers: Mapping[str, str], before: datetime, after: datetime, fresh: timedelta) -> Found:
    """By the date of an answer, which counts whole seconds. Beyond `fresh`, what the platform signs is refused."""
    try:
        theirs = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        return Found("attention", about, "clock_unknown")
    apart = before + (after - before) / 2 - (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC))
    if abs(apart) <= SKEWED:
        return Found("ok", about, "clock", {"apart": max(abs(apart), timedelta(seconds=1))})
    key = "clock_ahead" if apart > timedelta(0) else "clock_behind"
    return Found("bad" if abs(apart) > fresh else "attention", about, key, {"apart": abs(apart)})


def is_public(host: str) -> bool:
    """A name with a dot, or an address of the internet."""
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".internal", ".localhost", ".lan"))
