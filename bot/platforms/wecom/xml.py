"""The little XML that WeCom's app callbacks speak, read so that nothing but plain elements gets through, and written."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from bot.platforms.core.contract import NotAuthentic

#: Far more than any callback has.
MOST_DEPTH, MOST_ELEMENTS = 8, 400
#: Where several of a name stand side by side by the protocol.
REPEATED = frozenset({"SelectedItem", "OptionId"})


@dataclass
class Element:
    name: str
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def text_of(self, *names: str) -> str:
        """The text below `names`; empty where there is none."""
        found = self.child(*names)
        return found.text.strip() if found else ""

    def child(self, *names: str) -> "Element | None":
        here: Element | None = self
        for name in names:
            here = next((one for one in here.children if one.name == name), None) if here else None
        return here

    def all(self, name: str) -> Iterator["Element"]:
        return (one for one in self.children if one.name == name)


def parse(text: bytes | str) -> Element:
    """The root. A DOCTYPE is refused where it begins, before any entity could be declared; an element given twice is refused, since the
    signature may be over the one and the reader take the other."""
    try:
        words = text if isinstance(text, str) else text.decode()
    except UnicodeDecodeError:
        raise NotAuthentic("bad_xml") from None
    reader, handlers = _Reader(), expat.ParserCreate("utf-8")
    handlers.buffer_text = True
    handlers.StartDoctypeDeclHandler = reader.doctype
    handlers.StartElementHandler = reader.start
    handlers.EndElementHandler = reader.end
    handlers.CharacterDataHandler = reader.says
    try:
        handlers.Parse(words.encode(), True)
    except (expat.ExpatError, UnicodeEncodeError):
        raise NotAuthentic("bad_xml") from None
    if reader.root.children and reader.root.children[0].name == "xml":
        return reader.root.children[0]
    raise NotAuthentic("bad_xml")


class _Reader:
    def __init__(self) -> None:
        self.root = Element("")
        self._path = [self.root]
        self._count = 0

    def doctype(self, *what: object) -> None:
        raise NotAuthentic("xml_dtd_forbidden")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        above = self._path[-1]
        if self._count > MOST_ELEMENTS or len(self._path) > MOST_DEPTH or (name not in REPEATED and any(above.all(name))):
            raise NotAuthentic("bad_xml")
        above.children.append(Element(name))
        self._path.append(above.children[-1])

    def end(self, name: str) -> None:
        self._path.pop()

    def says(self, text: str) -> None:
        self._path[-1].text += text


def tag(name: str, *inside: str) -> str:
    return f"<{name}>{''.join(inside)}</{name}>"


def words(name: str, text: str) -> str:
    """`text` to the letter; what XML cannot hold is left out."""
    kept = "".join(
        sign for sign in text if sign in "\t\n\r" or (" " <= sign <= "\ufffd" and not "\ud800" <= sign <= "\udfff") or sign > "\uffff"
    )
    return tag(name, "<![CDATA[", kept.replace("]]>", "]]]]><![CDATA[>"), "]]>")
