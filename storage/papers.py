"""Papers: kept by their hash, one row for each version, read by those who may."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from storage import files
from storage.cipher import Cipher
from storage.database import canonical
from storage.queue import Queue, add
from storage.tables.papers import PaperRow
from storage.tables.queues import WorkRow
from workflows.core.errors import Conflict, NotFound
from workflows.core.paper import Sheet, sheet_of

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
#: What is computed outside any transaction. A paper takes a second; whoever holds it longer than this has died.
WORK = Queue(WorkRow, lease=timedelta(seconds=90), attempts=6)


@dataclass(frozen=True, slots=True)
class Paper:
    """`size` of the file in bytes; else see `PaperRow`."""

    id: str
    incident: str
    record_ref: str
    version: int
    signed: bool
    form: str
    number: str
    name: str
    sha256: str
    content: str
    by: str
    at: datetime
    size: int


def ask_for(session: Session, *, kind: str, key: str, lane: str, about: dict[str, object], now: datetime) -> bool:
    """Have something made; False where it was asked for already."""
    row = WorkRow(lane=lane, due=now, created=now, key=key, kind=kind, about=about)
    return add(session, row, "key") is not None


def content_of(sheet: Sheet) -> bytes:
    """The bytes whose SHA-256 stands in the paper's footer."""
    return canonical(asdict(sheet)).encode()


def keep(
    session: Session, cipher: Cipher, sheet: Sheet, document: bytes, *, incident: str, record_ref: str, name: str, signed: bool, by: str,
    now: datetime,
) -> Paper:  # fmt: skip
    """One version, once: Conflict where there is one already."""
    kept = files.keep(session, cipher, document, DOCX, now)
    content = files.keep(session, cipher, content_of(sheet), "application/json", now)
    row = PaperRow(
        id=f"{record_ref}-{sheet.version}{'-signed' if signed else ''}",
        incident=incident,
        record_ref=record_ref,
        version=sheet.version,
        signed=signed,
        form=sheet.form,
        number=sheet.number,
        name=name,
        sha256=kept.sha256,
        content=content.sha256,
        by=by,
        at=now,
    )
    if session.get(PaperRow, row.id) is not None:
        raise Conflict(f"paper {row.id} is there already")
    session.add(row)
    session.flush()
    return _paper(session, row)


def versions(session: Session, record_ref: str) -> int:
    """How many versions there are of the papers of a record."""
    last = select(PaperRow.version).where(PaperRow.record_ref == record_ref).order_by(col(PaperRow.version).desc()).limit(1)
    return session.exec(last).first() or 0


def find(session: Session, record_ref: str, version: int, *, signed: bool = False) -> Paper:
    return named(session, f"{record_ref}-{version}{'-signed' if signed else ''}")


def of_incident(session: Session, incident: str) -> list[Paper]:
    rows = session.exec(select(PaperRow).where(PaperRow.incident == incident).order_by(col(PaperRow.at), col(PaperRow.id)))
    return [_paper(session, row) for row in rows]


def sheet(session: Session, cipher: Cipher, paper: Paper) -> Sheet:
    return sheet_of(json.loads(files.read(session, cipher, paper.content)))


def named(session: Session, paper: str) -> Paper:
    row = session.get(PaperRow, paper)
    if row is None:
        raise NotFound("file.not_found")
    return _paper(session, row)


def _paper(session: Session, row: PaperRow) -> Paper:
    return Paper(**row.model_dump(), size=files.kept(session, row.sha256).size)
