"""Who a name, an approver spec or an audience means."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.sample import ORGANIZATION
from workflows.core.people import Group, Organization, Person

PEOPLE = {
    **ORGANIZATION.people,
    "li.wei": Person("li.wei", "李伟", roles=("compliance",)),
    "li.wei2": Person("li.wei2", "李伟", roles=("compliance", "auditor")),
    "xu.jing": Person("xu.jing", "徐静"),
}
FIRM: Organization = replace(
    ORGANIZATION,
    people=PEOPLE,
    groups={
        **ORGANIZATION.groups,
        "lone": Group("lone", "单人组", "xu.jing"),
        "twice": Group("twice", "重名组", "li.wei", deputy="li.wei", members=("li.wei",)),
    },
)


def test_everyone_once_head_first() -> None:
    assert FIRM.groups["tech"].everyone == ("wang.qiang", "zhao.min", "ma.chao")
    assert FIRM.groups["twice"].everyone == ("li.wei",)
    assert FIRM.groups["lone"].leaders == ("xu.jing",)
    assert FIRM.groups_of("xu.jing") == ("lone",)
    assert FIRM.duty("tech") == "wang.qiang"


@pytest.mark.parametrize("word", ["xu.jing", "徐静", "@徐静", "＠徐静 ", " @xu.jing"])
def test_named(word: str) -> None:
    found = FIRM.named(word)
    assert found is not None
    assert found.id == "xu.jing"


@pytest.mark.parametrize("word", ["李伟", "", "@", "徐", "nobody"])
def test_a_name_that_is_nobodys_or_of_several_is_none(word: str) -> None:
    assert FIRM.named(word) is None


@pytest.mark.parametrize(
    ("spec", "people"),
    [
        ("owner", ("ma.chao",)),
        ("commander", ("li.na",)),
        ("group", ("wang.qiang", "zhao.min", "ma.chao")),
        ("group.head", ("wang.qiang",)),
        ("group.deputy", ("zhao.min",)),
        ("group.duty", ("wang.qiang",)),
        ("lead", ("zhou.heng", "lin.yue")),
        ("lead.head", ("zhou.heng",)),
        ("lone.deputy", ()),
        ("role:compliance", ("li.wei", "li.wei2")),
        ("role:nobody", ()),
        ("xu.jing", ("xu.jing",)),
        ("gone.head", ()),
        ("", ()),
        ("lead.head or commander or lead", ("zhou.heng", "li.na", "lin.yue")),
    ],
)
def test_resolve(spec: str, people: tuple[str, ...]) -> None:
    assert FIRM.resolve(spec, group="tech", owner="ma.chao", commander="li.na") == people


@pytest.mark.parametrize("spec", ["owner", "commander", "group", "group.head"])
def test_what_is_not_there_is_nobody(spec: str) -> None:
    assert FIRM.resolve(spec) == ()


WORDS = st.sampled_from(
    ["owner", "group", "group.head", "group.deputy", "group.duty", "commander", "lead", "lone.deputy", "gone", "role:x", "xu.jing"]
)


@given(st.lists(WORDS, min_size=1, max_size=4), st.sampled_from(["", *FIRM.groups, "gone"]), st.none() | st.just("ma.chao"))
def test_resolve_answers_people_of_the_plan_each_once(specs: list[str], group: str, owner: str | None) -> None:
    people = FIRM.resolve(" or ".join(specs), group=group, owner=owner)
    assert len(set(people)) == len(people)
    assert set(people) <= set(FIRM.people)
    for spec in specs:
        assert set(FIRM.resolve(spec, group=group, owner=owner)) <= set(people)
