"""Run by Alembic with the connection that `storage.schema` gives it."""

from alembic import context
from sqlmodel import SQLModel

import storage.tables

assert storage.tables, "importing the package fills the metadata"

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")  # rather fail than stand in front of every writer
    context.run_migrations()
