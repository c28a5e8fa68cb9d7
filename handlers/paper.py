"""Papers to regulators and the closing summary: drafted by work, signed by somebody else, never needed to say that somebody was told."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handlers.core.access import check, house_scope
from handlers.core.audience import WHOLE
from handlers.core.context import Context
from handlers.core.documents import document
from handlers.core.duties import recipients
from handlers.core.look import Look
from handlers.core.message import Filed, Outgoing, Reply, plain
from handlers.core.paper_rights import SUMMARY, makers, signers
from handlers.core.paper_sheet import fill
from handlers.core.registry import WORKS, Work, command, key, ref, rest
from handlers.core.wording import Words
from storage.database import canonical
from storage.papers import Paper, content_of
from storage.views.reader import Reader
from workflows import incident as incidents
from workflows import regulator_report as rules
from workflows.core.errors import Conflict, RuleBroken
from workflows.core.paper import Difference, Form, Sheet, Signature, differences
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
    differences: str | None = key("差异", kind="word")
    text: str = rest("理由", "reason")


@dataclass(frozen=True, slots=True)
class Return:
    report: str | None = ref("R")
    version: float | None = key("版本", "稿", kind="number")
    text: str = rest("理由", "reason", required=True)


@dataclass(frozen=True, slots=True)
class OfIncident:
    incident: str | None = ref("I")


# Asking


@command("report draft", Draft, zh="报送 起草", who="member", tells="clock")
def draft(context: Context, given: Draft) -> Reply:
    """Have the paper of this report made from what is known now."""
    report, incident = context.item(Report, given.report, "R", "house.which_report")
    check(makers(report), context.person, context.organization)
    return _draft(context, incident, report, partial=given.partial)


def _draft(context: Context, incident: Incident, report: Report, *, partial: bool) -> Reply:
    rules.MACHINE.after(report.state, "draft")
    form = _form(context, context.uow.plan_of(incident).obligations[report.obligation].paper, report.ref)
    if partial and not form.partial:
        raise RuleBroken("report.not_partial", ref=report.ref, title=context.words.twin(form.title, form.title_en))
    if partial and report.completing:
        raise RuleBroken("report.rest", ref=report.ref)
    _have_made(context, incident, report.ref, form, partial=partial)
    return context.say(_drafting(context), ref=report.ref, report=report.ref, title=context.words.twin(form.title, form.title_en))


@command("incident summary", OfIncident, zh="事件 总结", who=SUMMARY, tells="clock")
def summary(context: Context, given: OfIncident) -> Reply:
    """Have the closing summary of the incident made: once it is due, as the paper of that report, to be signed and filed like any other."""
    incident = context.incident(given.incident)
    incidents.MACHINE.after(incident.state, "summary")
    duties = context.uow.plan_of(incident).obligations
    wanted = (report for report in context.uow.reports(incident.ref) if report.open and duties[report.obligation].paper == CLOSING)
    if due := next(wanted, None):
        return _draft(context, incident, due, partial=False)
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
    version = _version(report, given.version)
    said: dict[str, Any] = {"by": context.person, "now": context.now, "version": version}
    said |= {"signers": _signers(context, incident, report), "ladder": context.uow.plan_of(incident).ladder}
    outcome = rules.sign(report, **said)
    if differs := _differences(context, incident, report):
        if given.differences != _stamp(differs):
            return _out_of_date(context, incident, report, differs)
        outcome = rules.sign(report, **said, differs=differs, reason=given.text)
    after = context.uow.apply(outcome)
    about = {"ref": report.ref, "incident": incident.ref, "version": version, "issue": report.issue, "by": context.person}
    about |= {"at": context.now.isoformat(), "of": after.signed_sha256}
    context.uow.have_made("signed", report.ref, {**about, **_place(context)})
    return context.say("report.signed", ref=report.ref, report=report.ref, version=version, digest=after.signed_sha256[:16])


@command("report return", Return, zh="报送 退稿", who="member", tells="clock")
def return_(context: Context, given: Return) -> Reply:
    """Do not sign this version; who drafted it hears why."""
    report, incident = context.item(Report, given.report, "R", "house.which_report")
    said: dict[str, Any] = {"by": context.person, "version": _version(report, given.version), "reason": given.text}
    context.uow.apply(
        rules.return_(report, **said, signers=_signers(context, incident, report), ladder=context.uow.plan_of(incident).ladder)
    )
    return context.say("report.draft_returned", ref=report.ref, report=report.ref, by=context.name(report.drafted_by))


def _version(report: Report, given: float | None) -> int:
    if given is None and report.drafts > 1:
        raise RuleBroken("report.which_draft", ref=report.ref, latest=report.drafts)
    return report.drafts if given is None else int(given) if given.is_integer() else 0


def _differences(context: Context, incident: Incident, report: Report) -> tuple[Difference, ...]:
    """What the draft says otherwise than it would say if it were made now."""
    paper = context.uow.sheet(context.uow.paper(report.ref, report.drafts))
    form = _form(context, paper.form, report.ref)
    return differences(
        paper, _filled(context, incident, form, report.ref, version=paper.version, by=report.drafted_by or "", partial=paper.partial)
    )


def _stamp(differs: tuple[Difference, ...]) -> str:
    """Binds a confirmation to exactly what was shown."""
    return hashlib.sha256(canonical(differs).encode()).hexdigest()[:8]


def _out_of_date(context: Context, incident: Incident, report: Report, differs: tuple[Difference, ...]) -> Reply:
    """Nothing is signed yet; what has changed goes to who signs alone, figure by figure, with the two ways on."""
    said: dict[str, Any] = {"by": context.person, "version": report.drafts, "differs": differs, "stamp": _stamp(differs)}
    context.uow.apply(rules.hold(report, **said, ladder=context.uow.plan_of(incident).ladder))
    return context.say("report.out_of_date", ref=report.ref, report=report.ref, version=report.drafts, count=len(differs))


def _drafting(context: Context) -> str:
    return "report.drafting" if _place(context)["chat"] or not context.message.chat else "report.drafting_alone"


def _place(context: Context) -> dict[str, str]:
    """Where the paper goes: a paper tells everything, so into no room that is not shown everything."""
    alone = Look.of(context).audience != WHOLE
    return {"platform": context.message.platform, "chat": "" if alone else context.message.chat}


def _signers(context: Context, incident: Incident, report: Report) -> tuple[str, ...]:
    return signers(context.uow.plan_of(incident), context.response(incident), incident, report.obligation, context.organization)


# Making


@dataclass(frozen=True, slots=True)
class _Order:
    sheet: Sheet
    signature: Signature | None
    letterhead: bytes | None


def _read(context: Context, about: Mapping[str, Any]) -> _Order:
    """What is known now, as a sheet."""
    incident, ref = context.reader.incident(str(about["incident"])), str(about["ref"])
    said: dict[str, Any] = {"by": str(about["by"]), "partial": bool(about["partial"])}
    form, version = _form(context, str(about["form"]), ref), context.uow.paper_versions(ref) + 1
    return _Order(_filled(context, incident, form, ref, version=version, **said), None, context.uow.letterhead)


def _filled(context: Context, incident: Incident, form: Form, ref: str, *, version: int, by: str, partial: bool) -> Sheet:
    """As the house sees it, whoever asks."""
    look = Look(context.reader.within(house_scope(), Reader), context.words, context.zone, context.now)
    to = "" if ref == incident.ref else _addressees(look, incident, look.reader.report(ref))
    seal = _seal(context, look)
    return fill(look, incident, form, record_ref=ref, version=version, to=to, by=by, partial=partial, seal=seal)


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
        ladder, ask = context.uow.plan_of(incident).ladder, _signers(context, incident, record)
        context.uow.apply(rules.draft(record, **said, now=context.now, partial=sheet.partial, signers=ask, ladder=ladder))
    text = context.words.say("report.made", ref=ref, title=sheet.title, version=paper.version, digest=paper.sha256[:16])
    context.uow.answer(f"paper:{paper.id}", about, plain(Outgoing(text, files=(_filed(paper),))))


def _read_signed(context: Context, about: Mapping[str, Any]) -> _Order:
    """The very sheet that was signed, with the signature."""
    sheet = context.uow.sheet(context.uow.paper(str(about["ref"]), int(about["version"])))
    local = datetime.fromisoformat(str(about["at"])).astimezone(context.zone)
    at = context.words.say("paper.moment", year=str(local.year), month=local.month, day=local.day, time=f"{local:%H:%M}")
    return _Order(sheet, Signature(context.name(str(about["by"])), at), context.uow.letterhead)


def _keep_signed(context: Context, about: Mapping[str, Any], order: _Order, made: bytes) -> None:
    report = context.uow.load(Report, str(about["ref"]))
    incident, version, by = context.uow.incident_of(report), int(about["version"]), str(about["by"])
    name = context.words.say("paper.signed_name", name=_name(order.sheet).removesuffix(".docx")) + ".docx"
    paper = context.uow.keep_paper(order.sheet, made, record=report, name=name, signed=True, by=by)
    signed: dict[str, Any] = {"version": version, "of_issue": int(about["issue"]), "by": by, "of": str(about["of"])}
    context.uow.apply(rules.issue(report, **signed, sha256=paper.sha256, ladder=context.uow.plan_of(incident).ladder))
    text = context.words.say("report.signed_copy", ref=report.ref, version=version, digest=paper.sha256[:16])
    context.uow.answer(f"paper:{paper.id}", about, plain(Outgoing(text, files=(_filed(paper),))))


def _name(sheet: Sheet) -> str:
    return f"{sheet.number} {sheet.title}.docx"


def _filed(paper: Paper) -> Filed:
    return Filed(paper.id, paper.name, paper.size)


WORKS["paper"] = Work(_read, _make, _keep)
WORKS["signed"] = Work(_read_signed, _make, _keep_signed)
