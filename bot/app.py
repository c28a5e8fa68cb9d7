"""The web application: health, board, console; and the loops that live as long as it does."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from bot.answers import answers_router
from bot.api.commands import Commands, commands_router
from bot.api.docs import docs_router
from bot.api.door import ApiDoor
from bot.api.ingest import Ingest, ingest_router
from bot.api.keys import Keys
from bot.api.reading import Reading, reading_router
from bot.bootstrap import SIGN_ON, Parts
from bot.clock import metronome
from bot.health import health_router
from bot.platforms.core.contract import Receipt
from bot.web.board import board_router
from bot.web.console import ConsoleDeps, console_router
from bot.web.door import Door
from bot.web.forms import FormDeps, form_router
from bot.web.login import login_router
from bot.web.papers import paper_router
from bot.web.security import Guard, host_names
from bot.web.sign_on import sign_on_router
from bot.webhooks import callbacks_router
from handlers.core.access import scope_of
from handlers.core.forms import opening
from storage.shelf import DatabaseShelf
from storage.views.pages import Pager
from storage.views.reader import Reader
from workflows.incident import COMMON, Incident

T = TypeVar("T")
log = logging.getLogger(__name__)

#: Of the API, which is the 1 of /api/v1.
VERSION = "1"


def create_app(parts: Parts) -> ASGIApp:
    """The whole application, behind the guard that checks the Host header and sets strict headers."""
    app = FastAPI(title="Gengfu", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan(parts))
    app.include_router(health_router(parts))
    app.include_router(callbacks_router(parts.worker, parts.metrics))
    if sms := parts.settings.channels.sms:
        app.include_router(answers_router(parts.worker, parts.metrics, sms.secret.reveal(), parts.now))
    known = parts.plans.organization.people.__contains__
    settings, door = parts.settings, _door(parts)
    app.include_router(board_router(_open_incidents(parts), known, parts.words, door, settings.console))
    if parts.sign_on is not None:  # before the links: /login/oidc is none
        app.include_router(sign_on_router(door, parts.sign_on, parts.road.house.cipher.token))
    app.include_router(login_router(door))
    app.include_router(form_router(_forms(parts, door)))
    app.include_router(paper_router(door, parts.files.read, known, demo=settings.console == "demo"))
    if settings.console != "off":
        app.include_router(console_router(_console(parts, door)))
    programs = _programs(parts)
    for router in (*programs, docs_router(door, programs, VERSION)):
        app.include_router(router)
    return Guard(app, host_names(settings.public_url, settings.host), anyhow={"/healthz", "/readyz", "/metrics"})


def _programs(parts: Parts) -> tuple[APIRouter, ...]:
    """The door for programs."""
    plans, demo = parts.plans, parts.settings.console == "demo"
    door = ApiDoor(parts.tokens, parts.words, lambda: plans.current, parts.now, demo)
    rooms = parts.rooms if parts.settings.console != "off" else None
    keys = Keys(DatabaseShelf(parts.database, "api", parts.now), parts.road.house.new_id)

    def view(person: str, work: Callable[[Pager], T]) -> T:
        return parts.database.read(lambda tx: work(Pager(tx, plans, scope_of(person, plans.organization))))

    ingest = Ingest(
        door,
        parts.worker.ask_patiently,
        lambda: plans.current.playbooks.keys() - {COMMON},
        lambda at: at.astimezone(parts.words.zone).strftime("%Y-%m-%dT%H:%M"),
        keys,
    )
    commands = Commands(door, parts.worker.ask, rooms, keys)
    return reading_router(Reading(door, view)), commands_router(commands), ingest_router(ingest)


def _door(parts: Parts) -> Door:
    people = parts.plans.organization.people
    name: Callable[[str], str] = lambda person: people[person].name if person in people else person  # noqa: E731
    return Door(parts.sessions, parts.words, parts.settings.public_url, name, parts.now, SIGN_ON if parts.sign_on else "")


def _forms(parts: Parts, door: Door) -> FormDeps:
    people = parts.plans.organization.people
    return FormDeps(
        door,
        parts.forms.links,
        parts.worker.ask_patiently,
        lambda: [(p.id, f"{p.name} {p.title}".strip()) for p in people.values()],
        parts.now,
    )


def _open_incidents(parts: Parts) -> Callable[[str], list[str]]:
    """The incidents that are not closed and that this person may see, one sentence each."""

    def line(found: Incident) -> str:
        values = {"ref": found.ref, "number": found.number, "title": found.title, "state": found.state, "level": found.response_level}
        return parts.words.say("incident.line", **values, since=found.opened_at, now=parts.now())

    def lines(person: str) -> list[str]:
        scope = scope_of(person, parts.plans.organization)
        return [line(found) for found in parts.database.read(lambda tx: Reader(tx, parts.plans, scope).unclosed())]

    return lines


def _console(parts: Parts, door: Door) -> ConsoleDeps:
    return ConsoleDeps(
        rooms=parts.rooms,
        platform=parts.console,
        people=parts.people,
        ask=parts.worker.ask,
        locale=parts.words.locale,
        say=parts.words.say,
        bell=parts.pages,
        timezone=str(parts.settings.timezone),
        titles=_titles(parts),
        files=parts.files,
        report=lambda: opening(parts.words, parts.plans.current),
        read=lambda read: parts.worker.hear(Receipt("console", "read", read, parts.now())),
        door=None if parts.settings.console == "demo" else door,
    )


def _titles(parts: Parts) -> Callable[[str, Sequence[str]], Mapping[str, str]]:
    """(person, incident numbers) -> the titles as they are now: an incident opened bare gets its title later than its chat."""

    def titles(person: str, numbers: Sequence[str]) -> Mapping[str, str]:
        scope = scope_of(person, parts.plans.organization)
        return parts.database.read(lambda tx: Reader(tx, parts.plans, scope).titles(numbers)) if numbers else {}

    return titles


def _lifespan(parts: Parts) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await parts.auditor.begin()
        loops = asyncio.create_task(parts.worker.run(), name="gengfu-worker")
        scheduler = metronome(parts)
        scheduler.start()
        if parts.listener is not None:
            parts.listener.start()
        log.info("on watch", extra={"action": "started"})
        try:
            yield
        finally:
            scheduler.shutdown(wait=False)
            parts.bell.close()
            parts.pages.close()
            loops.cancel()
            await asyncio.gather(loops, return_exceptions=True)
            if parts.sign_on is not None:
                await parts.sign_on.close()
            parts.close()
            log.info("off watch", extra={"action": "stopped"})

    return lifespan
