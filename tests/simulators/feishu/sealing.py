"""How Feishu seals and signs a callback, and how a custom bot's caller signs ("Encrypt Key" guide, "Custom bot guide")."""

import base64
import hashlib
import hmac

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def seal(plaintext: bytes, encrypt_key: str, iv: bytes) -> str:
    """base64(IV + AES-256-CBC), the key being the key text's SHA-256, PKCS#7 to sixteen bytes."""
    padder = padding.PKCS7(128).padder()
    padded = padder.update(plaintext) + padder.finalize()
    encryptor = Cipher(algorithms.AES(hashlib.sha256(encrypt_key.encode()).digest()), modes.CBC(iv)).encryptor()
    return base64.b64encode(iv + encryptor.update(padded) + encryptor.finalize()).decode()


def sign(timestamp: str, nonce: str, encrypt_key: str, body: bytes) -> str:
    return hashlib.sha256((timestamp + nonce + encrypt_key).encode() + body).hexdigest()


def hook_sign(timestamp: str, secret: str) -> str:
    """The key is `timestamp\\nsecret`, the message is empty."""
    return base64.b64encode(hmac.new(f"{timestamp}\n{secret}".encode(), b"", hashlib.sha256).digest()).decode()
