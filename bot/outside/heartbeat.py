"""The beat that somebody outside listens for: a GET without any data, sent only while all is well."""

import logging

import httpx

log = logging.getLogger("gengfu.heartbeat")

#: Seconds; the next beat comes in a minute.
TIMEOUT = httpx.Timeout(10.0, connect=5.0)


async def beat(url: str) -> bool:
    """Whether it arrived. Redirects are not followed: what is configured is meant."""
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False) as http:
            answered = await http.get(url, headers={"User-Agent": "gengfu"})
    except httpx.HTTPError as error:
        log.warning("the heartbeat did not arrive", extra={"action": "heartbeat_failed", "error": type(error).__name__})
        return False
    if not answered.is_success:
        log.warning("the heartbeat was not taken", extra={"action": "heartbeat_failed", "status": answered.status_code})
    return answered.is_success
