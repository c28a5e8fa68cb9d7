"""`channels.toml`: where statements are published. Always today's, like people; a plan without it publishes nothing."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from storage.plan.facts import check_typable
from storage.plan.organization import PLATFORMS, Names
from storage.plan.table import Table, Uniques
from workflows.core.outlet import BY_HAND, BY_MACHINE, Outlet, OutletKind

CHANNELS = "channels.toml"
KINDS = tuple(str(kind) for kind in OutletKind)
_MAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
_URL = re.compile(r"https?://[^\s/?#@]+(?:[/?][^\s#]*)?")
#: The name of a setting (`bot.config`): a secret itself does not look like one.
_SETTING = re.compile(r"GENGFU_OUTLET_[A-Z0-9_]{1,40}_SECRET")


def read_outlets(root: Table, names: Names) -> dict[str, Outlet]:
    found: dict[str, Outlet] = {}
    ids, titles = Uniques(), Uniques()
    for table in root.tables("channel", required=True):
        outlet = _outlet(table, names)
        if outlet is None:
            continue
        for title in (outlet.title, outlet.title_en):
            if title:
                titles.take(table, "title" if title == outlet.title else "title_en", title)
        if outlet.name and ids.take(table, "name", outlet.name):
            found[outlet.name] = outlet
    root.close()
    return found


def _outlet(table: Table, names: Names) -> Outlet | None:
    name, title, title_en = table.id("name"), table.text("title"), table.text("title_en", "")
    for field, text in (("title", title), ("title_en", title_en)):
        check_typable(table, field, text)
    default, kind = table.flag("default"), table.one_of("kind", "outlet", KINDS)
    if not kind:
        return None
    within = table.duration("within", default=BY_HAND if kind == OutletKind.MANUAL else BY_MACHINE)
    where = _WHERE[OutletKind(kind)](table, names)
    table.close()
    return Outlet(name, title, OutletKind(kind), title_en, default, within, **where)


def _mail(table: Table, names: Names) -> dict[str, Any]:
    to = table.texts("to")
    if not to and not table.source.faulty(table.key("to")):
        table.note("to", "empty_list")
    for index, address in enumerate(to):
        if not _MAIL.fullmatch(address):
            table.source.note(table.key(f"to[{index}]"), "bad_address", name=address)
    return {"to": to}


def _webhook(table: Table, names: Names) -> dict[str, Any]:
    url, secret = table.text("url"), table.text("secret")
    if url and not _URL.fullmatch(url):
        table.note("url", "bad_url", name=url)
    if secret and not _SETTING.fullmatch(secret):
        table.note("secret", "bad_setting")
    return {"url": url, "secret": secret}


def _chat(table: Table, names: Names) -> dict[str, Any]:
    return {"platform": table.one_of("platform", "platform", PLATFORMS), "chat": table.text("chat")}


def _manual(table: Table, names: Names) -> dict[str, Any]:
    who = table.texts("who")
    if not who and not table.source.faulty(table.key("who")):
        table.note("who", "empty_list")
    for index, spec in enumerate(who):
        names.check(table, "who", "audience", spec, (), place=f"who[{index}]")
    return {"who": who}


_WHERE: Mapping[OutletKind, Callable[[Table, Names], dict[str, Any]]] = {
    OutletKind.MAIL: _mail,
    OutletKind.WEBHOOK: _webhook,
    OutletKind.CHAT: _chat,
    OutletKind.MANUAL: _manual,
}
