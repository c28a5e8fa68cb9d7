"""Verify an exported trail with nothing but the file and the public key.

This file imports nothing of ours on purpose: an auditor can copy it to another machine that has Python and `cryptography`.
What it cannot see from the file alone is the newest seals cut off together with everything they vouch for; seals that were
received on another way (by mail, as a paper's footer) are given as `known` and close that gap.
"""

import base64
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT: Final = "gengfu-audit"
VERSION: Final = 1
ROW_ALGORITHM: Final = "sha256"
SEAL_ALGORITHM: Final = "ed25519-sha256"


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` is one of: unreadable header file_cut key · row_changed row_duplicate row_missing row_unlinked ·
    seal_changed seal_duplicate seal_missing seal_order seal_unlinked seal_forged seal_unknown · record_missing record_cut head_changed."""

    code: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """`counts`: rows, records, seals, unsealed (rows newer than the last seal of their record: fine, but nobody vouches for them yet).

    `scope` is what the file says it holds: None = everything, else the records it was cut down to.
    """

    ok: bool
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    scope: tuple[str, ...] | None = None


def digest(fields: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON (sorted keys, no spaces, UTF-8) of `fields`, but for what is not part of the content."""
    content = {name: value for name, value in fields.items() if name not in ("type", "hash", "signature")}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def signed_bytes(seal_hash: str) -> bytes:
    """What a seal's signature covers; the prefix keeps the key from vouching for anything else."""
    return b"gengfu seal 1\n" + seal_hash.encode()


def verify_lines(lines: Iterable[str], public_key: bytes, known: Collection[tuple[int, str]] = ()) -> Report:
    """Read an export and report everything that does not fit. `known`: (id, hash) of seals received on another way."""
    reader = _Reader(public_key)
    for number, line in enumerate(lines, 1):
        if line.strip():
            reader.read(number, line)
    return reader.report(known)


def fingerprint(public_key: bytes) -> str:
    """By which people compare public keys: SHA-256 of the 32 raw bytes, in groups of eight."""
    digits = hashlib.sha256(public_key).hexdigest()
    return " ".join(digits[start : start + 8] for start in range(0, len(digits), 8))


def foreign_seals(lines: Iterable[str], public_key: bytes) -> tuple[int, ...]:
    """The seals of an export that were not signed with this key."""
    return tuple(seal["id"] for seal in _seals(lines) if not signed_by(public_key, seal))


def last_seal(lines: Iterable[str]) -> int:
    return max((seal["id"] for seal in _seals(lines)), default=0)


def _seals(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    return (fields for line in lines if (fields := json.loads(line))["type"] == "seal")


def signed_by(public_key: bytes, seal: Mapping[str, Any]) -> bool:
    try:
        signature = base64.b64decode(seal["signature"], validate=True)
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed_bytes(str(seal["hash"])))
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass(slots=True)
class _Reader:
    public_key: bytes
    findings: list[Finding] = field(default_factory=list)
    header: dict[str, Any] | None = None
    hashes: dict[str, dict[int, str]] = field(default_factory=dict)
    """record to version to hash, as read"""
    last: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    seals: dict[int, str] = field(default_factory=dict)
    last_seal: int = 0
    heads: list[tuple[int, str, int, str]] = field(default_factory=list)
    ended: bool = False

    def find(self, code: str, **values: Any) -> None:
        self.findings.append(Finding(code, values))

    def read(self, number: int, line: str) -> None:
        try:
            fields = json.loads(line)
            kind = fields["type"]
            if kind not in ("header", "row", "seal", "end"):
                raise ValueError(kind)
            if self.header is None and kind != "header":
                self.find("header", line=number)
                self.header = {}
            getattr(self, f"_{kind}")(fields)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            self.find("unreadable", line=number)

    def _header(self, fields: dict[str, Any]) -> None:
        if self.header is not None or fields["format"] != FORMAT or fields["version"] != VERSION:
            self.find("header", line=1)
        elif base64.b64decode(fields["public_key"]) != self.public_key:
            self.find("key", file=fields["public_key"], given=base64.b64encode(self.public_key).decode())
        self.header = self.header or fields

    def _row(self, row: dict[str, Any]) -> None:
        ref, version, stated = str(row["record_ref"]), int(row["version"]), str(row["hash"])
        self.rows += 1
        known, last = self.hashes.setdefault(ref, {}), self.last.get(ref, 0)
        if row["algorithm"] != ROW_ALGORITHM or digest(row) != stated:
            self.find("row_changed", record=ref, version=version)
        if version in known or version < 1:
            self.find("row_duplicate", record=ref, version=version)
            return
        if version != last + 1:
            self.find("row_missing", record=ref, after=last, before=version)
        elif row["prev_hash"] != known.get(last, ""):
            self.find("row_unlinked", record=ref, version=version)
        known[version] = stated
        self.last[ref] = max(last, version)

    def _seal(self, seal: dict[str, Any]) -> None:
        number, stated = int(seal["id"]), str(seal["hash"])
        heads = [(number, str(ref), int(version), str(head)) for ref, version, head in seal["heads"]]
        if number in self.seals:
            self.find("seal_duplicate", seal=number)
            return
        if number <= self.last_seal:
            self.find("seal_order", seal=number, after=self.last_seal)
        elif number != self.last_seal + 1:
            self.find("seal_missing", after=self.last_seal, before=number)
        elif seal["prev_hash"] != self.seals.get(self.last_seal, ""):
            self.find("seal_unlinked", seal=number)
        self._check_seal(number, stated, seal)
        self.seals[number] = stated
        self.last_seal = max(number, self.last_seal)
        self.heads += heads

    def _check_seal(self, number: int, stated: str, seal: dict[str, Any]) -> None:
        if seal["algorithm"] != SEAL_ALGORITHM or digest(seal) != stated:
            self.find("seal_changed", seal=number)
        if not signed_by(self.public_key, seal):
            self.find("seal_forged", seal=number)

    def _end(self, fields: dict[str, Any]) -> None:
        self.ended = True
        if fields["rows"] != self.rows or fields["seals"] != len(self.seals):
            self.find("file_cut", rows=fields["rows"], seals=fields["seals"])

    def report(self, known: Collection[tuple[int, str]]) -> Report:
        if self.header is None:
            self.find("header", line=1)
        if not self.ended:
            self.find("file_cut", rows=None, seals=None)
        stated = (self.header or {}).get("scope")
        scope = None if stated is None else tuple(str(ref) for ref in stated)
        sealed = self._check_heads(scope)
        for number, seal_hash in known:
            if self.seals.get(number) != seal_hash:
                self.find("seal_unknown", seal=number)
        unsealed = sum(version > sealed.get(ref, 0) for ref, versions in self.hashes.items() for version in versions)
        counts = {"rows": self.rows, "records": len(self.hashes), "seals": len(self.seals), "unsealed": unsealed}
        return Report(not self.findings, tuple(self.findings), counts, scope)

    def _check_heads(self, scope: tuple[str, ...] | None) -> dict[str, int]:
        """Every head that a seal vouches for must be in the file, unless the file says it holds other records only."""
        sealed: dict[str, int] = {}
        wanted = None if scope is None else frozenset(scope)
        for seal, ref, version, head in self.heads:
            if wanted is not None and ref not in wanted:
                continue
            sealed[ref] = max(version, sealed.get(ref, 0))
            versions = self.hashes.get(ref)
            if not versions:
                self.find("record_missing", record=ref, seal=seal)
            elif version > self.last[ref]:
                self.find("record_cut", record=ref, version=version, seal=seal)
            elif versions.get(version) not in (head, None):  # None: reported as row_missing
                self.find("head_changed", record=ref, version=version, seal=seal)
        return sealed
