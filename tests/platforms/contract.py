"""What every platform owes the rest of the house, whatever stands behind it: one class that each of them passes."""

import asyncio
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bot.platforms.core.contract import (
    Answer,
    CreateRoom,
    Deed,
    Done,
    Edit,
    Fetch,
    Hear,
    Invite,
    NotAuthentic,
    Page,
    Pin,
    Platform,
    Recall,
    Receipt,
    Send,
    TryLater,
    WillNeverWork,
)
from handlers.core.message import Button, Card, Field, Message, Outgoing, Reply

CARD = Card(
    "三级响应 INC-20260310-001",
    (("状态", "已开"), ("", '一整行 <at user_id="all">所有人</at> @所有人 **粗** [链](http://evil.example)')),
    "末行",
    (
        Button("认领", "/task claim T1", 3, "primary"),
        Button("退回", "/return A1", 1, form=(Field("text", "为什么?", "long", required=True),)),
    ),
    "warning",
    menu=(Button("误报", "/incident false-alarm I1"),),
)


IMPOSSIBLE: tuple[Deed, ...] = (
    Edit("no-chat", "no-message", Outgoing("x", CARD)),
    Recall("no-chat", "no-message"),
    CreateRoom("x", ()),
    Invite("no-chat", ("nobody",)),
    Pin("no-chat", "no-message"),
    Page("no-message", ("nobody",), "app"),
    Fetch("no-message", "no-key"),
    Send(Outgoing("x"), chat="no-chat"),
    Send(Outgoing("x"), person="nobody-at-all"),
    Send(Outgoing("x")),
)


class Stand(ABC):
    """One platform before whatever stands in for the world: who is there, and what they see."""

    person: str
    other: str = ""
    chat: str = ""
    """a group that exists; empty where the platform has none"""

    @abstractmethod
    def do(self, deed: Deed, key: str) -> Done: ...

    @abstractmethod
    def platform(self) -> Platform: ...

    def listens(self, hear: Hear) -> None:
        """Returns when the platform does."""
        asyncio.run(asyncio.wait_for(self.platform().listen(hear), 5))

    @abstractmethod
    def seen(self) -> list[str]:
        """Everything that people see at the moment, as text."""

    def opened_by(self, address: str) -> str:
        """The chat that this address opens for `person`."""
        raise AssertionError(f"{address} opens nothing here")

    def rang(self) -> int:
        """How many were rung or mentioned by what was said."""
        return 0


@dataclass(frozen=True)
class Place:
    chat: str
    person: str


