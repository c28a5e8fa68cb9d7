"""News of a report's paper: that it waits for a signature, lost one, was returned, or may be sent. None = it no longer matters."""

from collections.abc import Mapping
from typing import Any

from handlers.core import report_view as view
from handlers.core.forms import question
from handlers.core.look import Look
from handlers.core.message import Button, Card, Field, Filed, Outgoing
from handlers.core.registry import screen
from workflows.regulator_report import Report


def _news(kind: str) -> None:
    """News of a report's paper, to one person; what a later draft has overtaken no longer matters."""

    @screen(f"report.{kind}")
    def draw(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
        report, values = look.reader.report(about["ref"]), about["values"]
        version = int(values.get("paper") or values["version"])
        if report.drafts != version or not report.open or (kind == "to_sign" and report.signed_by):
            return None
        incident = look.reader.incident(report.incident)
        paper = look.reader.paper(report.ref, version, signed=kind == "issued")
        text = look.say(
            f"report.news_{kind}",
            ref=report.ref,
            name=view.named(look, report),
            version=version,
            by=look.name(values["by"]),
            digest=paper.sha256[:16],
        )
        head = look.say("notice.report_head", ref=report.ref, number=incident.number)
        card = Card(
            head,
            (("", text),),
            "",
            view.told_buttons(look, report) if kind == "issued" else view.sign_buttons(look, report),
            "warning",
            incident.drill,
        )
        return Outgoing(text, card, files=(Filed(paper.id, paper.name, paper.size),))


@screen("report.differs")
def out_of_date(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """To who wanted to sign: what the paper says and what is so now, and the two ways on."""
    report, values = look.reader.report(about["ref"]), about["values"]
    if report.drafts != int(values["paper"]) or not report.open or report.signed_by or not report.draft_sha256:
        return None
    incident, nothing = look.reader.incident(report.incident), look.say("paper.nothing")
    lines = [(name, look.say("report.differs", was=was or nothing, is_now=now or nothing)) for name, was, now in values["differs"]]
    named = {"ref": report.ref, "version": report.drafts, "count": len(lines)}
    head, ways = look.say("report.out_of_date_list", **named), look.say("report.out_of_date_ways", **named, stamp=str(values["stamp"]))
    whole = "\n".join([head, *(f"{name}: {said}" for name, said in lines), ways])
    title = look.say("report.out_of_date_title", ref=report.ref)
    card = Card(title, (("", head), *lines), ways, _ways_on(look, report, values), "warning", incident.drill)
    return Outgoing(whole, card)


def _ways_on(look: Look, report: Report, values: Mapping[str, Any]) -> tuple[Button, ...]:
    act = f"{report.ref} version={report.drafts}"
    why = look.say("report.return_reason", count=len(values["differs"]))
    reason = Field("text", look.say("ask.reason"), "long", value=why, required=True)
    back = Button(look.say("button.return_draft", ref=report.ref), f"/report return {act}", report.touched, "primary", form=(reason,))
    sign = f"/report sign {act} differences={values['stamp']}"
    knowing = question(look.say("ask.sign_knowing"))
    return back, Button(look.say("button.sign_knowing"), sign, report.touched, "danger", form=knowing, confirm=True)


@screen("report.returned")
def returned(look: Look, about: Mapping[str, Any]) -> Outgoing | None:
    """Nobody signs it as it is: to who drafted it, with the way to the next version."""
    report, values = look.reader.report(about["ref"]), about["values"]
    if report.drafts != int(values["version"]) or not report.open:
        return None
    incident = look.reader.incident(report.incident)
    said = {"ref": report.ref, "name": view.named(look, report), "version": int(values["version"])}
    text = look.say("report.news_returned", **said, by=look.name(values["by"]), reason=str(values["reason"]))
    head = look.say("notice.report_head", ref=report.ref, number=incident.number)
    return Outgoing(text, Card(head, (("", text),), "", view.buttons(look, report), "warning", incident.drill))


for _kind in ("to_sign", "unsigned", "issued"):
    _news(_kind)
