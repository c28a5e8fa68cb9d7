"""What the platforms' envelopes are made of. Refuses by raising NotAuthentic with the reason; never says more to the sender."""

import base64
import binascii
import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bot.platforms.core.contract import NotAuthentic


def same(left: str, right: str) -> bool:
    """Equal, in a time that does not tell how far."""
    return hmac.compare_digest(left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass"))


def sha256_hex(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def unbase64(text: str) -> bytes:
    """Strict: no foreign signs, no missing padding."""
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise NotAuthentic("bad_base64") from None


def aes_cbc_open(key: bytes, iv: bytes, sealed: bytes, pad: int = 16) -> bytes:
    """AES-CBC with PKCS#7 to blocks of `pad` bytes (16 or 32), every byte of the padding checked."""
    if not sealed or len(sealed) % 16:
        raise NotAuthentic("bad_ciphertext_length")
    opener = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    plain = opener.update(sealed) + opener.finalize()
    count = plain[-1]
    if not 1 <= count <= pad or count > len(plain) or plain[-count:] != bytes([count]) * count:
        raise NotAuthentic("bad_padding")
    return plain[:-count]


def aes_cbc_seal(key: bytes, iv: bytes, plain: bytes, pad: int = 16) -> bytes:
    count = pad - len(plain) % pad
    sealer = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return sealer.update(plain + bytes([count]) * count) + sealer.finalize()
