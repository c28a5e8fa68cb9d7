"""A template of what the firm says, as the plan has it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Template:
    """`fields`: what the author is asked for, name -> kind; `text`: with `{name}` where a field goes."""

    title: str
    fields: Mapping[str, str]
    text: str
