"""Files that people send on the console, and papers: kept encrypted in the database, read by whoever may see what they belong to."""

from collections.abc import Callable, Sequence
from datetime import datetime

from bot.web.console import Sent
from handlers.core.access import scope_of
from handlers.core.paper_rights import looks_like_a_paper, may_read
from handlers.core.screen import screen
from storage import files, uploads
from storage.cipher import Cipher
from storage.database import Database, Transaction
from storage.papers import DOCX, Paper
from storage.plans import Plans
from storage.uploads import Upload
from storage.views.reader import Reader
from workflows.core.errors import NotFound


class SentFiles:
    largest = files.LARGEST

    def __init__(self, database: Database, cipher: Cipher, plans: Plans, now: Callable[[], datetime], new_id: Callable[[], str]) -> None:
        self._database = database
        self._cipher = cipher
        self._plans = plans
        self._now = now
        self._new_id = new_id

    def keep(self, person: str, name: str, content: bytes) -> Sent:
        upload, now = self._new_id(), self._now()

        def write(tx: Transaction) -> Upload:
            mask = lambda text: screen(text).text  # noqa: E731
            return uploads.receive(tx, self._cipher, content, id=upload, name=name, person=person, now=now, mask=mask)

        return _sent(self._database.write(write))

    def named(self, person: str, ids: Sequence[str]) -> Sequence[Sent]:
        return [_sent(one) for one in self._database.read(lambda tx: uploads.named(tx, ids, person))]

    def read(self, person: str, id: str) -> tuple[Sent, bytes]:
        def look(tx: Transaction) -> tuple[Upload | Paper, bytes]:
            reader = Reader(tx, self._plans, scope_of(person, self._plans.organization))
            found: Upload | Paper
            if looks_like_a_paper(id):
                found = reader.paper_named(id)
                if not may_read(found, person, self._plans.organization):
                    raise NotFound("file.not_found")
            else:
                found = uploads.seen_by(reader, tx, id, person)
            return found, files.read(tx, self._cipher, found.sha256)

        found, content = self._database.read(look)
        return _sent(found), content


def _sent(found: Upload | Paper) -> Sent:
    return Sent(found.id, found.name, found.size, DOCX if isinstance(found, Paper) else found.media_type)
