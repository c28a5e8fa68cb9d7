"""Papers to regulators and the closing summary: drafted by work, signed by somebody else, never needed to say that somebody was told."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from handlers.core import forms
from handlers.core.access import check
from handlers.core.asking import needed
from handlers.core.audience import WHOLE
from handlers.core.context import Context
from handlers.core.documents import document
from handlers.core.duties import duty_name as name_of
from handlers.core.duties import recipients
from handlers.core.look import Look
from handlers.core.message import Button, Card, Filed, Outgoing, Reply, plain
from handlers.core.paper_rights import SUMMARY, makers
from handlers.core.paper_sheet import fill
from handlers.core.registry import WORKS, Work, command, key, ref, screen
from handlers.core.wording import Words
from storage.papers import Paper, content_of
from workflows import incident as incidents
from workflows import regulator_report as rules
from workflows.core import approval as approvals
from workflows.core.errors import Conflict, RuleBroken
from workflows.core.paper import Form, Sheet, Signature
from workflows.incident import Incident
from workflows.regulator_report import Report

#: The form of the closing summary.
CLOSING = "internal_summary"
#: What obligations call the bureau of the place where the firm is.
BUREAU = "属地证监局"


@dataclass(frozen=True, slots=True)
class Draft:
    report: str | None = ref("R")
    partial: bool = key("部分", "先报", kind="flag", default=False)


@dataclass(frozen=True, slots=True)
class Sign:
    report: str | None = ref("R")
    version: float | None = key("版本", "稿", kind="number")


@dataclass(frozen=True, slots=True)
class OfIncident:
    incident: str | None = ref("I")


# Asking


@command("report draft", Draft, zh="报送 起草", who="member", tells="clock")
def draft(context: Context, given: Draft) -> Reply:
    """Have the paper of this report made from what is known now."""
    report, incident = context.item(Report, given.report, "R", "house.which_report")
    check(makers(report), context.person, context.organization)
    rules.MACHINE.after(report.state, "draft")
    form = _form(context, context.uow.plan_of(incident).obligations[report.obligation].paper, report.ref)
    if given.partial and not form.partial:
        raise RuleBroken("report.not_partial", ref=report.ref, title=context.words.twin(form.title, form.title_en))
    _have_made(context, incident, report.ref, form, partial=given.partial)
    return context.say(_drafting(context), ref=report.ref, report=report.ref, title=context.words.twin(form.title, form.title_en))


@command("incident summary", OfIncident, zh="事件 总结", who=SUMMARY, tells="clock")
def summary(context: Context, given: OfIncident) -> Reply:
    """Have the closing summary of the incident made."""
    incident = context.incident(given.incident)
    incidents.MACHINE.after(incident.state, "summary")
    form = _form(context, CLOSING, incident.ref)
    _have_made(context, incident, incident.ref, form, partial=False)
    return context.say(_drafting(context), ref=incident.ref, report=incident.ref, title=context.words.twin(form.title, form.title_en))


def _form(context: Context, name: str, ref: str) -> Form:
    """Forms are always today's, whatever plan the incident was opened under."""
    found = context.uow.current_plan().papers.get(name)
    if found is None:
        raise RuleBroken("report.no_form", ref=ref)
    return found


def _have_made(context: Context, incident: Incident, ref: str, form: Form, *, partial: bool) -> None:
    about = {"ref": ref, "incident": incident.ref, "form": form.id, "partial": partial, "by": context.person}
    context.uow.have_made("paper", ref, {**about, **_place(context)})


