"""Errors by reaction: a class exists only where some code reacts to it differently.

GengfuError
├── UserError            explain to the person: key + values, the words are in the catalogs
│   ├── BadWords         the command could not be read
│   ├── NotFound         no such record, or none this person may see
│   ├── NotAllowed       the person lacks the role, or four eyes are needed
│   └── RuleBroken       the rules say no in this state
├── Conflict             someone else was faster: read again, decide again
└── BadConfig            one line at start, exit 2

What a platform can raise (TryLater, WillNeverWork, NotAuthentic) stands in bot/platforms/core/contract.py: platforms see no workflow.
"""

from collections.abc import Mapping


class GengfuError(Exception):
    """Root of all errors that some code of ours reacts to."""


class UserError(GengfuError):
    """A refusal that is explained to the person: `key` names the sentence, `values` fill it."""

    def __init__(self, key: str, /, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values: Mapping[str, object] = values


class BadWords(UserError):
    """The command could not be read."""


class NotFound(UserError):
    """No such record, or none that this person may see (the two look alike on purpose)."""


class NotAllowed(UserError):
    """The person may not do this."""


class RuleBroken(UserError):
    """The rules say no to this move now."""


class Conflict(GengfuError):
    """Another transaction changed the record first."""


class BadConfig(GengfuError):
    """Configuration or plan that cannot be started with; the message says what to change."""
