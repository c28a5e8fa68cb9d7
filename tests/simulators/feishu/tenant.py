from pathlib import Path

from tests.simulators.core.tenant import Names, plan_on


def open_id(person: str) -> str:
    return "ou_" + person.replace(".", "")


def chat_id(group: str) -> str:
    return "oc_" + group


def names(*, chats: bool) -> Names:
    return Names("feishu", open_id, chat_id if chats else None)


def plan_on_feishu(folder: Path, source: Path, *, chats: bool = False) -> Path:
    return plan_on(folder, source, names(chats=chats))
