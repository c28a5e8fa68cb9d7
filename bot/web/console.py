"""The console in the browser: chats, their messages, what a person says and clicks, live by server-sent events."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Protocol
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi import Path as PathParam
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from bot.platforms.console import BODY_CAP, PERSON_HEADER, Console
from bot.platforms.core.contract import NotAuthentic
from bot.web.assets import Assets
from bot.web.bell import Bell
from bot.web.door import Door, bounced
from bot.web.page_words import PLACEHOLDERS, SCRIPT_WORDS, TEMPLATE_WORDS
from bot.web.security import same_origin
from handlers.core.message import Button, Message, Reply, card_of, heard, plain
from storage.rooms import Line, Listed, Page, Rooms
from workflows.core.errors import NotFound, UserError

HEARTBEAT = 15.0
_HERE = Path(__file__).parent
_BIGGEST = 2**31 - 1
_NUMBER = re.compile(r"(?:INC|DRL)-\d{8}-\d{3,}")
RoomId = Annotated[str, PathParam(max_length=200, pattern=r"^[^\x00-\x1f]+$")]
Number = Annotated[int, Query(ge=0, le=_BIGGEST)]


class Someone(NamedTuple):
    """A person one can act as in demo mode; `groups` are the groups' names."""

    id: str
    name: str
    title: str
    groups: tuple[str, ...]


async def _nothing(read: tuple[str, ...]) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class ConsoleDeps:
    """`ask` decides a message by the single road within 1.2 s · `say(key, **values)` finds the words ·
    `bell` rings when rooms change ·
    `titles(person, numbers)` tells what incidents are called now ·
    `report()`: the button whose form opens an incident."""

    rooms: Rooms
    platform: Console
    people: Callable[[], Iterable[Someone]]
    ask: Callable[[Message], Awaitable[Reply]]
    locale: str
    say: Callable[..., str]
    bell: Bell
    timezone: str = "Asia/Shanghai"
    titles: Callable[[str, Sequence[str]], Mapping[str, str]] = lambda person, numbers: {}
    files: "Files | None" = None
    report: Callable[[], Button] | None = None
    read: Callable[[tuple[str, ...]], Awaitable[object]] = _nothing
    """what a person has read of ours in their direct chat"""
    door: Door | None = None
    """None: the demo, in which one acts as whom one names"""


class Actor(NamedTuple):
    """Who acts; `proven`: nothing more has to be shown for what the plan wants a fresh one-time code for."""

    person: str
    proven: bool = True


class Sent(NamedTuple):
    """A file that a person sent, kept under `id`."""

    id: str
    name: str
    size: int
    media_type: str


class Files(Protocol):
    """What people send with their messages. UserError for what cannot be kept, NotFound for what is not theirs to see."""

    largest: int

    def keep(self, person: str, name: str, content: bytes) -> Sent: ...
    def named(self, person: str, ids: Sequence[str]) -> Sequence[Sent]: ...
    def read(self, person: str, id: str) -> tuple[Sent, bytes]: ...


class _Refused(Exception):
    """Answered with `status` and the sentence for `key`."""

    def __init__(self, status: int, key: str = "console.refused") -> None:
        super().__init__(key)
        self.status = status
        self.key = key


def console_router(deps: ConsoleDeps) -> APIRouter:
    """All routes of the console. In the demo one acts as whom one names (`X-Gengfu-As`, for the event stream `?as=`); with a door as
    who is logged in, and whoever names another is refused."""
    router = APIRouter(prefix="/console", include_in_schema=False, route_class=_explaining(deps))
    _add_pages(router, deps, Assets(_HERE / "static"))
    _add_reading(router, deps)
    _add_writing(router, deps)
    if deps.files is not None:
        _add_files(router, deps, deps.files)
    return router


def _add_pages(router: APIRouter, deps: ConsoleDeps, assets: Assets) -> None:
    templates = Environment(loader=FileSystemLoader(_HERE / "templates"), undefined=StrictUndefined, autoescape=True)

    @router.get("")
    def page(request: Request, acting: Annotated[str, Query(alias="as")] = "") -> Response:
        people = tuple(deps.people())
        if deps.door is not None:
            at = deps.door.who(request)
            if at is None:
                return deps.door.page("again.html") if bounced(request) else deps.door.note("page.how_to_login", 401)
            acting = at.person
        me = next((person for person in people if person.id == acting), None)
        lang = "zh-CN" if deps.locale == "zh" else "en"
        shown: dict[str, Any] = {"people": people, "me": me, "lang": lang, "w": _words(deps, TEMPLATE_WORDS), "static": "/console/static"}
        shown["login"] = deps.door is not None
        if me is None:
            return HTMLResponse(templates.get_template("chooser.html").render(shown))
        config = {
            "me": me.id, "login": deps.door is not None, "lang": lang, "timezone": deps.timezone, "words": _words(deps, SCRIPT_WORDS),
            "report": asdict(deps.report()) if deps.report else None,
            "people": {person.id: {"name": person.name, "title": person.title} for person in people},
        }  # fmt: skip
        return HTMLResponse(templates.get_template("console.html").render(shown, config=json.dumps(config)))

    @router.get("/static/{name}")
    def static(name: str, request: Request) -> Response:
        return assets.answer(name, request)


