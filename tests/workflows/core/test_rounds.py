"""What becomes of what the engine finds in itself: repaired once, said when that did not help, and said to be over."""

from datetime import datetime, timedelta

from tests.make import START
from workflows.core.rounds import AGAIN, FURTHER, OVER, REMEMBERED, Finding, Known, Verdict, judge

LOST = Finding("no_timer", "T1")
OTHER = Finding("no_timer", "T2")
GONE = Finding("commander", "I1", "li.na")


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def minutes(*looks: tuple[Finding, ...]) -> list[Verdict]:
    """A look each minute, each with what it found."""
    known: tuple[Known, ...] = ()
    verdicts = []
    for number, found in enumerate(looks):
        verdicts.append(judge(known, found, at(number)))
        known = verdicts[-1].known
    return verdicts


def test_nothing_found_is_nothing_done() -> None:
    assert judge((), (), START) == Verdict((), {}, (), ())


def test_what_is_found_is_repaired_and_nobody_hears_of_it_when_that_helps() -> None:
    first, *later = minutes((LOST,), (), (), (), ())
    assert (first.repair, first.say) == ((LOST,), {})
    assert not any(one.repair or one.say or one.over for one in later)


def test_what_is_still_there_is_said_once_and_repaired_once_more_with_it() -> None:
    verdicts = minutes(*[(LOST,)] * 32)
    assert [number for number, one in enumerate(verdicts) if one.say] == [1, 31]
    assert [number for number, one in enumerate(verdicts) if one.repair] == [0, 1, 31]
    assert verdicts[1].say == {"no_timer": (LOST,)}
    assert timedelta(minutes=30) == AGAIN


def test_what_cannot_be_repaired_is_said_at_once() -> None:
    first, second = minutes((GONE,), (GONE,))
    assert (first.repair, first.say) == ((), {"commander": (GONE,)})
    assert not second.say


def test_the_sentence_names_all_of_its_kind_and_a_further_one_waits_a_little() -> None:
    verdicts = minutes((GONE,), *[(GONE, Finding("commander", "I2", "x"))] * 6)
    assert [number for number, one in enumerate(verdicts) if one.say] == [0, 5]
    assert {finding.ref for finding in verdicts[5].say["commander"]} == {"I1", "I2"}
    assert timedelta(minutes=5) == FURTHER


def test_another_kind_does_not_wait() -> None:
    assert minutes((LOST,), (LOST,), (LOST, GONE))[2].say == {"commander": (GONE,)}


def test_a_new_one_of_the_kind_is_not_named_before_its_repair_was_tried() -> None:
    assert minutes((LOST,), (LOST, OTHER))[1].say == {"no_timer": (LOST,)}


def test_it_is_said_to_be_over_once_when_nothing_of_the_kind_is_left() -> None:
    verdicts = minutes((LOST, OTHER), (LOST, OTHER), (LOST,), (), (), (), ())
    assert [number for number, one in enumerate(verdicts) if one.over] == [4]
    assert verdicts[4].over == ("no_timer",)
    assert timedelta(minutes=1) < OVER < timedelta(minutes=2), "one clean look between two bad ones is not over"


def test_what_nobody_heard_of_is_not_said_to_be_over() -> None:
    assert not any(one.over for one in minutes((LOST,), (), (), ()))


def test_what_comes_back_had_not_been_repaired() -> None:
    back = minutes((LOST,), *[()] * 9, (LOST,))[-1]
    assert back.say == {"no_timer": (LOST,)}


def test_what_comes_back_after_it_was_said_to_be_over_is_not_said_again_at_once() -> None:
    verdicts = minutes((LOST,), (LOST,), (), (), (LOST,), *[(LOST,)] * 27)
    assert [number for number, one in enumerate(verdicts) if one.say] == [1, 31]


def test_in_the_end_it_is_forgotten() -> None:
    known = judge((), (LOST,), START).known
    assert judge(known, (), START + REMEMBERED - timedelta(seconds=1)).known
    assert judge(known, (), START + REMEMBERED).known == ()