class PlatformContract:
    """Subclasses bring the fixture `stand`."""

    def _place(self, stand: Stand) -> Place:
        return Place(stand.chat, "" if stand.chat else stand.person)

    def _send(self, stand: Stand, message: Outgoing, key: str = "outbox:1") -> Done:
        place = self._place(stand)
        return stand.do(Send(message, chat=place.chat, person=place.person), key)

    def test_a_message_arrives_and_says_where(self, stand: Stand) -> None:
        done = self._send(stand, Outgoing("备用链路已切换"))
        assert any("备用链路已切换" in text for text in stand.seen())
        assert done.facts["message_id"]
        assert done.facts["chat"] or not stand.platform().can.edit

    def test_a_person_is_reached_alone(self, stand: Stand) -> None:
        stand.do(Send(Outgoing("请确认"), person=stand.person), "outbox:2")
        assert any("请确认" in text for text in stand.seen())

    def test_the_same_key_is_said_once(self, stand: Stand) -> None:
        first = self._send(stand, Outgoing("只说一次"))
        second = self._send(stand, Outgoing("只说一次"))
        if stand.platform().can.idempotent:
            assert sum("只说一次" in text for text in stand.seen()) == 1
        assert first.facts["message_id"] == second.facts["message_id"], "or the same id, by which the other side drops a repeat"

    def test_a_card_says_everything_and_nothing_in_it_is_markup(self, stand: Stand) -> None:
        self._send(stand, Outgoing("三级响应 INC-20260310-001\n已开", CARD))
        (shown,) = [text for text in stand.seen() if "INC-20260310-001" in text]
        if stand.platform().can.cards:
            for words in ("状态", "已开", "**粗**", "末行"):
                assert words in shown
        assert stand.rang() == 0, "what people wrote mentions nobody"

    def test_an_edit_replaces_what_is_shown(self, stand: Stand) -> None:
        if not stand.platform().can.edit:
            pytest.skip("it cannot edit")
        facts = self._send(stand, Outgoing("旧", CARD)).facts
        after = Outgoing("新", replace(CARD, title="四级响应 INC-20260310-001"))
        for key in ("outbox:1:2", "outbox:1:2"):
            stand.do(Edit(facts["chat"], facts["message_id"], after), key)
        shown = [text for text in stand.seen() if "INC-20260310-001" in text]
        assert len(shown) == 1
        assert "四级响应" in shown[0]

    def test_a_message_is_taken_back(self, stand: Stand) -> None:
        if not stand.platform().can.recall:
            pytest.skip("it cannot recall")
        facts = self._send(stand, Outgoing("说错了")).facts
        stand.do(Recall(facts["chat"], facts["message_id"]), "outbox:9")
        assert not any("说错了" in text for text in stand.seen())

    def test_a_room_is_made_and_strangers_are_named(self, stand: Stand) -> None:
        if not stand.platform().can.create_room:
            pytest.skip("it makes no rooms")
        done = stand.do(CreateRoom("INC-20260310-001 行情中断", (stand.person, "nobody-at-all")), "room:I1")
        assert done.facts["chat"]
        assert done.facts["missing"] == "nobody-at-all"
        again = stand.do(CreateRoom("INC-20260310-001 行情中断", (stand.person, "nobody-at-all")), "room:I1")
        assert again.facts["chat"] == done.facts["chat"], "asked again under the same key it is the same room"
        stand.do(Invite(done.facts["chat"], (stand.other,)), "invite:1")
        stand.do(Send(Outgoing("都在"), chat=done.facts["chat"]), "outbox:3")
        assert any("都在" in text for text in stand.seen())

    def test_a_chat_has_an_address_that_opens_it_or_none(self, stand: Stand) -> None:
        link = stand.platform().can.chat_link
        if link is None:
            pytest.skip("no address opens its chats")
        assert stand.opened_by(link(stand.chat)) == stand.chat
        assert link(stand.chat) == link(stand.chat), "worked out and not asked for"
        odd = link('a b&c=d#e/f?g"h<i')
        assert odd.startswith("https://")
        assert not set(' "<') & set(odd)
        assert (odd.count("&"), odd.count("#"), odd.count("?"), odd.count("=")) == (0, 0, 1, 1), "an id is nothing but an id"

    @pytest.mark.parametrize("deed", IMPOSSIBLE, ids=lambda deed: type(deed).__name__)
    def test_what_cannot_be_done_is_said_in_one_of_two_ways(self, stand: Stand, deed: Deed) -> None:
        """Done, or TryLater, or WillNeverWork: nothing else comes out of a platform, whatever it is asked for."""
        reason = "done"
        try:
            stand.do(deed, "outbox:7")
        except (TryLater, WillNeverWork) as refusal:
            reason = str(refusal)
        assert reason, "a refusal tells an administrator why"

    @pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"encrypt": 5}', b"[" * 10_000, b"x" * 2_000_000], ids=len)
    def test_what_proves_nothing_is_refused(self, stand: Stand, body: bytes) -> None:
        for headers in (
            {},
            {"x-lark-signature": "a", "x-lark-request-timestamp": "1", "x-lark-request-nonce": "n"},
            {"x-gengfu-person": "x"},
        ):
            with pytest.raises(NotAuthentic):
                stand.platform().receive(headers, body)

    def test_every_reply_has_an_envelope(self, stand: Stand) -> None:
        for reply in (
            Reply("好"),
            Reply("不行", error="house.stale"),
            Reply("", card=CARD),
            Reply("稍等", wait=True),
            Reply("好", "T1", CARD),
        ):
            answer = stand.platform().answer(reply)
            assert isinstance(answer, Answer)
            shown: Any = json.loads(answer.body)
            assert isinstance(shown, dict)

    def test_where_there_is_no_long_connection_listening_ends_at_once(self, stand: Stand) -> None:
        async def hear(message: Message | Receipt) -> None:
            raise AssertionError("nobody speaks")

        stand.listens(hear)
