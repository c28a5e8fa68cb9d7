"""A workflow's moves as a table that can be printed, walked and tested."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from workflows.core.errors import RuleBroken

S = TypeVar("S", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Machine(Generic[S]):
    """`moves` maps (state, verb) to the next state; what is not in the table is refused."""

    noun: str
    start: S
    moves: Mapping[tuple[S, str], S]

    def after(self, state: S, verb: str) -> S:
        """The state that `verb` leads to, or RuleBroken naming the record's noun, state and verb."""
        try:
            return self.moves[state, verb]
        except KeyError:
            raise RuleBroken("house.move", noun=self.noun, state=str(state), verb=verb) from None

    def verbs(self, state: S) -> tuple[str, ...]:
        """Every verb allowed in `state`, in the order of the table."""
        return tuple(verb for at, verb in self.moves if at == state)
