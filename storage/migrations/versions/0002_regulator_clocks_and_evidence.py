"""Regulator clocks, evidence"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "file",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("kept", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "attachment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("record_ref", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident"],
            ["incident.ref"],
        ),
        sa.ForeignKeyConstraint(
            ["sha256"],
            ["file.sha256"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("record_ref", "sha256", "name"),
    )
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attachment_incident"), ["incident"], unique=False)
        batch_op.create_index(batch_op.f("ix_attachment_record_ref"), ["record_ref"], unique=False)

    op.create_table(
        "file_chunk",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sha256"],
            ["file.sha256"],
        ),
        sa.PrimaryKeyConstraint("sha256", "part"),
    )
    op.create_table(
        "report",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("obligation", sa.String(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("group", sa.String(), nullable=False),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.Column("clock", sa.String(), nullable=False),
        sa.Column("calendar", sa.String(), nullable=False),
        sa.Column("repeating", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("row", sa.String(), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("filings", sa.Text(), nullable=False),
        sa.Column("last_filed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiver", sa.String(), nullable=True),
        sa.Column("waiver_by", sa.String(), nullable=True),
        sa.Column("waiver_reason", sa.String(), nullable=False),
        sa.Column("waived_by", sa.String(), nullable=True),
        sa.Column("later_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("later_reason", sa.String(), nullable=False),
        sa.Column("later_by", sa.String(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("prompted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("touched", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident"],
            ["incident.ref"],
        ),
        sa.PrimaryKeyConstraint("ref"),
    )
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_report_incident"), ["incident"], unique=False)

    with op.batch_alter_table("approval", schema=None) as batch_op:
        batch_op.add_column(sa.Column("values", sa.Text(), server_default="{}", nullable=False))
