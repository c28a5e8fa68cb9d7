"""What people send: only what may be attached, once per content, under a masked name, and only for those who may see it."""

import pytest
from sqlmodel import col, select

from handlers.core.screen import screen
from storage import files, uploads
from storage.cipher import Cipher
from storage.database import Database
from storage.tables.files import FileChunkRow, FileRow
from storage.uploads import KINDS, Upload
from tests.make import START
from tests.ready import with_schema
from workflows.core.errors import BadWords, NotFound, RuleBroken

CIPHER = Cipher((("test", bytes(range(32))),))
PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 100


@pytest.fixture
def kept(database: Database) -> Database:
    with_schema(database)
    return database


def send(database: Database, content: bytes, name: str = "截图.png", *, id: str = "u1", person: str = "li.na") -> Upload:
    mask = lambda text: screen(text).text  # noqa: E731
    return database.write(lambda tx: uploads.receive(tx, CIPHER, content, id=id, name=name, person=person, now=START, mask=mask))


def test_what_is_sent_is_kept_sealed_and_once_per_content(kept: Database) -> None:
    first, again = send(kept, PNG), send(kept, PNG, "again.PNG", id="u2", person="wang.qiang")
    assert (first.media_type, first.size, first.sha256) == ("image/png", len(PNG), again.sha256)
    assert kept.read(lambda tx: len(tx.exec(select(FileRow)).all())) == 1
    assert kept.read(lambda tx: files.read(tx, CIPHER, first.sha256)) == PNG
    sealed = kept.read(lambda tx: [row.content for row in tx.exec(select(FileChunkRow).order_by(col(FileChunkRow.part)))])
    assert b"picture" not in b"".join(sealed)


def test_empty_too_large_and_foreign_kinds_are_refused_and_leave_nothing(kept: Database) -> None:
    with pytest.raises(RuleBroken, match=r"^file\.empty$"):
        send(kept, b"")
    with pytest.raises(RuleBroken, match=r"^file\.too_large$"):
        send(kept, PNG + bytes(files.LARGEST))
    for name in ("run.exe", "page.html", "drawing.svg", "png", ""):
        with pytest.raises(BadWords, match=r"^file\.kind$"):
            send(kept, PNG, name)
    with pytest.raises(BadWords, match=r"^file\.kind$"):
        send(kept, b"<script>alert(1)</script>", "截图.png")
    assert kept.read(lambda tx: tx.exec(select(FileRow)).all()) == []


@pytest.mark.parametrize("end", sorted(KINDS))
def test_every_kind_is_known_by_how_it_begins(end: str) -> None:
    media, begins = KINDS[end]
    for begin in begins or (b"plain",):
        assert uploads.media_type(f"a.{end.upper()}", begin + b"...") == media


def test_a_name_is_masked_and_has_no_path(kept: Database) -> None:
    sent = send(kept, PNG, "..\\客户/13800138000\x00\n截图.png")
    assert sent.name.endswith("截图.png")
    assert not {"/", "\\", "\n", "\x00"} & set(sent.name)
    assert "13800138000" not in send(kept, PNG, "13800138000.png", id="u2").name


def test_an_upload_is_attached_by_its_sender_only(kept: Database) -> None:
    send(kept, PNG)
    assert kept.read(lambda tx: uploads.of(tx, "u1", "li.na")).name == "截图.png"
    for upload, person in (("u1", "wang.qiang"), ("u9", "li.na")):
        with pytest.raises(NotFound, match=r"^file\.not_found$"):
            kept.read(lambda tx, upload=upload, person=person: uploads.of(tx, upload, person))  # type: ignore[misc]
