"""Feishu callbacks as Feishu sends them, encrypted and signed, for the floor and for the real application alike."""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from bot.bootstrap import real_now
from bot.platforms.feishu.inbound import Secrets

SECRETS = Secrets("cli_bench", "encrypt-key-of-the-bench", "token-of-the-bench")
#: Port 9 answers nobody: nothing is said to Feishu while its callbacks are measured.
SETTINGS = {
    "FEISHU_APP_ID": SECRETS.app_id,
    "FEISHU_APP_SECRET": "secret-of-the-bench",
    "FEISHU_VERIFICATION_TOKEN": SECRETS.verification_token,
    "FEISHU_ENCRYPT_KEY": SECRETS.encrypt_key,
    "FEISHU_API_BASE": "http://127.0.0.1:9",
}
_KEY = hashlib.sha256(SECRETS.encrypt_key.encode()).digest()


def callback(number: int, text: str) -> tuple[bytes, dict[str, str]]:
    """(body, headers): somebody says something to the bot in a group that is no command: it is kept, looked at, and answered by silence."""
    message = {
        "message_id": f"om_{number}",
        "chat_id": f"oc_{number % 50}",
        "chat_type": "group",
        "message_type": "text",
        "content": json.dumps({"text": f"@_user_1 {text}"}),
        "mentions": [{"key": "@_user_1", "id": {"open_id": "ou_bot"}, "mentioned_type": "bot", "name": "更夫"}],
    }
    sender = {"sender_id": {"open_id": f"ou_{number % 200}", "union_id": "on_x", "user_id": "u_x"}, "sender_type": "user"}
    return _posted(number, "im.message.receive_v1", {"sender": sender, "message": message})


def click(number: int) -> tuple[bytes, dict[str, str]]:
    """(body, headers): somebody taps a button, which is decided before it is answered."""
    context = {"open_message_id": f"om_{number}", "open_chat_id": f"oc_{number % 50}"}
    action = {"tag": "button", "value": {"a": "|/whoami"}}
    event = {"operator": {"open_id": f"ou_{number % 200}"}, "token": f"c-{number}", "action": action, "context": context}
    return _posted(number, "card.action.trigger", event)


def _posted(number: int, kind: str, event: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    stamp, nonce = str(int(real_now().timestamp())), f"n{number}"
    header = {
        "event_id": f"e{number}",
        "token": SECRETS.verification_token,
        "create_time": f"{stamp}000",
        "event_type": kind,
        "tenant_key": "t",
        "app_id": SECRETS.app_id,
    }
    sealed = _sealed(json.dumps({"schema": "2.0", "header": header, "event": event}).encode())
    body = json.dumps({"encrypt": sealed}).encode()
    signature = hashlib.sha256(f"{stamp}{nonce}{SECRETS.encrypt_key}".encode() + body).hexdigest()
    return body, {"X-Lark-Request-Timestamp": stamp, "X-Lark-Request-Nonce": nonce, "X-Lark-Signature": signature}


def _sealed(event: bytes) -> str:
    padder = PKCS7(128).padder()
    padded = padder.update(event) + padder.finalize()
    iv = os.urandom(16)
    sealer = Cipher(algorithms.AES(_KEY), modes.CBC(iv)).encryptor()
    return base64.b64encode(iv + sealer.update(padded) + sealer.finalize()).decode()
