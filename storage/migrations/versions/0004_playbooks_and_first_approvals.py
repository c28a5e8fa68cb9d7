"""What people said of an incident apart from what its plan starts with; tasks that wait for an approval; files sent"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.add_column(sa.Column("said", sa.Text(), server_default="[]", nullable=False))
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.add_column(sa.Column("approve_first", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("allowed_by", sa.String(), nullable=True))
    op.create_table(
        "upload",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["sha256"],
            ["file.sha256"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    _tell_what_was_said()


def _tell_what_was_said() -> None:
    """The trail knows which facts people stated of the incidents that are there already."""
    bind = op.get_bind()
    rows = bind.execute(sa.text("SELECT record_ref, details FROM audit WHERE verb IN ('noted', 'graded') ORDER BY record_ref, version"))
    said: dict[str, dict[str, None]] = {}
    for ref, details in rows:
        said.setdefault(ref, {}).update(dict.fromkeys(json.loads(details).get("given", {})))
    for ref, keys in said.items():
        bind.execute(sa.text("UPDATE incident SET said = :said WHERE ref = :ref"), {"said": json.dumps(list(keys)), "ref": ref})
