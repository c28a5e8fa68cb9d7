"""The way from what is said about an incident to the incident's own chat, on platforms where an address opens a chat."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from handlers.core.access import scope_of
from handlers.core.message import Link, Outgoing
from handlers.core.wording import Words
from storage.tables.queues import OutboxRow
from storage.views.reader import Reader


@dataclass(frozen=True, slots=True)
class ChatLinks:
    """`opens`: platform -> (chat -> its address) · `ways`: person id -> (platform, id there), the best first."""

    opens: Mapping[str, Callable[[str], str]] = field(default_factory=dict)
    ways: Callable[[str], Sequence[tuple[str, str]]] = lambda person: ()

    def onto(self, message: Outgoing, reader: Reader, row: OutboxRow, words: Words) -> Outgoing:
        """Cards, and words said to one person, get a link; what stands in that chat itself gets none."""
        address = self._address(reader, row) if self.opens and (message.card or row.recipient) else ""
        if not address:
            return message
        link = Link(words.say("button.chat"), address)
        return replace(message, card=replace(message.card, link=link)) if message.card else replace(message, link=link)

    def _address(self, reader: Reader, row: OutboxRow) -> str:
        platform = row.platform or next((name for name, _ in self.ways(row.recipient or "")), "")
        opens = self.opens.get(platform)
        chats = [chat for name, chat in reader.chats(row.incident) if name == platform] if opens and row.incident else []
        # The first that still belongs to it: where it was opened, or the room made for it.
        return opens(chats[0]) if opens and chats and chats[0] != row.chat and _inside(reader, row, chats) else ""


def _inside(reader: Reader, row: OutboxRow, chats: Sequence[str]) -> bool:
    """Whether the reader has a part in it: who sees it, one of its chats, or any chat that hears of what is not restricted."""
    assert row.incident, "asked of incidents only"
    if row.recipient:
        return reader.open_to(scope_of(row.recipient, reader.organization), row.incident)
    return row.chat in chats or not reader.incident(row.incident).restricted
