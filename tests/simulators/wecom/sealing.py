"""How WeCom seals and signs (pages 90968 and 101033): AES-256-CBC, IV = the key's first half, PKCS#7 to 32 bytes, SHA-1."""

import base64
import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32


class Broken(Exception):
    """It cannot be opened; the words say why."""


def sign(token: str, timestamp: str, nonce: str, encrypt: str) -> str:
    return hashlib.sha1("".join(sorted([token, timestamp, nonce, encrypt])).encode(), usedforsecurity=False).hexdigest()


def _cipher(aes_key: str) -> Cipher[modes.CBC]:
    # The 43rd character's two spare bits need not be zero.
    key = base64.b64decode(aes_key + "=")
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))


def pad(plain: bytes) -> bytes:
    count = BLOCK - len(plain) % BLOCK
    return plain + bytes([count]) * count


def unpad(padded: bytes) -> bytes:
    count = padded[-1] if padded else 0
    if not 1 <= count <= BLOCK or padded[-count:] != bytes([count]) * count:
        raise Broken("the padding is not PKCS#7 to thirty-two bytes")
    return padded[:-count]


def encrypt(plain: bytes, aes_key: str) -> bytes:
    sealer = _cipher(aes_key).encryptor()
    return sealer.update(pad(plain)) + sealer.finalize()


def decrypt(sealed: bytes, aes_key: str) -> bytes:
    if not sealed or len(sealed) % 16:
        raise Broken("the ciphertext is not of whole blocks")
    opener = _cipher(aes_key).decryptor()
    return unpad(opener.update(sealed) + opener.finalize())


def seal(message: str, aes_key: str, receive_id: str, noise: bytes) -> str:
    """`noise`: the sixteen random bytes in front."""
    content = message.encode()
    return base64.b64encode(encrypt(noise + len(content).to_bytes(4, "big") + content + receive_id.encode(), aes_key)).decode()


def unseal(text: str, aes_key: str) -> tuple[str, str]:
    """The message and the receive id."""
    try:
        plain = decrypt(base64.b64decode(text, validate=True), aes_key)
        end = 20 + int.from_bytes(plain[16:20], "big")
        if len(plain) < end:
            raise Broken("the length goes beyond the end")
        return plain[20:end].decode(), plain[end:].decode()
    except ValueError as error:
        raise Broken(str(error)) from None
