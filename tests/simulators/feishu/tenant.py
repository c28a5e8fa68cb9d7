from pathlib import Path

from tests.simulators.core.tenant import plan_on


def open_id(person: str) -> str:
    return "ou_" + person.replace(".", "")


def chat_id(group: str) -> str:
    return "oc_" + group


def plan_on_feishu(folder: Path, source: Path, *, chats: bool = False) -> Path:
    return plan_on("feishu", folder, source, open_id, chat_id if chats else None)
