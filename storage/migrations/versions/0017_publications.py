"""Where a statement was published, whether it takes back what was, and the next update that was promised"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "publication",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("statement", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("outlet", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("by_way", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agreed", sa.Text(), nullable=False),
        sa.Column("replaces", sa.String(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.String(), nullable=True),
        sa.Column("receipt", sa.String(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("touched", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["incident.ref"]),
        sa.ForeignKeyConstraint(["statement"], ["statement.ref"]),
        sa.PrimaryKeyConstraint("ref"),
        sa.UniqueConstraint("statement", "revision", "outlet"),
    )
    op.create_index(op.f("ix_publication_incident"), "publication", ["incident"])
    with op.batch_alter_table("statement") as batch:
        batch.add_column(sa.Column("withdrawal", sa.Boolean(), nullable=False, server_default=sa.text("false")))
        batch.add_column(sa.Column("promised_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("promised_in", sa.Integer(), nullable=False, server_default=sa.text("0")))
        batch.add_column(sa.Column("promise_round", sa.Integer(), nullable=False, server_default=sa.text("0")))
