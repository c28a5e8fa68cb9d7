"""Login on the web: a one-time link, one's sessions, a lost code generator."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handlers.core.context import Context
from handlers.core.look import Look
from handlers.core.message import Outgoing, Reply
from handlers.core.registry import command, rest, screen
from handlers.core.wording import Ours
from workflows.core.errors import NotAllowed, NotFound

#: How much of a session's id people see and type.
SHOWN = 6


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


@dataclass(frozen=True, slots=True)
class Which:
    session: str | None = rest("会话编号", "session", kind="word")


@command("login", Nothing, zh="登录", who="listed")
def login(context: Context, given: Nothing) -> Reply:
    """A one-time link to the web page, for you alone."""
    message = context.message
    if message.token:
        raise NotAllowed("token.no_login")
    alone = message.chat_kind == "direct" and bool(message.chat)
    context.uow.send_login_link(
        platform=message.platform, to=message.sender, chat=message.chat if alone else "", group="" if alone else message.chat
    )
    return Reply("") if alone else context.say("login.sent_ok")


@command("login sessions", Nothing, zh="登录 会话", who="listed")
def sessions(context: Context, given: Nothing) -> Reply:
    """Where you are logged in."""
    found = context.uow.web_sessions()
    if not found:
        return context.say("login.none")
    lines = [
        context.words.say("login.line", id=one.id[:SHOWN], agent=one.agent, since=one.created, seen=one.seen, now=context.now)
        for one in found
    ]
    return Reply("\n".join([context.words.say("login.head"), *lines, context.words.say("login.how_to_end")]))


@command("login revoke", Which, zh="登录 结束", who="listed")
def revoke(context: Context, given: Which) -> Reply:
    """End one of your sessions, or all of them."""
    ended = context.uow.end_web_sessions((given.session or "").casefold())
    if given.session and not ended:
        raise NotFound("login.no_session")
    return context.say("login.ended_ok", count=ended)


@command("login reset", Nothing, zh="登录 重置", who="listed", four_eyes=True)
def reset(context: Context, given: Nothing) -> Reply:
    """Your phone is gone: forget its code generator (in a messenger only)."""
    if not context.message.proven:
        raise NotAllowed("login.reset_elsewhere")
    if not context.uow.forget_generator():
        raise NotFound("login.no_generator")
    return context.say("login.reset_ok")


@screen("token.made")
def token_made(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To its person: whoever made it, made it in their name."""
    values = about["values"]
    return Outgoing(look.say("token.made", token=values["token"], name=values["name"], scopes=tuple(values["scopes"])))


@screen("token.revoked")
def token_revoked(look: Look, about: Mapping[str, Any]) -> Outgoing:
    return Outgoing(look.say("token.revoked", token=about["values"]["token"], name=about["values"]["name"]))


@screen("login.link")
def link(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """The link itself; nothing once it is dead."""
    values = about["values"]
    ends = datetime.fromisoformat(values["ends"])
    if ends <= look.now:
        return None
    return Outgoing(look.say("login.link", link=Ours(f"{values['url']}/login/{values['secret']}"), ends=ends))


@screen("login.done")
def done(look: Look, about: Mapping[str, Any]) -> Outgoing:
    return Outgoing(look.say("login.done", agent=about["values"]["agent"]))


@screen("login.generator_on")
def generator_on(look: Look, about: Mapping[str, Any]) -> Outgoing:
    return Outgoing(look.say("login.generator_on"))


@screen("login.generator_off")
def generator_off(look: Look, about: Mapping[str, Any]) -> Outgoing:
    return Outgoing(look.say("login.generator_off"))
