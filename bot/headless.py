"""The headless demo: a whole incident in the terminal."""

from collections.abc import Callable


def play(scenario: str, say: Callable[[str], None]) -> int:
    raise NotImplementedError(scenario, say)
