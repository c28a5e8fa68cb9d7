"""First reports: `/incident open` and all that waits before an incident: what colleagues outside the plan report, and likely duplicates."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from handlers.core.access import may
from handlers.core.context import Context
from handlers.core.forms import question
from handlers.core.look import Look, missed_of
from handlers.core.message import Button, Card, Outgoing, Reply
from handlers.core.opening import open_incident, opened_reply, subtype_of
from handlers.core.registry import SCREENS, command, key, ref, rest, screen, timer
from workflows import incident as incidents
from workflows import tip as rules
from workflows.core.errors import BadWords
from workflows.incident import Incident
from workflows.tip import State, Tip

#: How many incidents a card offers for merging; any other can be typed.
MOST_OFFERED = 3


@dataclass(frozen=True, slots=True)
class Open:
    type: str | None = key("类型", kind="type")
    subtype: str | None = key("子类", "子类型")
    system: str | None = key("系统")
    place: str | None = key("地点")
    reporter: str | None = key("报告人")
    loss: str | None = key("损失", "初步损失")
    at: datetime | None = key("发生", "发生时间", "时间", kind="time")
    known: datetime | None = key("获知", "获知时间", kind="time")
    drill: bool | None = key("演练", kind="flag")
    restricted: bool | None = key("限制", kind="flag")
    text: str = rest("标题", "title")


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


@dataclass(frozen=True, slots=True)
class Which:
    tip: str | None = ref("N")


@dataclass(frozen=True, slots=True)
class WhichInto:
    tip: str = ref("N", optional=False)
    incident: str = ref("I", optional=False)


@dataclass(frozen=True, slots=True)
class WhichAndText:
    tip: str | None = ref("N")
    text: str = rest("理由", "reason")


@command("incident open", Open, zh="事件 上报", also=("事件 开启", "事件 新"), who="anyone", short=("上报",))
def open_(context: Context, given: Open) -> Reply:
    """Open an incident at once, even with nothing filled in; a likely duplicate, and what outsiders report, waits to be decided."""
    first = _first(context, given)
    if not may("member", context.person, context.organization):
        return _reported(context, first)
    context.uow.count("openings")  # one after the other until the commit: two who report the same thing at once see each other
    recent = [i for i in context.uow.recent_incidents(context.now - rules.LIKENESS) if context.reader.sees(i)]
    like = rules.alike(first, recent)
    if like:
        return _offered(context, replace(first, like=like[:MOST_OFFERED]))
    return opened_reply(context, open_incident(context, first))


def _first(context: Context, given: Open) -> Tip:
    """What was reported, not kept anywhere yet."""
    now, plan = context.now, context.uow.current_plan()
    if (given.known or now) > now or (given.at or now) > now:
        raise BadWords("incident.future")
    return Tip(
        ref="",
        state=State.WAITING,
        plan="",
        by=context.person,
        outsider=not may("member", context.person, context.organization),
        at=now,
        # A later click does not say what kind of chat it was made in, so that this has to be known now.
        chat=f"{context.message.platform}:{context.message.chat}" if context.message.chat_kind == "group" else "",
        title=" ".join(given.text.split()),
        known_at=given.known or now,
        type=given.type,
        subtype=subtype_of(plan, [given.type] if given.type else [], given.subtype),
        system=given.system or "",
        place=given.place or "",
        reporter=given.reporter or "",
        loss=given.loss or "",
        occurred_at=given.at,
        drill=bool(given.drill),
        restricted=bool(given.restricted),
    )


def _kept(context: Context, first: Tip) -> Tip:
    recent = context.uow.tips_of(first.by, context.now - rules.PERIOD) if first.outsider else 0
    kept = replace(first, ref=context.uow.next_ref(Tip), plan=context.uow.keep_plan())
    return context.uow.apply(rules.report(kept, context.organization, recent=recent))


def _reported(context: Context, first: Tip) -> Reply:
    """Somebody who is not in the plan gets a number, and hears later what became of it; nothing else."""
    if not first.title and not first.type and not first.system:
        raise BadWords("tip.empty")
    kept = _kept(context, first)
    return context.say("tip.thanks", ref=kept.ref, tip=kept.ref, office=context.group_name("office"))


def _offered(context: Context, first: Tip) -> Reply:
    """It looks like one that runs already: nothing is opened until the reporter has chosen."""
    kept = _kept(context, first)
    drawn = _card(Look.of(context), kept)
    named = [context.reader.incident(one) for one in kept.like]
    like = "\n".join(context.words.say("tip.like", ref=i.ref, title=i.title, at=i.opened_at, now=context.now) for i in named)
    text = context.words.say("tip.offered", tip=kept.ref, like=like)
    return Reply(text, ref=kept.ref, card=drawn)


@command("tip list", Nothing, zh="来报 列表", who="group:office", short=("来报",), tells="tip")
def list_(context: Context, given: Nothing) -> Reply:
    """Reports that wait to be decided."""
    found = context.uow.waiting_tips()
    lines = [context.words.say("tip.line", ref=t.ref, title=t.title, by=_who(Look.of(context), t), at=t.at, now=context.now) for t in found]
    return Reply("\n".join([context.words.say("tip.list", count=len(found)), *lines]))


@command("tip open", Which, zh="来报 开事件", who="member")
def open_tip(context: Context, given: Which) -> Reply:
    """Open an incident from a report."""
    tip = _tip(context, given.tip)
    rules.MACHINE.after(tip.state, "open")
    reporter = tip.reporter or (_who(Look.of(context), tip) if tip.by != context.person else "")
    opened = open_incident(context, replace(tip, reporter=reporter))
    context.uow.apply(rules.opened(tip, by=context.person, now=context.now, incident=opened.incident.ref))
    return opened_reply(context, opened)


@command("tip merge", WhichInto, zh="来报 并入", who="member")
def merge(context: Context, given: WhichInto) -> Reply:
    """It is the same as one that runs: its words go to that timeline."""
    tip = _tip(context, given.tip)
    incident = context.incident(given.incident)
    who = _who(Look.of(context), tip)
    context.uow.apply(rules.merged(tip, by=context.person, now=context.now, incident=incident.ref))
    context.uow.apply(
        incidents.also_reported(incident, by=context.person, who=who, text=_words_of(context, tip), loss=tip.loss, tip=tip.ref)
    )
    return context.say("tip.merged_ok", ref=incident.ref, tip=tip.ref, incident=incident.ref, title=incident.title)


@command("tip dismiss", WhichAndText, zh="来报 不予处理", who="group:office")
def dismiss(context: Context, given: WhichAndText) -> Reply:
    """No incident: the reporter reads why."""
    tip = _tip(context, given.tip)
    context.uow.apply(rules.dismissed(tip, by=context.person, now=context.now, reason=given.text))
    return context.say("tip.dismissed_ok", ref=tip.ref, tip=tip.ref)


def _tip(context: Context, ref: str | None) -> Tip:
    """The report asked about; to those who may not decide it, as if there were none."""
    tip = context.tip(ref)
    rules.may_decide(tip, context.person, context.organization)
    return tip


def _words_of(context: Context, tip: Tip) -> str:
    """What the report says of it, in one line."""
    fields = [(name, getattr(tip, name)) for name in ("system", "place")]
    said = [f"{context.words.say(f'incident.field.{name}')}:{value}" for name, value in fields if value]
    return " · ".join([tip.title or context.words.say("incident.untitled"), *said])


def _who(look: Look, tip: Tip) -> str:
    return look.say("tip.outsider", id=tip.by) if tip.by not in look.organization.people else look.name(tip.by)


@timer("N")
def remind(context: Context, tip: str, name: str, due: datetime) -> None:
    """Nobody has decided yet."""
    found = context.uow.load(Tip, tip)
    context.uow.apply(rules.remind(found, now=context.now, organization=context.organization))


@screen("tip")
def tip_card(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """What was reported, by whom, and three taps; once decided it says what became of it."""
    tip = look.reader.tip(about["ref"])
    twin = look.say("tip.twin", ref=tip.ref, title=tip.title, by=_who(look, tip))
    return Outgoing(twin, _card(look, tip))


def _card(look: Look, tip: Tip) -> Card:
    named = [
        (look.say(f"incident.field.{name}"), getattr(tip, name)) for name in ("system", "place", "loss", "reporter") if look.shows(name)
    ]
    lines = [
        ("", look.words.show(tip.title) or look.say("incident.untitled")),
        (look.say("tip.by"), look.say("tip.by_value", person=_who(look, tip), at=tip.at)),
        *[(name, look.words.show(value)) for name, value in named if value],
    ]
    if tip.state is not State.WAITING:
        note = look.say(f"tip.note_{tip.state}", person=look.name(tip.decided_by), at=tip.decided_at, became=tip.became, reason=tip.reason)
        return Card(look.say("tip.head", ref=tip.ref), tuple(lines), note, (), "good", tip.drill)
    note = look.say("tip.note_waiting" if tip.outsider else "tip.note_like")
    return Card(look.say("tip.head", ref=tip.ref), tuple(lines), note, _buttons(look, tip), "warning", tip.drill)


def _buttons(look: Look, tip: Tip) -> tuple[Button, ...]:
    offered = _candidates(look, tip)
    merge = [
        Button(look.say("button.merge_into", incident=i.ref), f"/tip merge {tip.ref} {i.ref}", tip.touched, "primary") for i in offered
    ]
    open_key = "button.open_anew" if tip.like else "button.open"
    found = [*merge, Button(look.say(open_key), f"/tip open {tip.ref}", tip.touched)]
    if look.person in look.organization.groups["office"].everyone and look.person != tip.by:
        found.append(
            Button(look.say("button.dismiss"), f"/tip dismiss {tip.ref}", tip.touched, "danger", form=question(look.say("ask.reason")))
        )
    return tuple(found)


def _candidates(look: Look, tip: Tip) -> list[Incident]:
    """What it can be merged into with one tap; restricted ones only for the member to whom they were offered."""
    found = [look.reader.incident(one) for one in tip.like]
    found += [] if tip.like else look.reader.unclosed(MOST_OFFERED)
    return [i for i in found if i.drill == tip.drill and (not i.restricted or look.person == tip.by)][:MOST_OFFERED]


@screen("tip.waits")
def waits(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """Still undecided: the card again, with how often and what comes next."""
    tip, values = look.reader.tip(about["ref"]), about["values"]
    if tip.state is not State.WAITING:
        return None
    phone = look.organization.people.get(look.organization.duty("office"))
    text = look.say(
        "tip.waits",
        round=values["round"],
        ref=tip.ref,
        title=tip.title,
        by=_who(look, tip),
        at=tip.at,
        duty=look.name(look.organization.duty("office")),
        phone=phone.phone if phone else "",
        missed=missed_of(look, values),
        next=datetime.fromisoformat(values["next_at"]),
    )
    return Outgoing(text, SCREENS["tip"](look, about).card)  # type: ignore[union-attr]  # a tip's card always matters


@screen("tip.became")
def became(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To the one who reported: what became of it, and nothing of the house."""
    tip = look.reader.tip(about["ref"])
    key = f"tip.outsider_{tip.state}" if tip.outsider else f"tip.member_{tip.state}"
    return Outgoing(look.say(key, ref=tip.ref, title=tip.title, person=look.name(tip.decided_by), became=tip.became, reason=tip.reason))
