"""What the engine's own audit remembers, and the indexes by which it looks"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

CARDS = sa.text("kind = 'card'")


def upgrade() -> None:
    op.create_table(
        "finding",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("repaired", sa.DateTime(timezone=True), nullable=True),
        sa.Column("said", sa.DateTime(timezone=True), nullable=True),
        sa.Column("over", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "ref", "detail"),
    )
    # An incident's newest event is asked for at each look: the one index does for both columns.
    op.create_index("ix_audit_incident_at", "audit", ["incident", "at"], unique=False)
    op.drop_index("ix_audit_incident", "audit")
    op.create_index("ix_outbox_card", "outbox", ["incident", "ref"], unique=False, sqlite_where=CARDS, postgresql_where=CARDS)
