"""Papers, and how far the paper of a report is"""

import sqlalchemy as sa
from alembic import op

from storage.tables.papers import PAPER_TRIGGERS

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "paper",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("record_ref", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("signed", sa.Boolean(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["incident.ref"]),
        sa.ForeignKeyConstraint(["sha256"], ["file.sha256"]),
        sa.ForeignKeyConstraint(["content"], ["file.sha256"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("incident", "record_ref", "sha256", "content"):
        op.create_index(op.f(f"ix_paper_{column}"), "paper", [column])
    for statement in PAPER_TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)
    with op.batch_alter_table("report") as batch:
        batch.add_column(sa.Column("drafts", sa.Integer(), nullable=False, server_default=sa.text("0")))
        batch.add_column(sa.Column("draft_sha256", sa.String(), nullable=False, server_default=sa.text("''")))
        batch.add_column(sa.Column("drafted_by", sa.String(), nullable=True))
        batch.add_column(sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("signed_by", sa.String(), nullable=True))
        batch.add_column(sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("signed_sha256", sa.String(), nullable=False, server_default=sa.text("''")))
