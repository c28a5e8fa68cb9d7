"""Files that came in with nobody having said yet what they belong to: kept by whoever sent them, until a command takes them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, func
from sqlmodel import Session, col, select

from storage import files
from storage.cipher import Cipher
from storage.tables.files import AttachmentRow, FileChunkRow, FileRow, UploadRow
from storage.tables.papers import PaperRow
from storage.views.reader import Reader
from workflows.core.errors import BadWords, NotFound, RuleBroken

#: What may be attached, by the name's end: media type and how such a file begins (None: it has no fixed beginning).
KINDS: dict[str, tuple[str, tuple[bytes, ...] | None]] = {
    "png": ("image/png", (b"\x89PNG\r\n\x1a\n",)),
    "jpg": ("image/jpeg", (b"\xff\xd8\xff",)),
    "jpeg": ("image/jpeg", (b"\xff\xd8\xff",)),
    "gif": ("image/gif", (b"GIF87a", b"GIF89a")),
    "webp": ("image/webp", (b"RIFF",)),
    "pdf": ("application/pdf", (b"%PDF-",)),
    "docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", (b"PK\x03\x04",)),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", (b"PK\x03\x04",)),
    "pptx": ("application/vnd.openxmlformats-officedocument.presentationml.presentation", (b"PK\x03\x04",)),
    "zip": ("application/zip", (b"PK\x03\x04",)),
    "gz": ("application/gzip", (b"\x1f\x8b",)),
    "txt": ("text/plain", None),
    "log": ("text/plain", None),
    "csv": ("text/csv", None),
    "mp4": ("video/mp4", None),
    "pcap": ("application/vnd.tcpdump.pcap", None),
}
#: As many as one message brings.
MOST = 10
LONGEST_NAME = 120
#: What nobody has attached goes after so long; and so many bytes of one person may wait for it.
KEPT_FOR = timedelta(hours=24)
MOST_WAITING = 200 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    id: str
    sha256: str
    size: int
    media_type: str
    name: str
    person: str


def media_type(name: str, content: bytes) -> str:
    """By the name's end, and only if the content begins as such a file does; what the sender claims counts for nothing."""
    _, dot, end = name.rpartition(".")
    media, begins = KINDS.get(end.casefold() if dot else "", ("", None))
    if not media or (begins and not content.startswith(begins)):
        raise BadWords("file.kind", known=", ".join(KINDS))
    return media


def receive(
    session: Session, cipher: Cipher, content: bytes, *, id: str, name: str, person: str, now: datetime, mask: Callable[[str], str]
) -> Upload:
    """Keep what `person` sent; its name without any path, and masked like everything people write."""
    plain = "".join(sign for sign in name.replace("\\", "/").rpartition("/")[2] if sign.isprintable()).strip()
    bare = mask(plain)[-LONGEST_NAME:] or "file"
    if not content:
        raise RuleBroken("file.empty")
    held = _waiting(session, person)
    if held + len(content) > MOST_WAITING:
        raise RuleBroken("file.too_many", held=held // 1024**2, most=MOST_WAITING // 1024**2, hours=KEPT_FOR // timedelta(hours=1))
    kept = files.keep(session, cipher, content, media_type(bare, content), now)
    session.add(UploadRow(id=id, sha256=kept.sha256, name=bare, person=person, at=now))
    session.flush()
    return Upload(id, kept.sha256, kept.size, kept.media_type, bare, person)


def _unattached() -> ColumnElement[bool]:
    evidence, paper = (exists().where(col(kind.sha256) == col(UploadRow.sha256)) for kind in (AttachmentRow, PaperRow))
    return ~evidence & ~paper  # the bytes of a paper stay, also when somebody sends it back


def _waiting(session: Session, person: str) -> int:
    """Bytes that this person has sent and nobody has attached."""
    sent = select(UploadRow.sha256).where(UploadRow.person == person, _unattached()).distinct()
    return session.scalar(select(func.coalesce(func.sum(FileRow.size), 0)).where(col(FileRow.sha256).in_(sent))) or 0


def sweep(session: Session, now: datetime) -> int:
    """Forget what was sent long ago and never attached, and the bytes that nothing points to any more; how many uploads went."""
    gone = session.exec(select(UploadRow).where(col(UploadRow.at) <= now - KEPT_FOR, _unattached()).with_for_update()).all()
    for row in gone:
        session.delete(row)
    session.flush()
    for sha256 in {row.sha256 for row in gone}:
        if session.exec(select(UploadRow.id).where(UploadRow.sha256 == sha256).limit(1)).first() is None:
            session.connection().execute(delete(FileChunkRow).where(col(FileChunkRow.sha256) == sha256))
            session.connection().execute(delete(FileRow).where(col(FileRow.sha256) == sha256))
    return len(gone)


def of(session: Session, upload: str, person: str) -> Upload:
    """An upload of this person; NotFound for anybody else's."""
    row = session.get(UploadRow, upload)
    if row is None or row.person != person:
        raise NotFound("file.not_found")
    return _upload(session, row)


def named(session: Session, uploads: Iterable[str], person: str) -> list[Upload]:
    return [of(session, one, person) for one in dict.fromkeys(uploads)]


def seen_by(reader: Reader, session: Session, upload: str, person: str) -> Upload:
    """An upload that this person sent, or that is evidence of an incident which they may see."""
    row = session.get(UploadRow, upload)
    if row is None:
        raise NotFound("file.not_found")
    if row.person != person and not _evidence(reader, session, row.sha256):
        raise NotFound("file.not_found")
    return _upload(session, row)


def _evidence(reader: Reader, session: Session, sha256: str) -> bool:
    for incident in set(session.exec(select(AttachmentRow.incident).where(AttachmentRow.sha256 == sha256))):
        try:
            reader.incident(incident)
        except NotFound:
            continue
        return True
    return False


def _upload(session: Session, row: UploadRow) -> Upload:
    kept = files.kept(session, row.sha256)
    return Upload(row.id, row.sha256, kept.size, kept.media_type, row.name, row.person)
