from tests.simulators.core.tenant import Names


def userid(person: str) -> str:
    return person.replace(".", "")


def chat_id(group: str) -> str:
    return f"cid{group}=="


def names(*, chats: bool) -> Names:
    return Names("dingtalk", userid, chat_id if chats else None)
