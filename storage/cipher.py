"""AES-256-GCM with named keys: what is kept can be read after the key was replaced."""

import base64
import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = 1
_NONCE = 12


class CannotDecrypt(Exception):
    """The bytes were changed, belong to another place, or their key is not among ours."""


class Cipher:
    """The first key encrypts, all decrypt. `context` says where a value lives (`inbox:payload:42`): it opens nowhere else.

    Envelope: version byte · length of the key id · key id · 12-byte nonce · ciphertext with tag. All before the nonce is authenticated.
    """

    def __init__(self, keys: tuple[tuple[str, bytes], ...], *, nonce: Callable[[int], bytes] = os.urandom) -> None:
        if not keys:
            raise ValueError("at least one data key is needed")
        if len({name for name, _ in keys}) != len(keys):
            raise ValueError("two data keys have the same id")
        if any(not 1 <= len(name.encode()) <= 255 or len(key) != 32 for name, key in keys):
            raise ValueError("a data key is an id of 1 to 255 bytes and 32 bytes of key")
        self._keys = {name: AESGCM(key) for name, key in keys}
        self._current = keys[0][0]
        self._nonce = nonce

    def __repr__(self) -> str:
        return f"Cipher({', '.join(self._keys)})"

    def encrypt(self, plain: bytes, context: str) -> bytes:
        name = self._current.encode()
        head = bytes((_VERSION, len(name))) + name
        nonce = self._nonce(_NONCE)
        return head + nonce + self._keys[self._current].encrypt(nonce, plain, head + context.encode())

    def decrypt(self, envelope: bytes, context: str) -> bytes:
        head, name = _split(envelope)
        key = self._keys.get(name)
        if key is None:
            raise CannotDecrypt(f"no data key with id {name!r}: GENGFU_DATA_KEYS must keep every key that was ever used")
        nonce, sealed = envelope[len(head) : len(head) + _NONCE], envelope[len(head) + _NONCE :]
        try:
            return key.decrypt(nonce, sealed, head + context.encode())
        except (InvalidTag, ValueError):
            raise CannotDecrypt("the bytes were changed or belong to another place") from None

    def random(self, length: int) -> bytes:
        return self._nonce(length)

    def token(self) -> str:
        """256 fresh random bits, as they stand in a link or a cookie."""
        return base64.urlsafe_b64encode(self.random(32)).rstrip(b"=").decode()

    def current(self, envelope: bytes) -> bool:
        """Whether the newest key was used: False = due for rotation."""
        return _split(envelope)[1] == self._current


def _split(envelope: bytes) -> tuple[bytes, str]:
    if len(envelope) < 2 or envelope[0] != _VERSION:
        raise CannotDecrypt("not an envelope of ours")
    head = envelope[: 2 + envelope[1]]
    return head, head[2:].decode(errors="replace")