def _add_reading(router: APIRouter, deps: ConsoleDeps) -> None:
    acting = _acting(deps)

    @router.get("/rooms")
    def rooms(actor: Annotated[Actor, Depends(acting)]) -> Response:
        deps.rooms.direct(actor.person)
        return JSONResponse({"rooms": _rooms_of(deps, actor.person)})

    @router.get("/rooms/{room}/messages")
    def messages(room: RoomId, actor: Annotated[Actor, Depends(acting)], after: Number = 0, before: Number | None = None) -> Response:
        rooms, person = deps.rooms, actor.person
        page = rooms.messages(room, person, after) if before is None else rooms.earlier(room, person, before)
        return JSONResponse(_page(page))

    @router.get("/events")
    async def events(request: Request, actor: Annotated[Actor, Depends(acting)]) -> Response:
        return StreamingResponse(_events(deps, request, actor.person), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _add_writing(router: APIRouter, deps: ConsoleDeps) -> None:
    acting = _acting(deps)

    @router.post("/rooms/{room}/messages")
    async def messages(room: RoomId, request: Request, actor: Annotated[Actor, Depends(acting)]) -> Response:
        return await _answered(deps, request, room, actor, "text")

    @router.post("/rooms/{room}/click")
    async def click(room: RoomId, request: Request, actor: Annotated[Actor, Depends(acting)]) -> Response:
        return await _answered(deps, request, room, actor, "click")

    @router.post("/rooms/{room}/read")
    async def read(room: RoomId, request: Request, actor: Annotated[Actor, Depends(acting)]) -> Response:
        read = await asyncio.to_thread(deps.rooms.mark_read, room, actor.person, _seq(await _body(request)))
        if read and room.startswith("dm:"):  # in a group, one who reads is not everybody
            await deps.read(read)
        return Response(status_code=204)


def _add_files(router: APIRouter, deps: ConsoleDeps, files: Files) -> None:
    acting = _acting(deps)

    @router.post("/files")
    async def send(request: Request, actor: Annotated[Actor, Depends(acting)], name: Annotated[str, Query(max_length=400)]) -> Response:
        content = await _body(request, "application/octet-stream", files.largest, "console.file_large")
        kept = await asyncio.to_thread(files.keep, actor.person, name, content)
        return JSONResponse({"id": kept.id, "name": kept.name, "size": kept.size}, 201)

    @router.get("/files/{file}")
    def fetch(file: Annotated[str, PathParam(pattern=r"^[0-9a-zA-Z-]{1,64}$")], actor: Annotated[Actor, Depends(acting)]) -> Response:
        found, content = files.read(actor.person, file)
        # always to be saved, never shown: what others sent must not run as a page of ours
        disposition = f"attachment; filename*=UTF-8''{quote(found.name, safe='')}"
        return Response(content, media_type=found.media_type, headers={"Content-Disposition": disposition})


async def _answered(deps: ConsoleDeps, request: Request, room: str, actor: Actor, kind: Literal["text", "click"]) -> Response:
    """Read, keep, ask: what the page sent, as `actor`, in `room`."""
    body = await _body(request)
    try:
        message = replace(deps.platform.receive({PERSON_HEADER: actor.person}, body), proven=actor.proven)
    except NotAuthentic:
        raise _Refused(400) from None
    if message.chat != room or message.kind != kind:
        raise _Refused(400)
    message = await asyncio.to_thread(_kept, deps, message, json.loads(body).get("text", ""))
    reply = await deps.ask(message) if heard(message) else Reply("")
    answer = deps.platform.answer(reply)
    return Response(answer.body, answer.status, media_type=answer.media_type)


def _kept(deps: ConsoleDeps, message: Message, typed: str) -> Message:
    """Post what was typed (the bot's mention included) into its room; a click posts nothing, but must be on the bot's message there."""
    author = deps.rooms.author_of(message.chat, message.sender, message.reply_to) if message.reply_to else None
    if message.kind == "click":
        if author != "":
            raise NotFound("console.no_message", message=message.reply_to)
        return message
    body: dict[str, Any] = {"reply_to": message.reply_to} if message.reply_to else {}
    if message.files:
        sent = deps.files.named(message.sender, message.files) if deps.files else ()
        body["files"] = [{"id": one.id, "name": one.name, "size": one.size} for one in sent]
    mentions = [person.id for person in deps.people() if f"@{person.name}" in typed.replace("＠", "@")]
    said = " ".join(filter(None, (typed.strip(), message.fields.get("text", ""))))
    deps.rooms.post(message.chat, message.sender, said, body or None, mentions, f"page/{message.event_id}")
    return replace(message, addressed=message.addressed or author == "")


async def _body(request: Request, media: str = "application/json", cap: int = BODY_CAP, too_long: str = "console.too_long") -> bytes:
    """The body of a request that our own page made, at most `cap` bytes."""
    if not same_origin(request):
        raise _Refused(403)
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != media:
        raise _Refused(415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > cap:
            raise _Refused(413, too_long)
    return bytes(body)


async def _events(deps: ConsoleDeps, request: Request, person: str) -> AsyncIterator[str]:
    """Rooms of `person` that look different from what this connection last sent; on connecting all of them."""
    sent: dict[str, str] = {}
    yield "retry: 2000\n\n"
    while not deps.bell.closed and not await request.is_disconnected():
        if deps.door is not None and await asyncio.to_thread(deps.door.who, request, touch=False) is None:
            return  # logged out, ended or idle: the page asks again, and is refused
        count = deps.bell.count
        listed = await asyncio.to_thread(_rooms_of, deps, person)
        rooms = {room["id"]: json.dumps(room, ensure_ascii=False) for room in listed}
        changed = [text for room, text in rooms.items() if sent.get(room) != text]
        sent = rooms
        yield f"event: rooms\ndata: [{','.join(changed)}]\n\n" if changed else ": still here\n\n"
        await deps.bell.wait(count, HEARTBEAT)


def _acting(deps: ConsoleDeps) -> Callable[..., Actor]:
    """Who acts, from our own page. In the demo: named in the header (event stream and links cannot, and use the query)."""

    def acting(
        request: Request, named: Annotated[str, Header(alias="X-Gengfu-As")] = "", query: Annotated[str, Query(alias="as")] = ""
    ) -> Actor:
        if deps.door is not None:
            return _logged_in(deps.door, request, named or query)
        linked = request.method == "GET" and "/files/" in request.url.path
        person = named or (query if linked or request.url.path.endswith("/events") else "")
        if not same_origin(request) or all(known.id != person for known in deps.people()):
            raise _Refused(403)
        return Actor(person)

    return acting


def _logged_in(door: Door, request: Request, named: str) -> Actor:
    """What a page does by itself (looking for news) keeps no session alive."""
    at = door.who(request, touch=request.method != "GET")
    if at is None:
        raise _Refused(401, "page.how_to_login")
    if named or not same_origin(request):
        door.sessions.refused(at.person, {"reason": "login.no_acting" if named else "login.same_site", "page": "console"})
        raise _Refused(403, "login.no_acting" if named else "login.same_site")
    return Actor(at.person, at.fresh(door.now()))


def _explaining(deps: ConsoleDeps) -> type[APIRoute]:
    """A route whose refusals are answered as JSON with the sentence for the person."""

    class Explaining(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def explained(request: Request) -> Response:
                try:
                    return await handle(request)
                except _Refused as refused:
                    return JSONResponse({"error": refused.key, "text": deps.say(refused.key)}, refused.status)
                except NotFound as error:
                    return JSONResponse({"error": error.key, "text": deps.say(error.key, **error.values)}, 404)
                except UserError as error:
                    return JSONResponse({"error": error.key, "text": deps.say(error.key, **error.values)}, 422)

            return explained

    return Explaining


def _words(deps: ConsoleDeps, keys: Iterable[str]) -> dict[str, str]:
    """The sentences by their short names; those the page fills in keep their placeholders."""
    holes = {key: {hole: f"{{{hole}}}" for hole in PLACEHOLDERS.get(key, ())} for key in keys}
    return {key.removeprefix("console."): deps.say(key, **values) for key, values in holes.items()}


def _seq(body: bytes) -> int:
    try:
        seq = json.loads(body)["seq"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _Refused(400) from None
    if type(seq) is not int or not 0 <= seq <= _BIGGEST:
        raise _Refused(400)
    return seq


def _rooms_of(deps: ConsoleDeps, person: str) -> list[dict[str, Any]]:
    """The person's chats; an incident's own chat, named `INC-… title` when it was made, under the title the incident has now."""
    listed = deps.rooms.rooms_of(person)
    numbers = {room.id: found.group() for room in listed if room.kind == "group" and (found := _NUMBER.match(room.name))}
    titles = deps.titles(person, list(numbers.values()))
    return [_room(room, numbers.get(room.id, ""), titles) for room in listed]


def _room(room: Listed, number: str, titles: Mapping[str, str]) -> dict[str, Any]:
    name = titles.get(number) or room.name.removeprefix(number).strip() or number
    shown = {"id": room.id, "kind": room.kind, "name": name, "number": number, "drill": number.startswith("DRL")}
    shown |= {"members": room.members, "change": room.change, "unread": room.unread}
    return shown | {"last": None if room.last is None else _line(room.last)}


def _page(page: Page) -> dict[str, Any]:
    return {"messages": [_line(line) for line in page.lines], "change": page.change, "more": page.more}


def _line(line: Line) -> dict[str, Any]:
    shown = asdict(line) | {"at": line.at.isoformat(), "edited_at": line.edited_at and line.edited_at.isoformat()}
    body: Mapping[str, Any] = shown.pop("body") or {}
    card = plain(card_of(body["card"])) if body.get("card") else None  # as this version knows it, whichever one drew it
    return shown | {"card": card, "reply_to": body.get("reply_to"), "files": body.get("files", [])}
