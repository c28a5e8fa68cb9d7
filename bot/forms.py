"""Links to one-time forms: for a button with a form on a platform that has no input fields, and for what must not be typed in a chat."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from handlers.core.forms import command_of
from handlers.core.message import Button, Message
from storage import form_links
from storage.cipher import Cipher
from storage.database import Transaction
from storage.form_links import FormLinks


class FormDoor:
    def __init__(self, links: FormLinks, cipher: Cipher, public_url: str, now: Callable[[], datetime]) -> None:
        self.links = links
        self._cipher = cipher
        self._public_url = public_url
        self._now = now

    def make_form_link(self, person: str, button: Button, tapped: Message | None = None, tx: Transaction | None = None) -> str:
        """The address of a form for `person` and nobody else: to be said one-to-one.

        `tapped`: where the button was, which is where the answer seems to come from · `tx`: whoever is inside a transaction hands it on.
        """
        form = _form(person, button, tapped)
        token = self.links.make(person, form) if tx is None else form_links.put(tx, self._cipher, person, form, self._now())
        return f"{self._public_url}/f/{token}"


def _form(person: str, button: Button, tapped: Message | None) -> Mapping[str, Any]:
    place = {"platform": "web", "sender": person, "chat": "", "chat_kind": "direct"}
    if tapped is not None:
        place = {"platform": tapped.platform, "sender": tapped.sender, "chat": tapped.chat, "chat_kind": tapped.chat_kind}
    return {"button": asdict(button), "four_eyes": command_of(button.command).four_eyes, **place}
