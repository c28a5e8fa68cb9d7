"""What JSON must look like, said as checks that are put together; a field that no check names is an error."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any


class Unfit(Exception):
    """`code`: the platform's own for this mistake, where it has one."""

    def __init__(self, message: str, path: str = "", code: int = 0) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.path = path
        self.code = code


Check = Callable[[Any, str], None]


def must(right: bool, path: str, message: str, code: int = 0) -> None:
    if not right:
        raise Unfit(message, path, code)


def words(most: int = 0, *, least: int = 0, size: int = 0, code: int = 0) -> Check:
    """`most`, `least`: characters · `size`: bytes."""

    def check(value: Any, path: str) -> None:
        must(isinstance(value, str), path, "a string is expected")
        must(not most or len(value) <= most, path, f"more than {most} characters", code)
        must(not size or len(value.encode()) <= size, path, f"more than {size} bytes", code)
        must(len(value) >= least, path, "it is empty")

    return check


def among(*names: str, also: str = "") -> Check:
    def check(value: Any, path: str) -> None:
        fits = isinstance(value, str) and (value in names or bool(also and re.fullmatch(also, value)))
        must(fits, path, f"{value!r} is not one of {', '.join(names)}")

    return check


def whole(low: int, high: int, code: int = 0) -> Check:
    def check(value: Any, path: str) -> None:
        right = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        must(right, path, f"not a number of {low} to {high}", code)

    return check


def yes_or_no(value: Any, path: str) -> None:
    must(isinstance(value, bool), path, "a boolean is expected")


def anything(value: Any, path: str) -> None:
    return None


def thing(known: Mapping[str, Check], required: Iterable[str] = ()) -> Check:
    """An object with no other properties than these."""
    needed = tuple(required)

    def check(value: Any, path: str) -> None:
        must(isinstance(value, dict), path, "an object is expected")
        for name in value:
            must(name in known, path, f"unknown property, property: {name}")
        for name in needed:
            must(name in value, path, f"{name} is required")
        for name, inner in value.items():
            known[name](inner, f"{path} -> {name}")

    return check


def each(check: Check, most: int = 0, least: int = 0, code: int = 0) -> Check:
    def checked(value: Any, path: str) -> None:
        must(isinstance(value, list), path, "a list is expected")
        must(len(value) >= least and (not most or len(value) <= most), path, f"{len(value)} entries", code)
        for place, inner in enumerate(value):
            check(inner, f"{path} -> [{place}]")

    return checked