@command("report sign", Sign, zh="报送 签发", who="member", four_eyes=True, tells="clock")
def sign(context: Context, given: Sign) -> Reply:
    """Sign exactly this version of the paper, which somebody else drafted."""
    report, incident = context.item(Report, given.report, "R", "house.which_report")
    context.check_proven(incident, "approve")
    if given.version is None and report.drafts > 1:
        raise RuleBroken("report.which_draft", ref=report.ref, latest=report.drafts)
    version = report.drafts if given.version is None else int(given.version) if given.version.is_integer() else 0
    ladder, signers = context.uow.plan_of(incident).ladder, _signers(context, incident)
    outcome = rules.sign(report, by=context.person, now=context.now, version=version, signers=signers, ladder=ladder)
    after = context.uow.apply(outcome)
    about = {"ref": report.ref, "incident": incident.ref, "version": version, "by": context.person}
    context.uow.have_made("signed", report.ref, {**about, **_place(context)})
    return context.say("report.signed", ref=report.ref, report=report.ref, version=version, digest=after.signed_sha256[:16])


def _drafting(context: Context) -> str:
    return "report.drafting" if _place(context)["chat"] or not context.message.chat else "report.drafting_alone"


def _place(context: Context) -> dict[str, str]:
    """Where the paper goes: a paper tells everything, so into no room that is not shown everything."""
    alone = Look.of(context).audience != WHOLE
    return {"platform": context.message.platform, "chat": "" if alone else context.message.chat}


def _signers(context: Context, incident: Incident) -> tuple[str, ...]:
    return approvals.deciders(needed(context, incident, "sign"), context.organization)


# Making


@dataclass(frozen=True, slots=True)
class _Order:
    sheet: Sheet
    signature: Signature | None
    letterhead: bytes | None


def _read(context: Context, about: Mapping[str, Any]) -> _Order:
    """What is known now, as a sheet."""
    look = Look(context.reader, context.words, context.zone, context.now)
    incident = look.reader.incident(str(about["incident"]))
    ref, to = str(about["ref"]), ""
    if ref != incident.ref:
        report = look.reader.report(ref)
        to = _addressees(look, incident, report)
    sheet = fill(
        look,
        incident,
        _form(context, str(about["form"]), ref),
        record_ref=ref,
        version=context.uow.paper_versions(ref) + 1,
        to=to,
        by=str(about["by"]),
        partial=bool(about["partial"]),
        seal=_seal(context, look),
    )
    return _Order(sheet, None, context.uow.letterhead)


def _addressees(look: Look, incident: Incident, report: Report) -> str:
    """By name, where the plan says which bureau is the firm's."""
    bureau = look.organization.firm.bureau
    names = (
        bureau if one == BUREAU and bureau else one for one in recipients(look.words, look.reader.plan_of(incident), report.recipients)
    )
    return look.words.join(names)


def _seal(context: Context, look: Look) -> str:
    found = context.uow.newest_seal()
    if found is None:
        return context.words.say("paper.no_seal")
    number, at, digest = found
    return context.words.say("paper.seal", number=number, digest=digest[:16], at=f"{at.astimezone(look.zone):%Y-%m-%d %H:%M}")


def _make(words: Words, order: _Order) -> bytes:
    digest = hashlib.sha256(content_of(order.sheet)).hexdigest()
    return document(words, order.sheet, digest, signature=order.signature, letterhead=order.letterhead)


def _keep(context: Context, about: Mapping[str, Any], order: _Order, made: bytes) -> None:
    """The version is there, in the commit that says so in the record's trail."""
    incident = context.uow.load(Incident, str(about["incident"]))
    ref, by, sheet = str(about["ref"]), str(about["by"]), order.sheet
    if sheet.version != context.uow.paper_versions(ref) + 1:
        raise Conflict(f"{ref} has another version {sheet.version} by now")
    record = incident if ref == incident.ref else context.uow.load(Report, ref)
    paper = context.uow.keep_paper(sheet, made, record=record, name=_name(sheet), signed=False, by=by)
    said: dict[str, Any] = {"by": by, "version": paper.version, "sha256": paper.sha256, "content": paper.content}
    if isinstance(record, Incident):
        context.uow.apply(incidents.summarise(record, **said))
    else:
        ladder, signers = context.uow.plan_of(incident).ladder, _signers(context, incident)
        context.uow.apply(rules.draft(record, **said, now=context.now, partial=sheet.partial, signers=signers, ladder=ladder))
    text = context.words.say("report.made", ref=ref, title=sheet.title, version=paper.version, digest=paper.sha256[:16])
    context.uow.answer(f"paper:{paper.id}", about, plain(Outgoing(text, files=(_filed(paper),))))


