"""The schema: migrate forward, and refuse to run on an old or a newer one."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from storage.database import Database
from workflows.core.errors import BadConfig

MIGRATIONS = Path(__file__).parent / "migrations"


def _config(folder: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder))
    return config


def newest(folder: Path = MIGRATIONS) -> str:
    """The revision this code needs."""
    head = ScriptDirectory.from_config(_config(folder)).get_current_head()
    assert head, "there is at least one migration"
    return head


def current(database: Database) -> str | None:
    """The revision the database is at; None when it is empty."""
    try:
        with database.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as error:
        said = str(error.orig).partition("\n")[0].strip()  # the driver's own words: where it tried and why not, never the password
        raise BadConfig(f"the database at GENGFU_DATABASE_URL does not answer: {said}") from None


def migrate(database: Database) -> tuple[str | None, str]:
    """Bring the schema forward; answers (before, after). Safe to run twice."""
    before = current(database)
    config = _config(MIGRATIONS)
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
        known = {script.revision for script in ScriptDirectory.from_config(_config(folder)).walk_revisions()}
        if found in known:
            raise BadConfig(
                f"the database schema is {found}, this version needs {needed}; stop all replicas, back up, run `gengfu migrate`"
            )
        raise BadConfig(
            f"the database schema is {found}, which this version does not know; install the version that made it, or a newer one"
        )
