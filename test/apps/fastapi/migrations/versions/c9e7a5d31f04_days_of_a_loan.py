"""days of a loan

Revision ID: c9e7a5d31f04
Revises: 4b1f0c2a9d37
Create Date: 2026-05-19 09:41:37.554190

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = "c9e7a5d31f04"
down_revision = "4b1f0c2a9d37"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("loans", sa.Column("days", sa.Integer(), server_default="7", nullable=False))


def downgrade() -> None:
    op.drop_column("loans", "days")
