"""The migrations make exactly the tables that the code declares, and a process refuses to run on any others."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlmodel import SQLModel

import storage.tables
from storage.database import Database
from storage.schema import MIGRATIONS, current, migrate, newest, require_current, revisions
from workflows.core.errors import BadConfig

assert storage.tables, "importing the package fills the metadata"

#: What SQLite and PostgreSQL say of a table, in a shape that can be compared.
Shape = dict[str, Any]


def shape(database: Database) -> Shape:
    """Tables with columns, keys, indexes (partial ones with their condition), constraints and triggers; Alembic's own table left out."""
    look = inspect(database.engine)
    tables = {name: _table(look, name) for name in look.get_table_names() if name != "alembic_version"}
    return {"tables": tables, "triggers": _triggers(database)}


def _table(look: Any, name: str) -> Shape:
    columns = {
        c["name"]: (
            str(c["type"]),
            c["nullable"],
            str(c["default"]).strip("()'").split("::")[0],
        )
        for c in look.get_columns(name)
    }
    foreign = sorted((f["constrained_columns"], f["referred_table"], f["referred_columns"]) for f in look.get_foreign_keys(name))
    return {
        "columns": columns,
        "key": look.get_pk_constraint(name)["constrained_columns"],
        "foreign": foreign,
        "unique": sorted(u["column_names"] for u in look.get_unique_constraints(name)),
        "indexes": {i["name"]: (i["column_names"], bool(i["unique"]), _where(i)) for i in look.get_indexes(name)},
    }


def _where(index: Any) -> str:
    options = index.get("dialect_options", {})
    return str(options.get("sqlite_where", options.get("postgresql_where", "")))


def _triggers(database: Database) -> list[tuple[str, ...]]:
    if database.is_sqlite:
        statement = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
    else:
        statement = (
            "SELECT tgname, pg_get_triggerdef(pg_trigger.oid), prosrc FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid "
            "WHERE NOT tgisinternal ORDER BY tgname"
        )
    with database.engine.connect() as connection:
        return [tuple(" ".join(str(part).split()) for part in row) for row in connection.execute(text(statement))]


def emptied(database: Database) -> Database:
    """The same database without anything in it."""
    if database.is_sqlite:
        folder = Path(database.engine.url.database or "").parent
        return Database(f"sqlite:///{folder / 'empty.db'}")
    with database.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    return Database(database.url)


@pytest.fixture
def declared(database: Database) -> Iterator[Shape]:
    """What the code's own declarations make."""
    SQLModel.metadata.create_all(database.engine)
    found = shape(database)
    empty = emptied(database)
    migrate(empty)
    yield found
    empty.close()


def test_migrations_make_what_the_code_declares(database: Database, declared: Shape) -> None:
    made = shape(database)
    if database.is_sqlite:
        again = emptied(database)
        made = shape(again)
        again.close()
    assert made["tables"].keys() == declared["tables"].keys()
    for name, table in declared["tables"].items():
        assert made["tables"][name] == table, name
    assert made["triggers"] == declared["triggers"]
    assert len(made["triggers"]) == (12 if database.is_sqlite else 4), "audit, seals, texts of statements, papers"
    partial = [name for table in made["tables"].values() for name, (_, _, where) in table["indexes"].items() if where not in ("", "None")]
    assert len(partial) == 16, "three of each queue, the chains that wait for a seal, the cards, receipts, what people were told lately"


def test_alembic_sees_no_difference(database: Database) -> None:
    migrate(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_ids_of_queues_are_never_used_twice(database: Database) -> None:
    migrate(database)
    if database.is_sqlite:
        statement = "SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%' ORDER BY name"
        with database.engine.connect() as connection:
            assert [row[0] for row in connection.execute(text(statement))] == ["inbox", "outbox", "timer", "work"]


def test_the_trail_cannot_be_changed_after_migrating(database: Database) -> None:
    migrate(database)
    columns = "record_ref, version, at, actor, verb, details, prev_hash, hash, algorithm"
    values = "'I1', 1, '2026-03-10 06:00:00+00:00', 'li.na', 'opened', '{}', '', 'x', 'sha256'"
    with database.engine.begin() as connection:
        connection.execute(text(f"INSERT INTO audit ({columns}) VALUES ({values})"))
    for statement in ("UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"):
        with pytest.raises(Exception, match="append-only"), database.engine.begin() as connection:
            connection.execute(text(statement))


def test_the_revisions_that_are_read_are_those_that_alembic_finds() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert revisions() == {script.revision: script.down_revision or "" for script in scripts.walk_revisions()}
    assert newest() == scripts.get_current_head()


def test_migrating_twice_changes_nothing(database: Database) -> None:
    assert current(database) is None
    assert migrate(database) == (None, newest())
    before = shape(database)
    assert migrate(database) == (newest(), newest())
    assert shape(database) == before
    require_current(database)


def test_a_migration_that_fails_leaves_nothing(database: Database) -> None:
    """An unfinished migration is as if it had not begun: both databases roll back what makes tables, too."""
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE shelf (in_the_way INTEGER)"))  # the last table but a few that the migration makes
    with pytest.raises(Exception, match="shelf"):
        migrate(database)
    assert current(database) is None
    assert set(inspect(database.engine).get_table_names()) - {"alembic_version"} == {"shelf"}


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """The migrations of a version of this program that does not exist yet."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "next.py").write_text(f'revision = "next"\ndown_revision = "{newest()}"\n\n\ndef upgrade() -> None: ...\n')
    return folder


def one_sentence(refused: "pytest.ExceptionInfo[BadConfig]") -> str:
    sentence = str(refused.value)
    assert sentence
    assert "\n" not in sentence
    assert len(sentence) < 200
    return sentence


def test_an_empty_database_is_refused(database: Database) -> None:
    with pytest.raises(BadConfig) as refused:
        require_current(database)
    assert "empty" in one_sentence(refused)
    assert "gengfu migrate" in str(refused.value)


def test_an_older_schema_is_refused(database: Database, newer: Path) -> None:
    migrate(database)
    assert newest(newer) == "next"
    with pytest.raises(BadConfig) as refused:
        require_current(database, newer)
    assert newest() in one_sentence(refused)
    assert "next" in str(refused.value)
    assert "gengfu migrate" in str(refused.value)


def test_a_newer_schema_is_refused(database: Database) -> None:
    migrate(database)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '2099'"))
    with pytest.raises(BadConfig) as refused:
        require_current(database)
    assert "2099" in one_sentence(refused)
    assert "gengfu migrate" not in str(refused.value), "migrating would not help"
