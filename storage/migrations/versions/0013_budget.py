"""What a person was told lately, by its own index"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    told = sa.text("status = 'done' AND priority >= 5")
    op.create_index("ix_outbox_told", "outbox", ["recipient", "finished"], unique=False, sqlite_where=told, postgresql_where=told)
