"""`gengfu audit …`."""

import argparse
import base64
import re
import sys
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.bootstrap import real_now
from bot.cli import BAD, GOOD, settings_of_here
from storage.audit import export_lines
from storage.database import Database
from storage.schema import require_current
from storage.verify import Report, fingerprint, foreign_seals, last_seal, verify_lines
from workflows.core.errors import BadConfig


def export(given: argparse.Namespace) -> int:
    settings = settings_of_here()
    key = Ed25519PrivateKey.from_private_bytes(settings.keys().seal.reveal())
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    database = Database(settings.database_url.reveal())
    try:
        require_current(database)
        lines = database.read(lambda tx: list(export_lines(tx, now=real_now(), public_key=public)))
    finally:
        database.close()
    text = "".join(line + "\n" for line in lines)
    foreign = foreign_seals(lines, public)
    if foreign:
        newest = foreign[-1] == last_seal(lines)
        print(f"gengfu: {_not_ours(foreign, public, newest=newest)}", file=sys.stderr)
        if newest:
            return BAD
    if given.output:
        given.output.write_text(text, encoding="utf-8")
        print(f"{len(lines)} lines in {given.output}; public key {base64.b64encode(public).decode()}")
    else:
        print(text, end="")
        print(f"public key {base64.b64encode(public).decode()}", file=sys.stderr)
    return GOOD


def _not_ours(foreign: Sequence[int], public: bytes, *, newest: bool) -> str:
    ours, seals = base64.b64encode(public).decode(), f"{foreign[0]} to {foreign[-1]}" if len(foreign) > 1 else f"{foreign[0]}"
    if newest:
        return (
            f"GENGFU_SEAL_KEY (public half {ours}) is not the key that the trail is sealed with: seal {seals} carries another signature. "
            "Nothing was written; set GENGFU_SEAL_KEY to the key that the server runs with"
        )
    return (
        f"WARNING: seal {seals} carries the signature of another key than GENGFU_SEAL_KEY (public half {ours}); "
        "whoever verifies this file with this key will see them as forged, and needs the earlier public key for them"
    )


def verify(given: argparse.Namespace) -> int:
    known = [_received(seal) for seal in given.seal]
    try:
        key = base64.b64decode(given.public_key, validate=True)
        with given.file.open(encoding="utf-8") as lines:
            report = verify_lines(lines, key, known)
    except (ValueError, OSError) as error:
        raise BadConfig(f"cannot read the file or the key: {error}") from None
    print(_told(report))
    print(f"verified with the public key of fingerprint {fingerprint(key)}")
    return GOOD if report.ok else BAD


def _received(seal: str) -> tuple[int, str]:
    """A seal as the mail to auditors has it."""
    found = re.fullmatch(r"\s*([0-9]{1,12})\s*:\s*([0-9a-fA-F]{64})\s*", seal)
    if found is None:
        raise BadConfig(f"--seal is {seal!r}; give NUMBER:HASH as it stands in the mail, like 96:3f2a… (64 signs)")
    return int(found[1]), found[2].lower()


def _told(report: Report) -> str:
    counts = ", ".join(f"{name} {count}" for name, count in dict(report.counts).items())
    head = "the trail is whole" if report.ok else "THE TRAIL IS NOT WHOLE"
    found = [f"  {finding.code}: " + ", ".join(f"{k}={v}" for k, v in dict(finding.values).items()) for finding in report.findings]
    return "\n".join([f"{head} ({counts})", *found])
