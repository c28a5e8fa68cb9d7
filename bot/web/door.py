"""The web's door: cookies, whose session a request is, and forms that only our own pages can send."""

import asyncio
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.web.security import same_origin
from handlers.core.wording import Words
from storage.sessions import FORM_LIFE, LINK_LIFE, LONGEST, SIGN_ON_LIFE, LoggedIn, Sessions
from workflows.core.errors import UserError

Cookie = Literal["session", "visit", "form", "oidc"]
ASK_TO_LOG_IN = frozenset({"page.how_to_login", "page.form_login"})
BODY_CAP = 64 * 1024
MOST_FIELDS = 40
_HERE = Path(__file__).parent
_BROWSERS = (("Edg", "Edge"), ("wxwork", "WeCom"), ("MicroMessenger", "WeChat"), ("DingTalk", "DingTalk"), ("Lark", "Feishu"),
             ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))  # fmt: skip
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"), ("Linux", "Linux"))
#: What fetches a link to show a preview of it, or to look for harm in it: it must not count as the first browser.
_MACHINE = re.compile(r"bot|spider|crawl|preview|scan|slurp|fetch", re.IGNORECASE)


class Refused(Exception):
    """Answered with `status` and the sentence for `key`."""

    def __init__(self, status: int, key: str) -> None:
        super().__init__(key)
        self.status = status
        self.key = key


@dataclass(frozen=True, slots=True)
class Door:
    """`public_url` decides how strict cookies can be: on https they carry the `__Host-` prefix and `Secure`.

    `sign_on`: where login by the firm's own accounts begins; empty without it.
    """

    sessions: Sessions
    words: Words
    public_url: str
    name: Callable[[str], str]
    now: Callable[[], datetime]
    sign_on: str = ""
    templates: Environment = field(
        default_factory=lambda: Environment(loader=FileSystemLoader(_HERE / "templates"), undefined=StrictUndefined, autoescape=True)
    )

    @property
    def secure(self) -> bool:
        return self.public_url.startswith("https://")

    def cookie(self, kind: Cookie) -> str:
        return f"{'__Host-' if self.secure else ''}gengfu-{kind}"

    def secret(self, request: Request, kind: Cookie = "session") -> str:
        return request.cookies.get(self.cookie(kind), "")[:100]

    def who(self, request: Request, *, touch: bool = True) -> LoggedIn | None:
        return self.sessions.who(self.secret(request), touch=touch)

    def keep(self, response: Response, kind: Cookie, secret: str) -> None:
        """The session's cookie goes to requests that began on our own pages only. The visitor's also comes along when somebody follows
        the link a second time from a messenger's web page, or comes back from the identity provider (Lax): it opens nothing by itself."""
        life = {"session": LONGEST, "visit": LINK_LIFE, "form": FORM_LIFE, "oidc": SIGN_ON_LIFE}[kind]
        samesite: Literal["strict", "lax"] = "strict" if kind == "session" else "lax"
        response.set_cookie(
            self.cookie(kind), secret, int(life.total_seconds()), path="/", secure=self.secure, httponly=True, samesite=samesite
        )

    def drop(self, response: Response, kind: Cookie) -> None:
        response.delete_cookie(self.cookie(kind), path="/", secure=self.secure, httponly=True)

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page that sends forms: its address goes along to ourselves (else browsers call the origin `null`) and to nobody else."""
        shown = {"lang": "zh-CN" if self.words.locale == "zh" else "en", "static": "/static", "say": self.words.say, **values}
        text = self.templates.get_template(template).render(shown, w={"title": self.words.say("board.title")})
        return HTMLResponse(text, status, {"Referrer-Policy": "same-origin"})

    def note(self, key: str, status: int, **values: object) -> Response:
        """A page with one sentence, and the other way in where it is about logging in."""
        way = self.sign_on if key in ASK_TO_LOG_IN else ""
        return self.page("note.html", status, text=self.words.say(key, **values), way=way)

    def refusal(self, error: UserError) -> Response:
        return self.note(error.key, status_of(error), **error.values)

    async def form(self, request: Request, secret: str, purpose: str) -> Mapping[str, str]:
        """The fields of a form that one of our own pages sent, made for this browser and this purpose."""
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_CAP:
                raise Refused(413, "login.same_site")
        fields = _fields(bytes(body))
        given, wanted = fields.get("token", ""), form_token(secret, purpose)
        if not secret or not same_origin(request) or not hmac.compare_digest(given.encode(), wanted.encode()):
            await self._note_forgery(request, purpose)
            raise Refused(403, "login.same_site")
        return fields

    async def _note_forgery(self, request: Request, purpose: str) -> None:
        known = await asyncio.to_thread(self.who, request, touch=False)
        if known is not None:
            await asyncio.to_thread(self.sessions.refused, known.person, {"reason": "login.same_site", "page": purpose})


def form_token(secret: str, purpose: str) -> str:
    """What a form carries: only who has the cookie's secret can make it."""
    return hmac.new(secret.encode(), f"form:{purpose}".encode(), hashlib.sha256).hexdigest()[:32]


def address_of(request: Request) -> str:
    return request.client.host if request.client else "-"


def bounced(request: Request) -> bool:
    """A link on another site led here, so the browser held the session's cookie back: loading the page once more brings it."""
    return request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site"


def looks_like_a_browser(request: Request) -> bool:
    agent = request.headers.get("user-agent", "")
    fetched = request.headers.get("sec-fetch-dest", "document") != "document" or "prefetch" in request.headers.get("sec-purpose", "")
    return agent.startswith("Mozilla/") and not _MACHINE.search(agent) and not fetched


def agent_of(request: Request) -> str:
    """`Chrome · Windows`, for people to recognise their own session."""
    agent = request.headers.get("user-agent", "")
    parts = [next((name for sign, name in table if sign in agent), "") for table in (_BROWSERS, _SYSTEMS)]
    return " · ".join(part for part in parts if part) or "?"


def status_of(error: UserError) -> int:
    return {
        "login.link_gone": 410, "login.guessing": 429, "login.codes_locked": 429, "login.other_browser": 403, "login.wrong_code": 422,
        "login.form_gone": 410,
    }.get(error.key, 403)  # fmt: skip


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        return {}
    return dict(pairs)
