"""A paper is signed as things are: what has changed since it was made is shown figure by figure, and nothing else binds a signature."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.bootstrap import SAMPLE_PLAN
from storage.database import Database
from storage.mapping import to_record
from storage.tables.queues import WorkRow
from storage.tables.records import ReportRow
from tests.handlers.papers import content, made, words
from tests.world import World, make_world
from workflows.regulator_report import Report, State


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield make_world(database, plan=SAMPLE_PLAN)
    database.close()


@pytest.fixture
def outage(world: World) -> World:
    return begun(world)


def begun(world: World) -> World:
    world.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 地点=江城数据中心 集中交易中断")
    world.says("li.na", "/定级 证监会=较大 阅读=120万 客户=1.2万")
    return world


def report(world: World, obligation: str = "csrc_first_written") -> Report:
    rows = world.database.read(lambda tx: [to_record(Report, row) for row in tx.exec(select(ReportRow))])
    return next(one for one in rows if one.obligation == obligation)


def drafted(world: World, obligation: str = "csrc_first_written") -> str:
    ref = report(world, obligation).ref
    assert world.says("li.na", f"/报送 起草 {ref}").error is None
    return ref


# What has changed


def test_what_has_changed_is_told_figure_by_figure_and_nothing_is_signed(outage: World) -> None:
    ref = drafted(outage)
    outage.says("li.na", "/定级 客户=2.5万")
    outage.says("li.na", "/事件 事实 需要协助事宜=请协调运营商")
    reply = outage.taps("zhou.heng", f"签发 {ref}")
    assert report(outage).signed_by is None
    assert "3 处" in reply.text
    found = changes(outage)
    assert found.pop("简要经过").startswith("稿件:(没有);现在:2026年3月10日 14:00 定级:"), "what has happened since"
    assert found == {
        "受影响人数(户)": "稿件:1.2万户;现在:2.5万户",
        "需要协助事宜": "稿件:尚不清楚;现在:请协调运营商",
    }, "these, and nothing that stayed as it was"
    told = outage.direct("zhou.heng")[-1]
    assert "2.5万户" in told
    assert f"/报送 签发 {ref} 版本=1 差异=" in told, "without buttons, too"


def changes(world: World, person: str = "zhou.heng") -> dict[str, str]:
    """What a signer was told alone: label to what the paper says and what is so now."""
    card = world.card(person, "稿件与现状不同")
    return {name: value for name, value in card["lines"] if name}


def test_who_signs_has_it_drafted_anew_and_the_drafter_hears_why(outage: World) -> None:
    ref = drafted(outage)
    outage.says("li.na", "/定级 客户=2.5万")
    outage.says("zhou.heng", f"/报送 签发 {ref}")
    assert outage.says("sun.jie", f"/报送 退稿 {ref} 受影响人数不是最新的数").error == "report.not_signer"
    assert outage.says("zhou.heng", f"/报送 退稿 {ref} 太旧").error == "agreement.reason"
    assert outage.taps("zhou.heng", f"退稿 {ref}", "受影响人数不是最新的数").error is None
    assert (report(outage).state, report(outage).draft_sha256) == (State.DUE, "")
    assert outage.timers(ref), "its clock runs on"
    assert "受影响人数不是最新的数" in outage.direct("li.na")[-1]
    assert outage.says("lin.yue", f"/报送 签发 {ref}").error in ("report.no_draft", "house.move"), "nobody signs what was returned"
    assert outage.taps("li.na", f"起草 {ref}").error is None
    assert outage.taps("zhou.heng", f"签发 {ref}").error is None
    assert report(outage).signed_by == "zhou.heng"
    assert "2.5万户" in words(content(outage, f"{ref}-2-signed")).text


def test_signing_it_as_it_is_takes_a_reason_that_the_trail_keeps(outage: World) -> None:
    ref = drafted(outage)
    outage.says("li.na", "/定级 客户=2.5万")
    outage.says("zhou.heng", f"/报送 签发 {ref}")
    label = "知悉差异,照签"
    assert outage.taps("zhou.heng", label, "急").error == "agreement.reason"
    assert report(outage).signed_by is None
    assert outage.taps("zhou.heng", label, "首报先按此稿报出,人数随续报更正").error is None
    assert report(outage).signed_by == "zhou.heng"
    (details,) = [details for _, verb, details in outage.trail(ref) if verb == "signed"]
    assert details["reason"] == "首报先按此稿报出,人数随续报更正"
    assert ["受影响人数(户)", "1.2万户", "2.5万户"] in details["differs"]


def test_a_confirmation_holds_for_what_was_shown_and_for_nothing_later(outage: World) -> None:
    ref = drafted(outage)
    outage.says("li.na", "/定级 客户=2.5万")
    outage.says("zhou.heng", f"/报送 签发 {ref}")
    outage.says("li.na", "/定级 客户=40万")
    assert outage.taps("zhou.heng", "知悉差异,照签", "首报先按此稿报出,人数随续报更正").error is None
    assert report(outage).signed_by is None
    assert changes(outage)["受影响人数(户)"] == "稿件:1.2万户;现在:40万户"


def test_a_grade_and_a_clock_count_also_where_the_form_does_not_say_them(outage: World) -> None:
    outage.says("li.na", "/事件 事实 影响交易=是")
    ref = drafted(outage, "exchange_first")
    outage.says("li.na", "/定级 证监会=重大")
    outage.says("li.na", "/事件 事实 获知=13:40")
    outage.says("zhou.heng", f"/报送 签发 {ref}")
    changed = changes(outage)
    assert changed["证监会口径级别"] == "稿件:较大;现在:重大", "the exchange's form names no grade"
    assert changed["发现(获知)时间"] == "稿件:2026年3月10日 14:00;现在:2026年3月10日 13:40"


def test_what_only_goes_on_does_not_make_a_paper_out_of_date(outage: World) -> None:
    ref = drafted(outage)
    drafted(outage, "csrc_progress")
    outage.passes(minutes=3)
    assert outage.says("zhou.heng", f"/报送 签发 {ref}").error is None
    assert report(outage).signed_by == "zhou.heng", "reminders and other papers are no figures of this one"


# Asked to sign


def test_a_draft_of_what_is_to_be_decided_asks_its_signers_once_it_is_due(outage: World) -> None:
    ref = drafted(outage, "pi_authority")
    assert report(outage, "pi_authority").state is State.TO_DECIDE
    assert not any(ref in text and "待签发" in text for text in outage.direct("lin.yue"))
    outage.taps("li.na", "是:涉及个人信息")
    assert report(outage, "pi_authority").state is State.DRAFTED
    assert any(ref in text and "待签发" in text for text in outage.direct("lin.yue"))
    assert outage.taps("lin.yue", f"签发 {ref}").error is None
    assert report(outage, "pi_authority").signed_by == "lin.yue"


def test_who_signs_is_whom_the_line_of_the_playbook_names(world: World) -> None:
    world.says("li.na", "/事件 上报 类型=信息泄露 客户信息在论坛出售")
    ref = drafted(world, "pi_individuals")
    assert any(ref in text and "待签发" in text for text in world.direct("guo.ping")), "the notice to persons is compliance's"
    assert world.says("zhou.heng", f"/报送 签发 {ref}").error == "report.not_signer"
    assert world.taps("guo.ping", f"签发 {ref}").error is None


# Buttons


def test_the_cards_of_a_clock_offer_what_comes_next_to_whom_it_comes(outage: World) -> None:
    ref = report(outage).ref

    def offered(person: str) -> list[str]:
        reply = outage.says(person, f"/报送 查看 {ref}")
        assert reply.card is not None
        return [button.label for button in reply.card.buttons]

    assert offered("li.na") == [f"已报 {ref}", f"起草 {ref}", f"不需报 {ref}"]
    reminder = next(line for line in reversed(outage.lines(outage.rooms.direct("li.na"), "li.na")) if f"{ref} " in line.text)
    assert f"起草 {ref}" in [button["label"] for button in (reminder.body or {})["card"]["buttons"]], "on the word that it is due, too"
    drafted(outage)
    assert offered("li.na") == [f"已报 {ref}", f"重新起草 {ref}", f"不需报 {ref}"], "nobody signs what they drafted"
    assert offered("zhou.heng")[:2] == [f"签发 {ref}", f"退稿 {ref}"]
    assert offered("xu.jing") == [], "she neither files nor waives it"
    listed = outage.says("li.na", "/报送 I1")
    assert listed.card is not None
    assert any(button.label.startswith("起草 ") for button in listed.card.buttons), "under the list, too"
    phone = report(outage, "csrc_first_phone").ref
    assert f"起草 {phone}" not in [button.label for button in listed.card.buttons], "the call needs no paper"


# A race


def test_a_round_filed_while_its_signed_copy_is_made_keeps_the_copy(database: Database) -> None:
    """Signed, and told to the bureau in the same second: on both databases."""
    world = begun(make_world(database, plan=SAMPLE_PLAN))
    ref = drafted(world, "csrc_progress")
    for person, text in (("zhou.heng", f"/报送 签发 {ref}"), ("li.na", f"/已报 {ref} 平台 回执001")):
        world.clock.now += timedelta(milliseconds=300)
        assert world.road.ask(world.message(person, text, world.rooms.direct(person))).error is None
    assert report(world, "csrc_progress").issue == 2
    world.settle()
    assert f"{ref}-1-signed" in made(world)
    assert {row.status for row in world.database.read(lambda tx: list(tx.exec(select(WorkRow))))} == {"done"}
    assert "签发人：周衡" in words(content(world, f"{ref}-1-signed")).text
    assert any("签发件" in text for text in world.direct("zhou.heng"))
    (issued,) = [details for _, verb, details in world.trail(ref) if verb == "issued"]
    assert (issued["by"], issued["of"]) == ("zhou.heng", made(world)[f"{ref}-1"].sha256)
    assert report(world, "csrc_progress").state is State.DUE, "the next round is as it was"


def test_a_signature_that_a_new_draft_has_voided_gets_no_copy(outage: World) -> None:
    ref = drafted(outage)
    outage.road.ask(outage.message("guo.ping", f"/报送 起草 {ref}", outage.rooms.direct("guo.ping")))
    outage.road.ask(outage.message("zhou.heng", f"/报送 签发 {ref} 版本=1", outage.rooms.direct("zhou.heng")))
    outage.settle()
    assert report(outage).drafts == 2
    assert f"{ref}-1-signed" not in made(outage)
    assert any("不是第 1 稿" in text for text in outage.direct("zhou.heng")), "and hears why"
