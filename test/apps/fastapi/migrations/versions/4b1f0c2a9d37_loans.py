"""loans

Revision ID: 4b1f0c2a9d37
Revises:
Create Date: 2026-03-02 18:14:05.112803

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = "4b1f0c2a9d37"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "loans",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=False),
        sa.Column("tool", sa.String(length=120), nullable=False),
        sa.Column("borrower", sa.String(length=120), nullable=False),
        sa.Column("borrowed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("idempotency_key", name="uq_loans_idempotency_key"),
    )
    op.create_index(op.f("ix_loans_tool"), "loans", ["tool"])


def downgrade() -> None:
    op.drop_index(op.f("ix_loans_tool"), table_name="loans")
    op.drop_table("loans")
