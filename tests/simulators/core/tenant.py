"""A plan moved to messengers: everybody has an identity there and, where it is asked for, every group of the plan a chat."""

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Names:
    """`account`, `chat`: what a person, a group of the plan is called there."""

    platform: str
    account: Callable[[str], str]
    chat: Callable[[str], str] | None = None


def plan_on(folder: Path, source: Path, *there: Names) -> Path:
    """A copy of `source` in `folder`."""
    shutil.copytree(source, folder)
    path = folder / "organization.toml"
    person, group = re.compile(r'(\[\[person\]\]\nid = "([^"]+)"\n)'), re.compile(r'chats = \{ console = "g:([^"]+)" \}')
    text = person.sub(
        lambda m: f"{m[1]}identities = {_table({one.platform: one.account(m[2]) for one in there})}\n", path.read_text("utf-8")
    )
    if any(one.chat for one in there):
        text = group.sub(lambda m: f"chats = {_table({one.platform: one.chat(m[1]) for one in there if one.chat})}", text)
    path.write_text(text, "utf-8")
    return folder


def _table(values: Mapping[str, str]) -> str:
    inner = ", ".join(f'{name} = "{value}"' for name, value in values.items())
    return f"{{ {inner} }}"