def _read_signed(context: Context, about: Mapping[str, Any]) -> _Order:
    """The very sheet that was signed, with the signature."""
    report = context.reader.report(str(about["ref"]))
    sheet = context.uow.sheet(context.uow.paper(report.ref, int(about["version"])))
    look = Look(context.reader, context.words, context.zone, context.now)
    if report.signed_at is None:
        raise RuleBroken("report.other_draft", ref=report.ref, version=about["version"], latest=report.drafts)
    local = report.signed_at.astimezone(context.zone)
    at = context.words.say("paper.moment", year=str(local.year), month=local.month, day=local.day, time=f"{local:%H:%M}")
    return _Order(sheet, Signature(look.name(report.signed_by), at), context.uow.letterhead)


def _keep_signed(context: Context, about: Mapping[str, Any], order: _Order, made: bytes) -> None:
    report = context.uow.load(Report, str(about["ref"]))
    incident, version, by = context.uow.incident_of(report), int(about["version"]), str(about["by"])
    name = context.words.say("paper.signed_name", name=_name(order.sheet).removesuffix(".docx")) + ".docx"
    paper = context.uow.keep_paper(order.sheet, made, record=report, name=name, signed=True, by=by)
    context.uow.apply(rules.issue(report, version=version, sha256=paper.sha256, ladder=context.uow.plan_of(incident).ladder))
    text = context.words.say("report.signed_copy", ref=report.ref, version=version, digest=paper.sha256[:16])
    context.uow.answer(f"paper:{paper.id}", about, plain(Outgoing(text, files=(_filed(paper),))))


def _name(sheet: Sheet) -> str:
    return f"{sheet.number} {sheet.title}.docx"


def _filed(paper: Paper) -> Filed:
    return Filed(paper.id, paper.name, paper.size)


WORKS["paper"] = Work(_read, _make, _keep)
WORKS["signed"] = Work(_read_signed, _make, _keep_signed)


# Saying


def _news(kind: str) -> None:
    """News of a report's paper, to one person; what a later draft has overtaken no longer matters."""

    @screen(f"report.{kind}")
    def draw(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
        report, values = look.reader.report(about["ref"]), about["values"]
        version = int(values.get("paper") or values["version"])
        if report.drafts != version or not report.open or (kind == "to_sign" and report.signed_by):
            return None
        incident = look.reader.incident(report.incident)
        name = name_of(look.words, look.reader.plan_of(incident).obligations[report.obligation])
        paper = look.reader.paper(report.ref, version, signed=kind == "issued")
        text = look.say(
            f"report.news_{kind}", ref=report.ref, name=name, version=version, by=look.name(values["by"]), digest=paper.sha256[:16]
        )
        head = look.say("notice.report_head", ref=report.ref, number=incident.number)
        card = Card(head, (("", text),), "", _buttons(look, report, kind), "warning", incident.drill)
        return Outgoing(text, card, files=(_filed(paper),))


def _buttons(look: Look, report: Report, kind: str) -> tuple[Button, ...]:
    if kind == "issued":
        return (Button(look.say("button.filed", ref=report.ref), f"/report filed {report.ref}", None, form=forms.filing(look, report)),)
    button = Button(
        look.say("button.sign", ref=report.ref), f"/report sign {report.ref} version={report.drafts}", report.touched, "primary"
    )
    return (replace(button, confirm=True),)


for _kind in ("to_sign", "unsigned", "issued"):
    _news(_kind)
