"""The table at the end of a story: when each duty was due and when it was done, what was approved by whom, which papers were made."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from handlers.core.access import house_scope
from handlers.core.duties import duty_name, recipients
from handlers.core.wording import Words
from storage.plans import Plans
from storage.tables.audit import AuditRow
from storage.tables.papers import PaperRow
from storage.views.reader import Reader
from workflows.regulator_report import Report


def tables(tx: Session, plans: Plans, words: Words) -> list[str]:
    reader = Reader(tx, plans, house_scope())
    names = {person.id: person.name for person in plans.organization.people.values()}
    lines = ["", "## 时限与办结", ""]
    lines += _table(("编号", "报送事项", "对象", "应在", "报出", "方式与回执", ""), _duties(tx, reader, words, names))
    if rows := list(_texts(reader, words, names)):
        lines += ["", "## 声明与批准", "", *_table(("文稿", "状态", "指纹", "何人何时同意"), rows)]
    if rows := list(_papers(tx, words, names)):
        lines += ["", "## 文书", "", *_table(("文书", "起草", "签发件"), rows)]
    return lines


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _duties(tx: Session, reader: Reader, words: Words, names: dict[str, str]) -> Iterator[tuple[str, ...]]:
    """One line for each round of each duty; its deadline is what the trail says of it when it was told."""
    plan = reader.plan_of(reader.incident("I1"))
    for report in sorted(reader.reports("I1"), key=lambda one: int(one.ref[1:])):
        name, said = duty_name(words, plan.obligations[report.obligation]), _trail(tx, report)
        for issue, deadline in said.items():
            told = [one for one in report.filed if one.issue == issue]
            to = words.join(recipients(words, plan, [one.to for one in told] or list(report.recipients)))
            if told:
                at = max(one.at for one in told)
                proof = ";".join(dict.fromkeys(one.proof for one in told))
                yield report.ref, name, to, _moment(words, deadline), _moment(words, at), proof, "超时" if at > deadline else "按时"
            elif report.waived_by:
                who = "到恢复为止" if report.waived_by == "rule" else f"{names[report.waiver_by or '']} 提、{names[report.waived_by]} 同意"
                yield report.ref, name, to, _moment(words, deadline), "不需报", who, ""
            elif report.open:
                yield report.ref, name, to, _moment(words, deadline), words.show(report.state), "", ""


def _trail(tx: Session, report: Report) -> dict[int, datetime]:
    """The deadline of each round as it stood at its end."""
    rows = tx.exec(select(AuditRow).where(AuditRow.record_ref == report.ref).order_by(col(AuditRow.version))).all()
    found: dict[int, datetime] = {}
    issue = 1
    for row in rows:
        issue += row.verb == "filed" and "deadline_at" in row.details
        if row.details.get("deadline_at"):
            found[issue] = datetime.fromisoformat(row.details["deadline_at"])
    return found


def _texts(reader: Reader, words: Words, names: dict[str, str]) -> Iterator[tuple[str, ...]]:
    approvals = {one.ref: one for one in reader.approvals("I1")}
    for statement in reader.statements("I1"):
        for text in reader.revisions(statement):
            last = text.number == statement.revision
            which = ("statement", statement.ref, text.number)
            asked = [a for a in approvals.values() if (a.kind, a.subject, a.values.get("revision")) == which]
            agreed = [
                f"{names[a.decided_by]} {_moment(words, a.decided_at)}({a.ref}{',作废' if a.state == 'void' else ''})"
                for a in asked
                if a.decided_by and a.decided_at
            ]
            state = words.show(statement.state) if last else "已被下一版取代"
            yield f"{statement.ref} v{text.number}「{statement.title}」", state, text.digest[:8], "、".join(agreed) or "—"


def _papers(tx: Session, words: Words, names: dict[str, str]) -> Iterator[tuple[str, ...]]:
    rows = sorted(tx.exec(select(PaperRow)).all(), key=lambda row: (row.at, int(row.record_ref[1:]), row.version))
    signed = {(row.record_ref, row.version): row for row in rows if row.signed}
    for row in rows:
        copy = signed.get((row.record_ref, row.version))
        if not row.signed:
            yield (
                row.name.removesuffix(".docx"),
                f"{names[row.by]} {_moment(words, row.at)}",
                (f"{names[copy.by]} {_moment(words, copy.at)}" if copy else "—"),
            )


def _moment(words: Words, at: datetime) -> str:
    return f"{at.astimezone(words.zone):%m-%d %H:%M}"
