"""Files and pictures on tasks and facts: attached by a command or with a note, listed, and in the trail by hash only."""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest
from sqlmodel import select

from handlers.core.message import Reply
from handlers.core.screen import screen
from storage import files, uploads
from storage.cipher import Cipher
from storage.database import Database
from storage.tables.files import FileRow
from tests.world import KEY, World, make_world
from workflows.core.errors import NotFound, RuleBroken

PNG = b"\x89PNG\r\n\x1a\nsecret-pixels"
NUMBERS = count(1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    made = make_world(database)
    made.says("li.na", "/事件 上报 类型=系统故障 系统=行情 行情中断")
    yield made
    database.close()


def send(world: World, person: str, name: str = "截图.png", content: bytes = PNG) -> str:
    upload = f"u{next(NUMBERS)}"
    mask = lambda text: screen(text).text  # noqa: E731
    world.database.write(
        lambda tx: uploads.receive(tx, Cipher(KEY), content, id=upload, name=name, person=person, now=world.clock(), mask=mask)
    )
    return upload


def says(world: World, person: str, text: str, *sent: str, room: str | None = None) -> Reply:
    chat = room or world.rooms.direct(person)
    reply = world.road.ask(replace(world.message(person, text, chat), files=sent))
    world.settle()
    return reply


def test_a_file_is_attached_to_a_task_and_listed_with_it(world: World) -> None:
    ref = world.by_code("failure.locate").ref
    reply = says(world, "ma.chao", f"/附件 {ref} 柜台日志截图", send(world, "ma.chao"))
    assert reply.text == f"{ref} 已附:截图.png(21 B)"
    assert world.says("ma.chao", f"/任务 缘由 {ref}").text.endswith("附件:截图.png(21 B,马超 14:00)")
    (attached,) = [details for _, verb, details in world.trail(ref) if verb == "attached"]
    assert attached["files"] == [{"name": "截图.png", "size": len(PNG), "sha256": sha256(PNG).hexdigest()}]
    assert b"secret-pixels" not in world.everything(), "the bytes lie encrypted and nowhere else"


def test_a_note_of_progress_or_done_brings_its_files(world: World) -> None:
    ref = world.by_code("failure.locate").ref
    world.says("wang.qiang", f"/认领 {ref}")
    assert says(world, "wang.qiang", f"/进展 {ref} 定位在前置机", send(world, "wang.qiang", "a.png")).text.endswith("已附:a.png(21 B)")
    assert says(world, "wang.qiang", f"/完成 {ref} 可切换", send(world, "wang.qiang", "b.log")).text.endswith("已附:b.log(21 B)")
    found = world.says("li.na", f"/任务 缘由 {ref}").text.splitlines()[-1]
    assert "a.png" in found
    assert "b.log" in found


def test_a_file_alone_in_an_incidents_chat_is_evidence_of_the_incident(world: World) -> None:
    room = world.room_of("li.na", "INC-")
    assert says(world, "li.na", "/附件", send(world, "li.na"), room=room).text == "I1 已附:截图.png(21 B)"
    assert [verb for _, verb, _ in world.trail("I1")][-1] == "attached"


def test_facts_are_stated_with_their_evidence(world: World) -> None:
    reply = says(world, "li.na", "/事件 事实 系统=行情源 原因=线路中断", send(world, "li.na"))
    assert reply.text.endswith("I1 已附:截图.png(21 B)")
    attached = next(details for _, verb, details in world.trail("I1") if verb == "attached")
    assert attached["about"] == "系统、原因"


def test_nothing_or_what_another_person_sent_is_refused_and_nothing_changes(world: World) -> None:
    ref, theirs = world.by_code("failure.locate").ref, send(world, "li.na")
    assert world.says("ma.chao", f"/附件 {ref}").error == "file.none"
    assert says(world, "ma.chao", f"/附件 {ref}", theirs).error == "file.not_found"
    assert says(world, "ma.chao", f"/完成 {ref} 好了", send(world, "ma.chao")).error == "task.unowned"
    assert [verb for _, verb, _ in world.trail(ref)] == ["opened"]
    assert list(world.database.read(lambda tx: list(files.attachments(tx, "I1")))) == []


def test_what_nobody_attaches_goes_after_a_day_and_evidence_stays(world: World) -> None:
    ref = world.by_code("failure.locate").ref
    kept, idle, same = (send(world, "ma.chao", content=PNG + tail) for tail in (b"kept", b"idle", b"same"))
    says(world, "ma.chao", f"/附件 {ref} 截图", kept)
    world.clock.pass_time(hours=23)
    again = send(world, "zhao.min", content=PNG + b"same")
    assert world.database.write(lambda tx: uploads.sweep(tx, world.clock())) == 0
    world.clock.pass_time(hours=2)
    assert world.database.write(lambda tx: uploads.sweep(tx, world.clock())) == 2
    for gone in (idle, same):
        with pytest.raises(NotFound):
            world.database.read(lambda tx, gone=gone: uploads.of(tx, gone, "ma.chao"))  # type: ignore[misc]
    shas = world.database.read(lambda tx: set(tx.exec(select(FileRow.sha256)).all()))
    assert shas == {sha256(PNG + tail).hexdigest() for tail in (b"kept", b"same")}, "the bytes that somebody still points to stay"
    assert world.database.read(lambda tx: uploads.of(tx, again, "zhao.min")).name == "截图.png"


def test_only_so_much_may_wait_to_be_attached(world: World) -> None:
    ref, part = world.by_code("failure.locate").ref, files.LARGEST
    sent = [send(world, "ma.chao", content=PNG + bytes([n]) + bytes(part - len(PNG) - 1)) for n in range(uploads.MOST_WAITING // part)]
    with pytest.raises(RuleBroken, match=r"^file\.too_many$") as refused:
        send(world, "ma.chao")
    assert refused.value.values == {"held": 200, "most": 200, "hours": 24}
    assert send(world, "zhao.min"), "it is counted by person"
    says(world, "ma.chao", f"/附件 {ref} 日志", sent[0])
    assert send(world, "ma.chao"), "what is attached waits no longer"
