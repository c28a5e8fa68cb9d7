"""What every web answer obeys: the Host header is ours (DNS rebinding), pages load nothing foreign, writing comes from our own page."""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'",
    "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'",
))  # fmt: skip
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def host_names(public_url: str, listening: str) -> frozenset[str]:
    """The host names we answer to: of the public address, of the address we listen on, and loopback's when that is loopback."""
    public = (urlsplit(public_url).hostname or "").lower()
    names = {name for name in (public, listening.lower()) if name}
    return frozenset(names | _LOOPBACK if any(_is_loopback(name) for name in names) else names)


def same_origin(request: Request) -> bool:
    """True unless the browser says that another site made this request."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        return False
    return origin is None or urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()


class Guard:
    """Refuses foreign Host headers (400 unreadable, 421 not ours) and adds the headers above where an answer has none of its own.

    `anyhow`: paths answered whatever the Host says (probes come by address).
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], anyhow: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._anyhow = frozenset(anyhow)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        status = 0 if scope["path"] in self._anyhow else self._refusal(Headers(scope=scope).getlist("host"))
        if not status:
            await self._app(scope, receive, sending)
            return
        await PlainTextResponse("This server does not answer to that Host.\n", status)(scope, receive, sending)

    def _refusal(self, hosts: list[str]) -> int:
        """0 when the Host header is ours, else the status."""
        if len(hosts) != 1:
            return 400
        try:
            name = urlsplit(f"//{hosts[0]}").hostname
        except ValueError:
            return 400
        if not name or any(sign in hosts[0] for sign in "/@?#\\ "):
            return 400
        return 0 if name in self._hosts else 421


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
