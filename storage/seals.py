"""Seals: signed, chained lists of the heads that changed. Whoever holds one notices a record that was rewritten or vanished."""

import base64
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from storage.audit import instant
from storage.tables.audit import CHAIN, SEAL, SealRow
from storage.verify import SEAL_ALGORITHM, digest, signed_bytes

#: heads in one seal; more wait for the next one, so that the writer is not kept for long
MOST_HEADS = 500


def seal(session: Session, now: datetime, key: Ed25519PrivateKey) -> SealRow | None:
    """Seal what changed; None when nothing did, or when another replica seals at this moment. Call until None."""
    session.flush()
    heads = _changed_heads(session)
    if not heads:
        return None
    row = _next(session, now, heads, key)
    try:
        with session.begin_nested():
            session.connection().execute(insert(SEAL).values(row.model_dump()))
    except IntegrityError:
        return None
    statement = update(CHAIN).where(CHAIN.c.record_ref == bindparam("ref")).values(sealed_version=bindparam("sealed"))
    session.connection().execute(statement, [{"ref": ref, "sealed": version} for ref, version, _ in heads])
    return row


def newest_seal(session: Session) -> SealRow | None:
    return session.scalars(select(SealRow).order_by(SEAL.c.id.desc()).limit(1)).first()


def _changed_heads(session: Session) -> list[tuple[str, int, str]]:
    """Chains that somebody is appending to right now are left to the next seal: sealing waits for nobody, so it cannot deadlock."""
    statement = (
        select(CHAIN.c.record_ref, CHAIN.c.version, CHAIN.c.hash)
        .where(CHAIN.c.sealed_version < CHAIN.c.version)
        .order_by(CHAIN.c.record_ref)
        .limit(MOST_HEADS)
        .with_for_update(skip_locked=True)
    )
    return [(ref, version, head) for ref, version, head in session.connection().execute(statement)]


def _next(session: Session, now: datetime, heads: list[tuple[str, int, str]], key: Ed25519PrivateKey) -> SealRow:
    newest = select(SEAL.c.id, SEAL.c.hash).order_by(SEAL.c.id.desc()).limit(1)
    last, prev_hash = session.connection().execute(newest).one_or_none() or (0, "")
    row = SealRow(
        id=last + 1,
        at=now.astimezone(UTC),
        heads=[list(head) for head in heads],
        prev_hash=prev_hash,
        hash="",
        signature="",
        algorithm=SEAL_ALGORITHM,
    )
    row.hash = digest(row.model_dump() | {"at": instant(row.at)})
    row.signature = base64.b64encode(key.sign(signed_bytes(row.hash))).decode()
    return row
