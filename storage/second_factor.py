"""Code generators of persons: begun, confirmed by their first code, every code good once."""

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import CursorResult, Delete, delete, update
from sqlmodel import Session, col

from storage import totp
from storage.cipher import Cipher
from storage.tables.sessions import FormLinkRow, GeneratorRow


def of(session: Session, cipher: Cipher, person: str) -> tuple[bytes, bool] | None:
    """(seed, whether it is confirmed)."""
    row = session.get(GeneratorRow, person)
    return None if row is None else (cipher.decrypt(row.seed, f"generator:{person}"), row.confirmed is not None)


def told(seed: bytes, person: str, firm: str) -> tuple[str, str]:
    """(the seed in groups of four, the address that generators take)."""
    plain = totp.base32(seed)
    return " ".join(plain[i : i + 4] for i in range(0, len(plain), 4)), totp.address(seed, person, f"Gengfu {firm}")


def begin(session: Session, cipher: Cipher, person: str, now: datetime) -> None:
    drop(session, person)
    seed = cipher.encrypt(cipher.random(totp.SEED_BYTES), f"generator:{person}")
    session.add(GeneratorRow(person=person, seed=seed, created=now))
    session.flush()


def drop(session: Session, person: str) -> bool:
    gone: CursorResult[Any] = session.connection().execute(delete(GeneratorRow).where(col(GeneratorRow.person) == person))
    return gone.rowcount > 0


def take(session: Session, cipher: Cipher, person: str, typed: str, now: datetime) -> Literal["", "first", "again"]:
    """Take a code; empty when it is wrong or was taken before. The first one confirms the generator."""
    found = of(session, cipher, person)
    counter = totp.matching(found[0], typed, now) if found else None
    if found is None or counter is None:
        return ""
    later = update(GeneratorRow).where(col(GeneratorRow.person) == person, col(GeneratorRow.step) < counter)
    taken: CursorResult[Any] = session.connection().execute(later.values(step=counter, **({} if found[1] else {"confirmed": now})))
    if not taken.rowcount:
        return ""
    return "again" if found[1] else "first"


def sweeping(now: datetime) -> Delete:
    return delete(FormLinkRow).where(col(FormLinkRow.ends) < now)
