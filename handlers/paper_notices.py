"""News of a report's paper: that it waits for a signature, lost one, was returned, or may be sent. None = it no longer matters."""

from collections.abc import Mapping
from typing import Any

from handlers.core import report_view as view
from handlers.core.look import Look
from handlers.core.message import Card, Filed, Outgoing
from handlers.core.registry import screen


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
