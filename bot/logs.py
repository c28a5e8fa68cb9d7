"""Logs: one JSON object a line, each with an `action`, none with personal data.

An exception is logged by type and place. Its message is left out, because it may quote what a person wrote, unless it is one of our own
errors, whose messages are keys and sentences of ours. Uvicorn is to be started with `log_config=None`.
"""

import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from pathlib import PurePath
from types import TracebackType
from typing import Final, TextIO

from workflows.core.errors import GengfuError

OURS: Final = ("bot", "handlers", "storage", "workflows", "__main__")
SPEAK_FREELY: Final = (*OURS, "uvicorn", "apscheduler")
"""Of all other libraries only the sentence is logged, not what was filled into it (SQL parameters, addresses with tokens, reprs)."""
QUIET: Final = ("sqlalchemy", "apscheduler", "alembic", "httpx", "httpcore", "asyncio")
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}

log = logging.getLogger(__name__)


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "action": getattr(record, "action", record.name),
            "message": _message(record),
        }
        for name, value in vars(record).items():
            if name not in _STANDARD and name not in line:
                line[name] = value
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _described(record.exc_info[1])
        return json.dumps(line, default=_plain)


def setup(level: str, stream: TextIO) -> None:
    """Send every logger of this process to `stream`, replacing what was set up before."""
    handler = _Handler(stream)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", *QUIET):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
    for name in (*QUIET, "uvicorn.access"):  # an access line holds an address and a path; /metrics counts instead
        logging.getLogger(name).setLevel(logging.WARNING)


def log_uncaught() -> None:
    """What ends the process or a thread is logged like everything else: Python's own report would print the message."""
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if isinstance(error, Exception):
        log.critical("uncaught %s", kind.__name__, exc_info=error, extra={"action": "uncaught"})


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:
        """The stream is gone. The standard answer prints the arguments to stderr, and those may be personal."""


def _message(record: logging.LogRecord) -> str:
    template = str(record.msg)
    if record.name.split(".")[0] not in SPEAK_FREELY:
        return template.split("\n")[0]
    try:
        return record.getMessage().strip()
    except (TypeError, ValueError, KeyError):
        return template


def _described(error: BaseException) -> dict[str, object]:
    found: dict[str, object] = {"type": _name(error)}
    if isinstance(error, GengfuError):
        found["message"] = str(error)
    if isinstance(error, BaseExceptionGroup):
        found["parts"] = [_described(part) for part in error.exceptions]
    found["trace"] = [f"{at.filename}:{at.lineno} {at.name}" for at in traceback.extract_tb(error.__traceback__)]
    if causes := [_name(cause) for cause in _causes(error)]:
        found["caused_by"] = causes
    return found


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen = {id(error)}
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _name(error: BaseException) -> str:
    kind = type(error)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _plain(value: object) -> object:
    """What JSON cannot hold: times and paths as text, anything else as the name of its type (a record's repr may be personal)."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date | time | timedelta | PurePath):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(str(each) if isinstance(each, str) else f"<{type(each).__name__}>" for each in value)
    return f"<{type(value).__name__}>"
