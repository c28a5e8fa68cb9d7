"""Which line of a TOML text a key stands on; `tomllib` does not tell. Best effort: it only makes findings easier to find."""

import re
from collections.abc import Mapping

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*([\w."'-]+)\s*=(.*)$""")
_PARTS = re.compile(r'"""|\'\'\'|"(?:\\.|[^"\\])*"|\'[^\']*\'|#.*|[\[\]{}]')


def key_lines(text: str) -> dict[str, int]:
    """Dotted path to line number, for every header and every key that begins a line."""
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    here, state = "", _State()
    for number, line in enumerate(text.splitlines(), 1):
        if state.inside:
            state.walk(line)
        elif header := _HEADER.match(line):
            here = _enter(header[2], header[1] == "[[", counts)
            found.setdefault(here, number)
        elif entry := _KEY.match(line):
            found.setdefault(f"{here}.{_plain(entry[1])}".lstrip("."), number)
            state.walk(entry[2])
    return found


def line_of(key: str, lines: Mapping[str, int]) -> int | None:
    """The line of `key`, or of the nearest table or list around it."""
    while key:
        if key in lines:
            return lines[key]
        key = re.sub(r"(\.?[^.\[\]]+|\[\d+\])$", "", key)
    return None


class _State:
    """Whether the text stands inside brackets or a long string."""

    def __init__(self) -> None:
        self.depth = 0
        self.quote = ""

    @property
    def inside(self) -> bool:
        return bool(self.quote) or self.depth > 0

    def walk(self, line: str) -> None:
        for part in _PARTS.findall(line):
            if self.quote or part in ('"""', "'''"):
                self.quote = "" if part == self.quote else self.quote or part
            elif part in "[{":
                self.depth += 1
            elif part in "]}":
                self.depth -= 1


def _enter(name: str, is_list: bool, counts: dict[str, int]) -> str:
    """The path of a header, with the numbers of the lists it stands in."""
    path = ""
    parts = _plain(name).split(".")
    for index, part in enumerate(parts):
        path = f"{path}.{part}".lstrip(".")
        if is_list and index == len(parts) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = f"{path}[{counts[path]}]"
    return path


def _plain(key: str) -> str:
    return re.sub(r"""["'\s]""", "", key)
