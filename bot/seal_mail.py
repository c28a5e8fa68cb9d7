"""The trail's seals go to the auditors by mail, once a day: whoever holds one notices a trail that was cut or written anew."""

from datetime import datetime, timedelta

from bot.platforms.core.checkup import Found
from handlers.core.message import Outgoing, plain
from handlers.core.wording import Words
from storage import outbox
from storage.audit import instant
from storage.database import Transaction
from storage.outbox import PRIORITY
from storage.seals import newest_seal
from storage.tables.audit import SealRow
from storage.verify import fingerprint
from workflows.core.people import Organization, Person

#: What these rows are about, in the outbox: the day's row of an auditor exists once, however many replicas knock.
REF = "seals"
#: So late in the day, by the firm's clock, that yesterday's are all there, and so early that the mail lies there in the morning.
FROM = timedelta(hours=6, minutes=10)


def auditors(organization: Organization) -> list[Person]:
    """Those who can be written to."""
    return [person for name in organization.with_role("auditor") if (person := organization.people[name]).email]


def mail_seals(tx: Transaction, words: Words, organization: Organization, public_key: bytes, now: datetime) -> int:
    """Today's mail to each auditor who has not had it, with the newest seal since the last one; answers how many."""
    local = now.astimezone(words.zone)
    if local - local.replace(hour=0, minute=0, second=0, microsecond=0) < FROM:
        return 0
    seal = newest_seal(tx)
    if seal is None:
        return 0
    told = 0
    for person in auditors(organization):
        key = f"{REF}:{local.date().isoformat()}:{person.id}"
        last = outbox.last_to(tx, REF, person.id)
        if last is not None and (last.key == key or last.about["to"] >= seal.id):
            continue
        since = int(last.about["to"]) if last is not None else 0
        said = plain(Outgoing(_text(words, seal, since, public_key)))
        outbox.enqueue_to_person(
            tx, key=key, platform="mail", person=person.id, said=said, incident=None, priority=PRIORITY["copy"], now=now,
            about={"to": seal.id}, ref=REF,
        )  # fmt: skip
        told += 1
    return told


def of_seals(mail: object | None, organization: Organization) -> Found:
    """For the doctor: do the seals leave the house?"""
    if mail is None:
        return Found("attention", "seals", "no_mail")
    count = len(auditors(organization))
    return Found("ok", "seals", "go", {"count": count}) if count else Found("attention", "seals", "nobody")


def _text(words: Words, seal: SealRow, since: int, public_key: bytes) -> str:
    return words.say(
        "seals.mail",
        first=str(since + 1),
        id=str(seal.id),
        at=instant(seal.at),
        hash=seal.hash,
        signature=seal.signature,
        algorithm=seal.algorithm,
        key=fingerprint(public_key),
    )
