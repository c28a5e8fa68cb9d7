"""The sealed container in which WeCom and DingTalk send events: AES-256-CBC and a SHA-1 over token, timestamp, nonce and ciphertext.

Protocol: developer.work.weixin.qq.com 90968 and 101033; open.dingtalk.com, "Configure event subscription" (the same; it is sealed for
the AppKey).
"""

import base64
import binascii
import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field

from bot.platforms.core.contract import NotAuthentic
from bot.platforms.core.crypto import aes_cbc_open, aes_cbc_seal, same, unbase64

#: The padding goes to blocks of 32, though AES has 16.
PAD = 32
HEAD = 16


def key_of(text: str) -> bytes:
    """The 32 bytes behind the 43 signs that the platform's page shows; ValueError for anything else."""
    try:
        key = base64.b64decode(text + "=", validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise ValueError("an AES key of 43 letters and digits")
    return key


@dataclass(frozen=True, slots=True)
class Container:
    token: str = field(repr=False)
    key: bytes = field(repr=False)

    def signature(self, timestamp: str, nonce: str, sealed: str) -> str:
        parts = sorted((self.token, timestamp, nonce, sealed))
        return hashlib.sha1("".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

    def check(self, signature: str, timestamp: str, nonce: str, sealed: str) -> None:
        if not same(self.signature(timestamp, nonce, sealed), signature):
            raise NotAuthentic("bad_signature")

    def open(self, sealed: str, receivers: Collection[str]) -> bytes:
        """What was sent, when one of `receivers` is whom it was sealed for."""
        plain = aes_cbc_open(self.key, self.key[:16], unbase64(sealed), PAD)
        length = int.from_bytes(plain[HEAD : HEAD + 4], "big")
        if len(plain) < HEAD + 4 + length or len(plain) < HEAD + 4:
            raise NotAuthentic("bad_layout")
        receiver = plain[HEAD + 4 + length :].decode("utf-8", "replace")
        if not any(same(receiver, one) for one in receivers):
            raise NotAuthentic("receive_id_mismatch")
        return plain[HEAD + 4 : HEAD + 4 + length]

    def seal(self, said: bytes, receiver: str, head: bytes) -> str:
        """`head`: sixteen random bytes."""
        plain = head + len(said).to_bytes(4, "big") + said + receiver.encode()
        return base64.b64encode(aes_cbc_seal(self.key, self.key[:16], plain, PAD)).decode()
