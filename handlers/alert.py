"""What monitoring sends through the API: it opens an incident, or joins the one it belongs to, and is damped."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from handlers.core.alerts import tell
from handlers.core.context import Context
from handlers.core.message import Reply
from handlers.core.opening import open_incident
from handlers.core.registry import command, key, rest
from workflows import alert as rules
from workflows import tip as tips
from workflows.alert import Alert
from workflows.core.errors import NotAllowed
from workflows.incident import UNCLOSED, Incident
from workflows.tip import Tip


@dataclass(frozen=True, slots=True)
class Heard:
    alert: str | None = key("告警")
    status: str | None = key("状态", kind="word")
    type: str | None = key("类型", kind="type")
    system: str | None = key("系统")
    at: datetime | None = key("发生", kind="time")
    text: str = rest("标题", "title")


@command("incident alert", Heard, zh="事件 告警", who="member", listed=False)
def heard(context: Context, given: Heard) -> Reply:
    """An alert, with the key by which its repeats are known. Only by a token: people open incidents."""
    if not context.message.token or not given.alert:
        raise NotAllowed("alert.by_token")
    context.uow.count("openings")  # as everything that opens: one after the other until the commit
    title = " ".join(given.text.split())
    known = context.uow.alert(given.alert)
    incident = _incident(context, known)
    if given.status == "resolved":
        return _over(context, known, incident, title)
    if known is None or incident is None or not incident.running:
        return _first(context, given, title)
    context.uow.keep_alert(rules.heard(known, title=title, firing=True, now=context.now))
    tell(context, incident)
    return context.say("alert.counted", ref=incident.ref, incident=incident.ref, count=known.count + 1)


def _over(context: Context, known: Alert | None, incident: Incident | None, title: str) -> Reply:
    if known is None or incident is None:
        return context.say("alert.nothing_open")
    context.uow.keep_alert(rules.heard(known, title=title, firing=False, now=context.now))
    tell(context, incident)
    return context.say("alert.over_ok", ref=incident.ref, incident=incident.ref)


def _incident(context: Context, known: Alert | None) -> Incident | None:
    """The one it belongs to, or what that was merged into; None when it is closed, or its person must not see it."""
    ref = known.incident if known else None
    while ref is not None:
        found = context.uow.load(Incident, ref)
        if found.merged_into is None:
            return found if found.state in UNCLOSED and context.reader.sees(found) else None
        ref = found.merged_into
    return None


def _first(context: Context, given: Heard, title: str) -> Reply:
    """Not heard before, or its incident is over."""
    first = _report(context, given, title)
    joined, why = _joined(context, first)
    if joined is not None:
        _keep(context, given, title, joined.ref, None)
        tell(context, joined)
        return context.say(why, ref=joined.ref, incident=joined.ref, title=joined.title, most=rules.MOST_OPENED)
    incident = open_incident(context, first).incident
    _keep(context, given, title, incident.ref, context.now)
    return context.say("alert.opened", ref=incident.ref, incident=incident.ref, title=incident.title)


def _joined(context: Context, first: Tip) -> tuple[Incident | None, Literal["alert.joined", "alert.joined_newest"]]:
    """A like one of the last half hour; when too many were opened lately, the newest of those that still runs."""
    visible = [one for one in context.uow.recent_incidents(context.now - tips.LIKENESS) if one.running and context.reader.sees(one)]
    like = tips.alike(first, visible)
    if like:
        return context.uow.load(Incident, like[0]), "alert.joined"
    opened = context.uow.opened_by_alerts(context.message.token, context.now - rules.OPENED_WITHIN)
    if len(opened) >= rules.MOST_OPENED:
        found = (context.uow.load(Incident, ref) for ref in opened)
        # None of them may be left: then people have closed that many within the hour, and can stand one more.
        return next((one for one in found if one.running and context.reader.sees(one)), None), "alert.joined_newest"
    return None, "alert.joined"


def _keep(context: Context, given: Heard, title: str, incident: str, opened_at: datetime | None) -> None:
    """What opened an incident stands in its title: that much is said."""
    alert = Alert(context.person, given.alert or "", incident, title, context.message.token, context.now, opened_at=opened_at)
    context.uow.keep_alert(alert if opened_at is None else rules.told(alert, context.now))


def _report(context: Context, given: Heard, title: str) -> Tip:
    now = context.now
    return Tip(
        ref="",
        state=tips.State.WAITING,
        plan="",
        by=context.person,
        outsider=False,
        at=now,
        chat="",
        title=title,
        known_at=now,
        type=given.type,
        system=given.system or "",
        reporter=context.words.say("alert.who"),
        occurred_at=given.at if given.at and given.at <= now else None,
    )
