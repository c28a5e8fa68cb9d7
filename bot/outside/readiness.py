"""Asking a server from outside how it is: what `gengfu watch` sees."""

from dataclasses import dataclass
from typing import Any

import httpx

TIMEOUT = httpx.Timeout(10.0, connect=5.0)


@dataclass(frozen=True, slots=True)
class Seen:
    """`age`: seconds since the engine last found nothing wrong with itself, None when nobody knows · `why`: what is wrong, if it says."""

    age: float | None
    why: str = ""


async def ask(url: str) -> Seen:
    """GET /readyz. Whatever answers without being the engine counts as no answer."""
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False) as http:
            answered = await http.get(f"{url}/readyz")
        found = answered.json()
    except httpx.HTTPError as error:
        return Seen(None, f"no answer ({type(error).__name__})")
    except (ValueError, RecursionError):
        return Seen(None, f"answered {answered.status_code} and no JSON")
    return (
        _seen(found)
        if isinstance(found, dict) and "ready" in found
        else Seen(None, f"answered {answered.status_code}, but not as Gengfu does")
    )


def _seen(found: dict[str, Any]) -> Seen:
    age, troubles = found.get("clean_age"), found.get("troubles")
    why = "; ".join(str(one) for one in troubles) if isinstance(troubles, list) else ""
    known = isinstance(age, int | float) and not isinstance(age, bool) and age >= 0
    return Seen(float(age) if known and age is not None else None, why or ("" if known else "its own audit was never clean"))
