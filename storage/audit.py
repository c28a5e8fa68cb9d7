"""Append to the trail, and export it. The key (record, version) is also the optimistic lock of the record."""

import base64
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from storage.database import canonical
from storage.gathered import run
from storage.tables.audit import AUDIT, CHAIN, SEAL, AuditRow, SealRow
from storage.verify import FORMAT, ROW_ALGORITHM, VERSION, digest
from workflows.core.errors import Conflict

#: (version, hash) of a chain's newest row
Head = tuple[int, str]

# Made once: making a statement costs more than running it.
_HEADS = select(CHAIN.c.record_ref, CHAIN.c.version, CHAIN.c.hash).where(CHAIN.c.record_ref.in_(bindparam("refs", expanding=True)))
_FIRST = insert(CHAIN)
_FORWARD = (
    update(CHAIN)
    .where(CHAIN.c.record_ref == bindparam("of"), CHAIN.c.version == bindparam("after"))
    .values(version=bindparam("to"), hash=bindparam("digest"))
)
_APPEND = insert(AUDIT)


def append(
    session: Session,
    *,
    record_ref: str,
    version: int,
    at: datetime,
    actor: str,
    verb: str,
    from_state: str | None = None,
    to_state: str | None = None,
    details: Mapping[str, Any] | None = None,
    plan: str | None = None,
    incident: str | None = None,
    via: str | None = None,
    read: Mapping[str, Head | None] = MappingProxyType({}),
) -> None:
    """Write version `version` of a record's chain; Conflict when that is not the next one, also when another transaction was faster.

    `read`: heads of chains that have been read already.
    """
    head = read[record_ref] if record_ref in read else heads(session, [record_ref])[record_ref]
    last, prev_hash = head or (0, "")
    if version != last + 1:
        raise Conflict(f"{record_ref} is at version {last}, not {version - 1}")
    values = {
        "record_ref": record_ref,
        "version": version,
        "at": at.astimezone(UTC),
        "actor": actor,
        "verb": verb,
        "from_state": from_state,
        "to_state": to_state,
        "details": json.loads(canonical(dict(details or {}))),  # as it will be read back: what is hashed is what is stored
        "plan": plan,
        "incident": incident,
        "via": via,
        "prev_hash": prev_hash,
        "algorithm": ROW_ALGORITHM,
    }
    values["hash"] = digest(values | {"at": instant(at)})
    try:
        if head is None:
            run(session, _FIRST, {"record_ref": record_ref, "version": version, "hash": values["hash"], "sealed_version": 0})
        else:  # whoever finds it moved already was too late
            run(session, _FORWARD, {"of": record_ref, "after": last, "to": version, "digest": values["hash"]}, exact=True)
        run(session, _APPEND, values)
    except IntegrityError as error:
        raise Conflict(f"{record_ref} got version {version} from somebody else") from error


def heads(session: Session, refs: Collection[str]) -> dict[str, Head | None]:
    """The newest version and its hash of each of these chains; None of one that has not begun."""
    session.flush()
    rows = session.connection().execute(_HEADS, {"refs": list(refs)})
    found: dict[str, Head | None] = dict.fromkeys(refs)
    return found | {ref: (version, hash_) for ref, version, hash_ in rows}


def append_personal(session: Session, person: str, **values: Any) -> None:
    """An act without a record (a refusal, a read of the vault, an export, a login) goes to the person's own chain.

    `values` as for `append`, without record_ref and version; the chain is locked until the transaction ends.
    """
    ref = f"P:{person}"
    statement = select(CHAIN.c.version).where(CHAIN.c.record_ref == ref).with_for_update()
    last = session.scalar(statement)
    if last is None:
        with suppress(IntegrityError), session.begin_nested():  # another replica may write this person's first row just now
            session.connection().execute(insert(CHAIN).values(record_ref=ref, version=0, hash="", sealed_version=0))
        last = session.scalar(statement) or 0
    append(session, record_ref=ref, version=last + 1, **values)


def export_lines(session: Session, *, now: datetime, public_key: bytes, records: Collection[str] | None = None) -> Iterator[str]:
    """The trail as JSON lines that `verify_lines` understands: header, rows, seals, end. `records` limits it to some records."""
    newest = session.scalar(select(func.max(SEAL.c.id))) or 0  # read first: what these seals vouch for is visible from here on
    scope = None if records is None else sorted(records)
    yield canonical(
        {
            "type": "header",
            "format": FORMAT,
            "version": VERSION,
            "public_key": base64.b64encode(public_key).decode(),
            "exported": instant(now),
            "scope": scope,
        }
    )
    rows = select(AuditRow).order_by(AUDIT.c.record_ref, AUDIT.c.version)
    if scope is not None:
        rows = rows.where(AUDIT.c.record_ref.in_(scope))
    counted = 0
    for row in session.scalars(rows.execution_options(yield_per=500)):
        counted += 1
        yield canonical({"type": "row", **_fields(row)})
    seals = select(SealRow).where(SEAL.c.id <= newest).order_by(SEAL.c.id)
    sealed = 0
    for seal in session.scalars(seals.execution_options(yield_per=500)):
        sealed += 1
        yield canonical({"type": "seal", **_fields(seal)})
    yield canonical({"type": "end", "rows": counted, "seals": sealed})


def instant(at: datetime) -> str:
    """An instant as it is hashed and exported: RFC 3339, UTC, always six digits."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _fields(row: AuditRow | SealRow) -> dict[str, Any]:
    return row.model_dump() | {"at": instant(row.at)}
