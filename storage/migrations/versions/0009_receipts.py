"""What became of a message after its platform took it"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("accepted", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("delivered", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("read", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("receipt", sa.String(), nullable=True))
    op.create_index(
        "ix_outbox_receipt",
        "outbox",
        ["accepted"],
        unique=False,
        sqlite_where=sa.text("receipt IS NOT NULL"),
        postgresql_where=sa.text("receipt IS NOT NULL"),
    )
