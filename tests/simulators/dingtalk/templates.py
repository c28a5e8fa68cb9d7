"""Card templates: what their builder made of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Press:
    """A button or an option: there when the variable `text` is not empty. It sends `params` (name -> variable), or opens `url`."""

    id: str
    text: str
    params: tuple[tuple[str, str], ...] = ()
    url: str = ""


@dataclass(frozen=True)
class Template:
    """A card template as its builder made it: which variables there are, and what they become.

    `inputs`: the fields whose values a tapped button sends beside its own params.
    """

    id: str
    published: bool = True
    title: str = "title"
    texts: tuple[str, ...] = ("body",)
    presses: tuple[Press, ...] = ()
    inputs: tuple[str, ...] = ()
    others: frozenset[str] = frozenset()
    """variables that show nothing by themselves"""

    @property
    def variables(self) -> frozenset[str]:
        used = {name for press in self.presses for name in (press.text, press.url, *(one for _, one in press.params)) if name}
        return self.others | used | {self.title, *self.texts, *self.inputs}


def _presses(prefix: str, count: int) -> tuple[Press, ...]:
    names = [f"{prefix}{number}" for number in range(1, count + 1)]
    return tuple(Press(name, f"{name}_text", (("a", f"{name}_key"), ("c", "chat"))) for name in names)


#: The template that the guide has an administrator make.
OURS = Template(
    "3f1e0000-made-up-gengfu.schema",
    texts=("drill", *(f"body{number}" for number in range(1, 7)), "note", "hint"),
    presses=(
        *_presses("b", 6),
        *_presses("m", 10),
        *(Press(f"l{number}", f"l{number}_text", url=f"l{number}_url") for number in range(1, 7)),
    ),
    others=frozenset({"tone", *(f"b{number}_style" for number in range(1, 7))}),
)
