"""Enquiries of the media, rumours, reminders to the staff; texts that are never published"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("statement") as batch:
        batch.add_column(sa.Column("internal", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "enquiry",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("outlet", sa.String(), nullable=False),
        sa.Column("journalist", sa.String(), nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("registered_by", sa.String(), nullable=False),
        sa.Column("registered_at", _MOMENT, nullable=False),
        sa.Column("prompted_at", _MOMENT, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("statement", sa.String(), nullable=False),
        sa.Column("said_revision", sa.Integer(), nullable=False),
        sa.Column("said_digest", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", _MOMENT, nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("touched", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["incident.ref"]),
        sa.PrimaryKeyConstraint("ref"),
    )
    op.create_index(op.f("ix_enquiry_incident"), "enquiry", ["incident"])
    op.create_table(
        "rumour",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("claim", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("heard_at", _MOMENT, nullable=False),
        sa.Column("registered_by", sa.String(), nullable=False),
        sa.Column("registered_at", _MOMENT, nullable=False),
        sa.Column("prompted_at", _MOMENT, nullable=False),
        sa.Column("reach", sa.Integer(), nullable=True),
        sa.Column("finding", sa.String(), nullable=True),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("found_by", sa.String(), nullable=True),
        sa.Column("agreed_by", sa.String(), nullable=True),
        sa.Column("found_at", _MOMENT, nullable=True),
        sa.Column("statement", sa.String(), nullable=False),
        sa.Column("said_revision", sa.Integer(), nullable=False),
        sa.Column("said_digest", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", _MOMENT, nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("touched", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["incident.ref"]),
        sa.PrimaryKeyConstraint("ref"),
    )
    op.create_index(op.f("ix_rumour_incident"), "rumour", ["incident"])
    op.create_table(
        "circular",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("speaker", sa.String(), nullable=False),
        sa.Column("sent_by", sa.String(), nullable=False),
        sa.Column("sent_at", _MOMENT, nullable=False),
        sa.Column("remind_at", _MOMENT, nullable=False),
        sa.Column("people", sa.Text(), nullable=False),
        sa.Column("chats", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("touched", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["incident.ref"]),
        sa.PrimaryKeyConstraint("ref"),
    )
    op.create_index(op.f("ix_circular_incident"), "circular", ["incident"])
    op.create_table(
        "circular_read",
        sa.Column("circular", sa.String(), nullable=False),
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["circular"], ["circular.ref"]),
        sa.PrimaryKeyConstraint("circular", "reader"),
    )
