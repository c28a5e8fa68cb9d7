"""A product of a few lines behind WeCom's callbacks, for the stand-in's own tests."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.simulators.wecom import markup
from tests.simulators.wecom.sealing import seal, sign, unseal

Json = dict[str, Any]
TOKEN, AES_KEY = "wTk7incidentBot9", "q1Os1ZMe0nG28KUEx9lg3HjK7V5QyXvi212fzsgDqgz"


class Product:
    """`answer`: what it says to what it heard ("": nothing); `bend` may spoil the envelope."""

    def __init__(self, receive_id: str) -> None:
        self.receive_id = receive_id
        self.heard: list[str] = []
        self.status = 200
        self.answer: Callable[[str], str] = lambda heard: ""
        self.bend: Callable[[Json], Json] = lambda envelope: envelope

    def hear(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query, strict_parsing=True).items()}
        app = self.receive_id != ""
        if "echostr" in query:
            encrypted = query["echostr"]
        else:
            encrypted = markup.fields(markup.parsed(body.decode()))["Encrypt"] if app else json.loads(body)["encrypt"]
        assert sign(TOKEN, query["timestamp"], query["nonce"], encrypted) == query["msg_signature"]
        message, receive_id = unseal(encrypted, AES_KEY)
        assert receive_id == self.receive_id
        if "echostr" in query:
            return self.status, message.encode()
        self.heard.append(message)
        reply = self.answer(message)
        return self.status, self._sealed(reply, query["nonce"]) if reply else b""

    def _sealed(self, reply: str, nonce: str) -> bytes:
        encrypted = seal(reply, AES_KEY, self.receive_id, b"0123456789abcdef")
        signature = sign(TOKEN, "1767225600", nonce, encrypted)
        if self.receive_id:
            envelope: Json = {"Encrypt": encrypted, "MsgSignature": signature, "TimeStamp": 1767225600, "Nonce": nonce}
            return markup.written("xml", self.bend(envelope)).encode()
        envelope = {"encrypt": encrypted, "msgsignature": signature, "timestamp": 1767225600, "nonce": nonce}
        return json.dumps(self.bend(envelope)).encode()
