"""What was answered and what held when two people agreed that a report is not required"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    with op.batch_alter_table("report") as batch:
        batch.add_column(sa.Column("waiver_delayed", sa.Boolean(), nullable=True))
        batch.add_column(sa.Column("waived_when", sa.String(), nullable=False, server_default=sa.text("''")))
