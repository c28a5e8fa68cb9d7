"""What looking a platform over brings to light; `gengfu doctor` puts it into words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

State = Literal["ok", "attention", "bad"]


@dataclass(frozen=True, slots=True)
class Found:
    """`key`: the sentence `doctor.<about>.<key>`; its remedy is `doctor.<about>.<key>_do`, where there is one. Never holds a secret."""

    state: State
    about: str
    key: str
    values: Mapping[str, object] = field(default_factory=dict)
