"""A plan moved to a messenger: everybody has an identity there and, where it is asked for, every group of the plan a chat."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path


def plan_on(platform: str, folder: Path, source: Path, account: Callable[[str], str], chat: Callable[[str], str] | None = None) -> Path:
    """A copy of `source` in `folder`. `account`, `chat`: what a person, a group of the plan is called there."""
    shutil.copytree(source, folder)
    path = folder / "organization.toml"
    person, group = re.compile(r'(\[\[person\]\]\nid = "([^"]+)"\n)'), re.compile(r'chats = \{ console = "g:([^"]+)" \}')
    text = person.sub(lambda m: f'{m[1]}identities = {{ {platform} = "{account(m[2])}" }}\n', path.read_text("utf-8"))
    if chat is not None:
        named = chat
        text = group.sub(lambda m: f'chats = {{ {platform} = "{named(m[1])}" }}', text)
    path.write_text(text, "utf-8")
    return folder
