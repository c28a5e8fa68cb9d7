"""A plan moved to a messenger: everybody has an identity there and, where it is asked for, every group of the plan a chat."""

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path


def plan_on(platform: str, folder: Path, source: Path, account: Callable[[str], str], chat: Callable[[str], str] | None = None) -> Path:
    """A copy of `source` in `folder`. `account`, `chat`: what a person, a group of the plan is called there."""
    path = plan_on_all(folder, source, {platform: account}) / "organization.toml"
    if chat is not None:
        named, group = chat, re.compile(r'chats = \{ console = "g:([^"]+)" \}')
        text = group.sub(lambda m: f'chats = {{ {platform} = "{named(m[1])}" }}', path.read_text("utf-8"))
        path.write_text(text, "utf-8")
    return folder


def plan_on_all(folder: Path, source: Path, accounts: Mapping[str, Callable[[str], str]]) -> Path:
    """The same people on several messengers."""
    shutil.copytree(source, folder)
    path = folder / "organization.toml"

    def known(found: re.Match[str]) -> str:
        names = ", ".join(f'{platform} = "{account(found[2])}"' for platform, account in accounts.items())
        return f"{found[1]}identities = {{ {names} }}\n"

    path.write_text(re.sub(r'(\[\[person\]\]\nid = "([^"]+)"\n)', known, path.read_text("utf-8")), "utf-8")
    return folder
