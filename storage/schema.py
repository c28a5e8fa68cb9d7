"""The schema: migrate forward, and refuse to run on an old or a newer one."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from storage.database import Database
from workflows.core.errors import BadConfig

MIGRATIONS = Path(__file__).parent / "migrations"
_NAMED = re.compile(r"""^(revision|down_revision) = (?:"(.+)"|None)$""", re.MULTILINE)


@cache
def revisions(folder: Path = MIGRATIONS) -> Mapping[str, str]:
    """Each revision, and the one that it comes after: read, for a server does not load the tool that makes tables."""
    found = (dict(_NAMED.findall(path.read_text("utf-8"))) for path in (folder / "versions").glob("*.py"))
    return {each["revision"]: each["down_revision"] for each in found}


def newest(folder: Path = MIGRATIONS) -> str:
    """The revision this code needs."""
    [head] = revisions(folder).keys() - set(revisions(folder).values())
    return head


def current(database: Database) -> str | None:
    """The revision the database is at; None when it is empty."""
    try:
        with database.engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return found
    except DBAPIError as error:
        said = str(error.orig).partition("\n")[0].strip()  # the driver's own words: where it tried and why not, never the password
        raise BadConfig(f"the database at GENGFU_DATABASE_URL does not answer: {said}") from None


def migrate(database: Database) -> tuple[str | None, str]:
    """Bring the schema forward; answers (before, after). Safe to run twice."""
    from alembic import command
    from alembic.config import Config

    before, config = current(database), Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    return before, newest()


def require_current(database: Database, folder: Path = MIGRATIONS) -> None:
    """Raise BadConfig unless the schema is the one this code was written for."""
    found, needed = current(database), newest(folder)
    if found is None:
        raise BadConfig("the database is empty; run `gengfu migrate` first")
    if found != needed:
        if found in revisions(folder):
            raise BadConfig(
                f"the database schema is {found}, this version needs {needed}; stop all replicas, back up, run `gengfu migrate`"
            )
        raise BadConfig(
            f"the database schema is {found}, which this version does not know; install the version that made it, or a newer one"
        )
