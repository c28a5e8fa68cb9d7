import asyncio
import contextlib
import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.logs import JsonLines, log_uncaught, setup
from bot.secret import Secret
from workflows.core.errors import BadConfig, RuleBroken

PHONE = "13800138000"
log = logging.getLogger("bot.somewhere")


class Lines:
    def __init__(self) -> None:
        self.stream = io.StringIO()

    def __call__(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Logging set up into memory; afterwards everything stands as it stood."""
    names = ("", *logging.root.manager.loggerDict)
    before = [(logger, logger.level, logger.handlers[:], logger.propagate) for logger in map(logging.getLogger, names)]
    hooks = sys.excepthook, threading.excepthook
    found = Lines()
    setup("info", found.stream)
    yield found
    sys.excepthook, threading.excepthook = hooks
    for logger, level, handlers, propagate in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers
        logger.propagate = propagate


def failing(error: BaseException) -> None:
    raise error


def test_a_line_has_time_level_action_message_and_extras(lines: Lines) -> None:
    log.info("claimed %d rows", 3, extra={"action": "claimed", "queue": "inbox"})
    (line,) = lines()
    assert datetime.fromisoformat(line.pop("at")).tzinfo == UTC
    assert line == {"level": "info", "action": "claimed", "message": "claimed 3 rows", "queue": "inbox"}


def test_a_line_without_an_action_is_named_after_its_logger_and_debug_is_left_out(lines: Lines) -> None:
    log.warning("行情\n中断")
    log.debug("not asked for")
    (line,) = lines()
    assert (line["action"], line["message"]) == ("bot.somewhere", "行情\n中断")
    assert len(lines.stream.getvalue().splitlines()) == 1


def test_an_extra_cannot_replace_a_field_and_odd_values_are_named_by_type(lines: Lines) -> None:
    log.info(
        "x", extra={"at": "never", "level": "none", "key": Secret("hush"), "path": Path("a/b"), "bytes": b"hush", "refs": {"T2", "T1"}}
    )
    (line,) = lines()
    assert line["level"] == "info"
    assert line["at"] != "never"
    assert (line["key"], line["path"], line["bytes"], line["refs"]) == ("<Secret>", "a/b", "<bytes>", ["T1", "T2"])


def test_an_exception_is_logged_by_type_and_place_without_its_message(lines: Lines) -> None:
    try:
        try:
            failing(KeyError(PHONE))
        except KeyError as error:
            raise ValueError(f"cannot read {PHONE}") from error
    except ValueError:
        log.exception("handling failed", extra={"action": "failed"})
    (line,) = lines()
    assert line["error"]["type"] == "ValueError"
    assert line["error"]["caused_by"] == ["KeyError"]
    assert "test_logs.py:" in line["error"]["trace"][0]
    assert "message" not in line["error"]
    assert PHONE not in lines.stream.getvalue()


def test_our_own_errors_keep_their_message_and_only_the_key_of_a_refusal(lines: Lines) -> None:
    for error in (BadConfig("GENGFU_PORT is wrong"), RuleBroken("task.taken", by=PHONE)):
        log.error("refused", exc_info=error)
    assert [line["error"]["message"] for line in lines()] == ["GENGFU_PORT is wrong", "task.taken"]
    assert PHONE not in lines.stream.getvalue()


def test_the_parts_of_a_group_are_told(lines: Lines) -> None:
    log.error("several", exc_info=ExceptionGroup(PHONE, [ValueError(PHONE), BadConfig("x")]))
    (line,) = lines()
    assert [part["type"] for part in line["error"]["parts"]] == ["ValueError", "workflows.core.errors.BadConfig"]
    assert PHONE not in lines.stream.getvalue()


def test_a_message_that_does_not_fit_its_arguments_still_gets_out() -> None:
    record = logging.makeLogRecord({"name": "bot.x", "msg": "one %d", "args": (PHONE,)})
    assert json.loads(JsonLines().format(record))["message"] == "one %d"


def test_a_lone_surrogate_does_not_break_the_stream() -> None:
    # Formatted directly: pytest would capture the record, and xdist cannot carry a surrogate to its controller.
    record = logging.LogRecord("x", logging.INFO, "f", 1, "%s", ("\ud800",), None)
    assert JsonLines().format(record).isascii()


def test_libraries_speak_the_same_format_and_do_not_quote(lines: Lines) -> None:
    logging.getLogger("uvicorn.error").info("Started on port %d", 8000, extra={"color_message": "\x1b[1mStarted"})
    logging.getLogger("uvicorn.access").info('"GET /?token=%s"', PHONE)
    logging.getLogger("sqlalchemy.engine").warning("failed with %s", PHONE)
    logging.getLogger("httpx").info("GET %s", PHONE)
    logging.getLogger("apscheduler.executors").warning("tick %s missed", "inbox")
    assert [line["message"] for line in lines()] == ["Started on port 8000", "failed with %s", "tick inbox missed"]
    assert "color_message" not in lines()[0]
    assert PHONE not in lines.stream.getvalue()


def test_a_forgotten_task_is_reported_without_its_value(lines: Lines) -> None:
    async def forget() -> None:
        task = asyncio.get_running_loop().create_task(fail())
        await asyncio.wait([task])

    async def fail() -> None:
        failing(ValueError(PHONE))

    asyncio.run(forget())
    (line,) = lines()
    assert (line["message"], line["error"]["type"]) == ("Task exception was never retrieved", "ValueError")
    assert PHONE not in lines.stream.getvalue()


def test_what_nobody_catches_is_logged_too(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    log_uncaught()
    thread = threading.Thread(target=failing, args=(ValueError(PHONE),))
    thread.start()
    thread.join()
    (line,) = lines()
    assert (line["level"], line["action"], line["error"]["type"]) == ("critical", "uncaught", "ValueError")
    assert PHONE not in lines.stream.getvalue() + capsys.readouterr().err


def test_a_closed_stream_does_not_print_what_it_could_not_log(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    lines.stream.close()
    with contextlib.suppress(ValueError):
        log.info("call %s", PHONE)
    assert capsys.readouterr().err == ""


def test_setting_up_twice_does_not_double_the_lines(lines: Lines) -> None:
    setup("warning", lines.stream)
    log.warning("once")
    log.info("never")
    assert len(lines()) == 1
