"""A plan moved to DingTalk: everybody has an identity there and, where it is asked for, every group of the plan a chat."""

import re
import shutil
from pathlib import Path


def userid(person: str) -> str:
    return person.replace(".", "")


def chat_id(group: str) -> str:
    return f"cid{group}=="


def plan_on_dingtalk(folder: Path, source: Path, *, chats: bool = False) -> Path:
    """A copy of `source` in `folder`."""
    shutil.copytree(source, folder)
    path = folder / "organization.toml"
    text = re.sub(
        r'(\[\[person\]\]\nid = "([^"]+)"\n)', lambda m: f'{m[1]}identities = {{ dingtalk = "{userid(m[2])}" }}\n', path.read_text("utf-8")
    )
    if chats:
        text = re.sub(r'chats = \{ console = "g:([^"]+)" \}', lambda m: f'chats = {{ dingtalk = "{chat_id(m[1])}" }}', text)
    path.write_text(text, "utf-8")
    return folder
