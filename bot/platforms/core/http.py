"""HTTP out, the one way every platform speaks it: a time limit, and failures told apart by what the sender must do."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from bot.platforms.core.contract import PlatformDown, Unsure

#: Seconds; well inside what a deed may take.
TIMEOUT = httpx.Timeout(10.0, connect=5.0)
#: How soon a platform that did not answer is asked again.
AWAY = 3.0


def client(base: str) -> httpx.AsyncClient:
    """Redirects are not followed: an API that redirects is not the one that was configured."""
    return httpx.AsyncClient(base_url=base, timeout=TIMEOUT, limits=httpx.Limits(max_connections=50, keepalive_expiry=30.0))


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    values: Mapping[str, Any]
    """the JSON object, empty when the body was something else"""
    body: bytes


async def send(http: httpx.AsyncClient, method: str, path: str, *, raw: bool = False, **what: Any) -> Answered:
    """PlatformDown when nobody answered, or a machine in between did (5xx, HTML). `raw`: a body that is no JSON is what was asked for."""
    try:
        response = await http.request(method, path, **what)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise PlatformDown(AWAY, f"{http.base_url.host} cannot be reached ({type(error).__name__})") from None
    except httpx.TransportError as error:
        raise Unsure(AWAY, f"no answer from {http.base_url.host} ({type(error).__name__})") from None
    values = _object(response.content) if response.headers.get("content-type", "").startswith("application/json") else None
    if values is None and not (raw and response.status_code == 200):
        raise Unsure(AWAY, f"{http.base_url.host} answered {response.status_code} and no JSON")
    return Answered(response.status_code, response.headers, values or {}, response.content)


def _object(body: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
