"""How DingTalk signs what it posts, how a custom robot's caller signs, and how events are sealed (pages on robots, cards, HTTP push)."""

import base64
import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32


class Unsealed(ValueError):
    """It cannot be opened."""


def _mac(key: str, message: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()).decode()


def robot_sign(timestamp: str, secret: str) -> str:
    """Of a robot's callback with the app's secret, and of a call to a custom robot with that robot's. The body is in neither."""
    return _mac(secret, f"{timestamp}\n{secret}")


def card_sign(timestamp: str, api_secret: str) -> str:
    """Of a card's callback: the timestamp alone."""
    return _mac(api_secret, timestamp)


def event_sign(token: str, timestamp: str, nonce: str, encrypted: str) -> str:
    return hashlib.sha1("".join(sorted((token, timestamp, nonce, encrypted))).encode()).hexdigest()


def _cipher(aes_key: str) -> Cipher[modes.CBC]:
    key = base64.b64decode(aes_key + "=")
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))


def seal(plaintext: bytes, aes_key: str, receiver: str, salt: bytes) -> str:
    """16 random bytes, the length, the words, whom they are for; PKCS#7 to 32 bytes. The length counts bytes."""
    whole = salt + len(plaintext).to_bytes(4, "big") + plaintext + receiver.encode()
    pad = BLOCK - len(whole) % BLOCK
    encryptor = _cipher(aes_key).encryptor()
    return base64.b64encode(encryptor.update(whole + bytes([pad]) * pad) + encryptor.finalize()).decode()


def unseal(encrypted: str, aes_key: str, receiver: str) -> bytes:
    try:
        content = base64.b64decode(encrypted, validate=True)
        decryptor = _cipher(aes_key).decryptor()
        whole = decryptor.update(content) + decryptor.finalize()
    except ValueError as error:
        raise Unsealed(str(error)) from None
    pad = whole[-1] if whole else 0
    if not 1 <= pad <= BLOCK or whole[-pad:] != bytes([pad]) * pad:
        raise Unsealed("padding")
    whole = whole[:-pad]
    end = 20 + int.from_bytes(whole[16:20], "big")
    if len(whole) < end or whole[end:] != receiver.encode():
        raise Unsealed("not for us")
    return whole[20:end]
