"""How many reminders of a late clock its whole ladder has not heard"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("report", sa.Column("since_all", sa.Integer(), nullable=True))
