"""先批后办: a task whose line says so is begun only when the approver has agreed; asked at once, reminded of, returned with a reason."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.bootstrap import SAMPLE_PLAN
from storage.database import Database
from tests.world import World, make_world
from workflows.core.approval import State as Asked
from workflows.task import State, Task

CODE = "failure.emergency_change"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    made = make_world(database, plan=SAMPLE_PLAN)
    made.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 集中交易中断")
    yield made
    database.close()


def change(world: World) -> Task:
    return world.by_code(CODE)


def line(world: World, person: str, ref: str) -> str:
    return str(dict(world.card(person, "我的任务")["lines"])[ref])


def test_claiming_asks_the_approver_on_one_card(world: World) -> None:
    ref = change(world).ref
    assert "须先经 周衡、林岳 同意" in line(world, "ma.chao", ref)
    reply = world.says("ma.chao", f"/认领 {ref}")
    assert reply.text == (
        f"{ref} 交易时段紧急变更审批 由你负责(14:15 前),但要先批后办:批准前不要动手。\n"
        f"已请 周衡、林岳 先批(A1);同意后再动手,其间可先做准备。"
    )
    found = world.approval()
    assert (found.kind, found.subject, found.asked_by) == ("task", ref, "ma.chao")
    assert "由 马超 办理" in found.text
    assert "A1 待批" in line(world, "ma.chao", ref)
    card = world.card("ma.chao", "我的任务")
    assert [button["command"] for button in card["buttons"] if ref in button["command"]] == [], "before the answer one can only prepare"
    rare = [button["command"] for button in card["menu"] if ref in button["command"]]
    assert rare == [f"/task attach {ref}", f"/task block {ref}", f"/task snooze {ref}"]


def test_before_the_approval_nothing_is_in_progress_or_done(world: World) -> None:
    ref = change(world).ref
    world.says("ma.chao", f"/认领 {ref}")
    for text in (f"/进展 {ref} 已回退", f"/完成 {ref} 已回退"):
        reply = world.says("ma.chao", text)
        assert reply.error == "task.first"
        assert "周衡、林岳" in reply.text
    assert change(world).state is State.CLAIMED
    world.taps("lin.yue", "同意")
    assert change(world).allowed_by == "lin.yue"
    assert any("先批后办 T8 交易时段紧急变更审批:林岳 已同意" in text for text in world.direct("ma.chao"))
    assert world.says("ma.chao", f"/进展 {ref} 已回退").error is None
    assert world.says("ma.chao", f"/完成 {ref} 回退完成").error is None
    assert "须先经" not in str(world.card("ma.chao", "我的任务"))


def test_returned_it_stays_claimed_with_the_reason_and_is_asked_again(world: World) -> None:
    ref = change(world).ref
    world.says("ma.chao", f"/认领 {ref}")
    world.taps("lin.yue", "退回", "没有写回退步骤")
    assert (change(world).state, change(world).owner, change(world).note) == (State.CLAIMED, "ma.chao", "没有写回退步骤")
    assert any("没有写回退步骤" in text for text in world.direct("ma.chao"))
    assert world.timers(ref), "an open item always has a running timer"
    reply = world.taps("ma.chao", f"请批 {ref}", "回退到上一版本,步骤见变更单 12")
    assert "A2" in reply.text
    assert "回退到上一版本" in world.approval("A2").text
    world.taps("lin.yue", "同意")
    assert change(world).allowed_by == "lin.yue"


def test_what_is_said_anew_takes_the_old_question_back(world: World) -> None:
    ref = change(world).ref
    world.says("ma.chao", f"/认领 {ref}")
    assert world.says("ma.chao", f"/任务 提请 {ref}").error == "approval.pending"
    world.says("ma.chao", f"/任务 提请 {ref} 只重启前置机,不改配置")
    assert world.approval("A1").state is Asked.VOID
    assert world.approval("A2").state is Asked.PENDING
    assert world.says("wang.qiang", f"/任务 提请 {ref} 我来").error == "task.not_yours"


def test_another_owner_is_asked_about_anew_and_nobody_agrees_to_their_own(world: World) -> None:
    ref = change(world).ref
    world.says("ma.chao", f"/认领 {ref}")
    world.says("wang.qiang", f"/任务 指派 {ref} 王强")
    assert world.approval("A1").state is Asked.VOID
    assert world.approval("A2").asked_by == "wang.qiang"
    assert world.says("wang.qiang", "/同意 A2").error == "approval.own"
    world.taps("lin.yue", "同意")
    world.says("wang.qiang", f"/放手 {ref} 换班")
    assert change(world).allowed_by == "lin.yue", "what was agreed to stays agreed"
    assert world.says("lin.yue", f"/认领 {ref}").error is None
    assert change(world).allowed_by is None, "but not to the one who agreed"
    assert world.approval("A3").asked_by == "lin.yue"
    assert world.says("lin.yue", "/同意 A3").error == "approval.own"


def test_the_approver_is_reminded_and_the_owner_told_what_it_waits_for(world: World) -> None:
    ref = change(world).ref
    world.says("ma.chao", f"/认领 {ref}")
    world.passes(minutes=16)
    assert any("等批准才能办" in text for text in world.direct("ma.chao"))
    world.passes(hours=1)
    assert any("次提醒】A1 先批后办" in text for text in world.direct("zhou.heng"))


def test_a_released_or_cancelled_task_takes_its_question_back(world: World) -> None:
    ref = change(world).ref
    world.says("ma.chao", f"/认领 {ref}")
    world.says("ma.chao", f"/放手 {ref} 换班")
    assert world.approval("A1").state is Asked.VOID
    world.says("ma.chao", f"/认领 {ref}")
    world.says("zhou.heng", f"/任务 取消 {ref} 不需要变更")
    assert world.approval("A2").state is Asked.VOID
    assert world.says("ma.chao", f"/任务 提请 {ref}").error == "task.first_no_need"


def test_a_higher_level_does_not_ask_others(world: World) -> None:
    world.says("ma.chao", f"/认领 {change(world).ref}")
    world.says("li.na", "/定级 证监会=特别重大 阅读=120万 热榜=前50")
    assert world.approval("A1").state is Asked.PENDING
    assert world.approval("A1").needed == ("lead.head or lead.deputy",)
