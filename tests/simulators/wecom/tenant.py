from pathlib import Path

from tests.simulators.core.tenant import Names, plan_on


def userid(person: str) -> str:
    """As the firm's people were entered in WeCom: `li.na` is LiNa."""
    return "".join(part.capitalize() for part in person.split("."))


def chat_id(group: str) -> str:
    """Of a group with the robot inside."""
    return "wr" + group.replace("_", "")


def names(*, chats: bool) -> Names:
    return Names("wecom", userid, chat_id if chats else None)


def plan_on_wecom(folder: Path, source: Path, *, chats: bool = False) -> Path:
    return plan_on(folder, source, names(chats=chats))
