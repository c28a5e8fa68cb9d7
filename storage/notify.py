"""Hear the commits of other replicas: PostgreSQL's LISTEN. The tick stays the safety net, so nothing here may be relied on."""

from collections.abc import Callable
from threading import Event, Thread
from typing import Final

import psycopg
from sqlalchemy import make_url

#: Told after every (re)connection: what was said while nobody listened is lost.
EVERYTHING: Final = frozenset({"inbox", "outbox", "timers", "work", "rooms", "duty"})

_POLL = 0.25
#: Seconds for which more is let come after something was heard: a burst of commits is heard once in so long, and not once for each.
_BREATH = 0.02
_PATIENCE = (0.5, 1.0, 2.0, 5.0, 15.0)


class Listener:
    """A thread that calls `tell` with the topics of every commit, of this process or another; `tell` must not block or raise."""

    def __init__(self, url: str, tell: Callable[[frozenset[str]], None]) -> None:
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._tell = tell
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="gengfu-listen", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        failures = 0
        while not self._stopped.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=5, application_name="gengfu-listen") as connection:
                    connection.execute("LISTEN gengfu")
                    failures = 0
                    self._tell(EVERYTHING)
                    self._hear(connection)
            except psycopg.Error:
                self._stopped.wait(_PATIENCE[min(failures, len(_PATIENCE) - 1)])
                failures += 1

    def _hear(self, connection: "psycopg.Connection[tuple[object, ...]]") -> None:
        while not self._stopped.is_set():
            said = [notice.payload.split(",") for notice in connection.notifies(timeout=_POLL, stop_after=1)]
            if said:
                self._tell(frozenset(topic for topics in said for topic in topics if topic))
                self._stopped.wait(_BREATH)
