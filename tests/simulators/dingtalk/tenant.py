from pathlib import Path

from tests.simulators.core.tenant import plan_on


def userid(person: str) -> str:
    return person.replace(".", "")


def chat_id(group: str) -> str:
    return f"cid{group}=="


def plan_on_dingtalk(folder: Path, source: Path, *, chats: bool = False) -> Path:
    return plan_on("dingtalk", folder, source, userid, chat_id if chats else None)
