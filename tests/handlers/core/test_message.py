"""What we say, as JSON keeps it."""

import json
from dataclasses import asdict

from handlers.core.message import Button, Card, Field, Outgoing, Reply, plain
from handlers.core.wording import Ours

REASON = Field("text", "为什么?", "long", options=(("a", "甲"),))
CARD = Card(
    "标题",
    (("等级", Ours("I")), ("", "一整行")),
    "末行",
    (Button("认领", "/task claim T1", 3, "primary"), Button("进展", "x", form=(REASON,))),
)


def test_a_message_and_an_answer_are_kept_field_by_field() -> None:
    for said in (
        Outgoing("话"),
        Outgoing("话", CARD, ("li.na", "wu.di")),
        Reply("好", "T1", CARD, wait=True),
        Reply("不行", error="x", usage="y"),
    ):
        assert plain(said) == json.loads(json.dumps({name: value for name, value in asdict(said).items() if name != "whole"}))
    assert "secret" not in json.dumps(plain(Reply("好", whole="secret"))), "what the asker alone is told is kept nowhere"
