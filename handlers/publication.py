"""Publications: sent, posted by hand, reminded of, given up; and what transports tell of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from handlers.core import publishing
from handlers.core.context import Context
from handlers.core.registry import request
from workflows.publication import Publication, State


@request("publication.published")
def told_published(context: Context, incident: str, values: Mapping[str, Any]) -> None:
    """A transport has its receipt: `publication`, `receipt`, `at` (RFC 3339)."""
    publication = context.uow.load(Publication, str(values["publication"]))
    if publication.state not in (State.DONE, State.REHEARSED):
        at = datetime.fromisoformat(str(values["at"]))
        publishing.published(context, publication, at=at, receipt=str(values.get("receipt") or ""))


@request("publication.failed")
def told_failed(context: Context, incident: str, values: Mapping[str, Any]) -> None:
    """A transport could not: `publication`, `reason`, `final` (no further attempt follows)."""
    publication = context.uow.load(Publication, str(values["publication"]))
    publishing.failed(context, publication, str(values["reason"]), final=bool(values["final"]))
