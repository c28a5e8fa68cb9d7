"""One-time codes of RFC 6238 (SHA-1, 30 seconds, six digits: what every generator on a phone understands)."""

import base64
import hashlib
import hmac
import re
import unicodedata
from datetime import datetime
from urllib.parse import quote

STEP = 30
DIGITS = 6
SEED_BYTES = 20
#: How many steps a phone's clock may be off, in either direction.
DRIFT = 1


def code_at(seed: bytes, counter: int, digits: int = DIGITS) -> str:
    """RFC 4226: the code of one counter."""
    mac = hmac.new(seed, counter.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def counter_at(now: datetime) -> int:
    return int(now.timestamp()) // STEP


def matching(seed: bytes, typed: str, now: datetime) -> int | None:
    """The counter whose code was typed (spaces and full-width digits do no harm), or None."""
    digits = re.sub(r"\s", "", unicodedata.normalize("NFKC", typed))
    here = counter_at(now)
    found = [
        c for c in range(here - DRIFT, here + DRIFT + 1) if hmac.compare_digest(code_at(seed, c).encode(), digits.encode(errors="replace"))
    ]
    return found[-1] if found else None


def base32(seed: bytes) -> str:
    return base64.b32encode(seed).decode().rstrip("=")


def address(seed: bytes, person: str, issuer: str) -> str:
    """The `otpauth:` address that generators take."""
    return f"otpauth://totp/{quote(issuer)}:{quote(person)}?secret={base32(seed)}&issuer={quote(issuer)}"
