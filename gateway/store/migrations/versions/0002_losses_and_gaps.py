"""losses of an exchange; gaps of senders"""

from alembic import op
import sqlalchemy as sa

revision = '0002'
down_revision = '0001'


def upgrade() -> None:
    op.add_column('exchanges', sa.Column('what_lost', sa.Integer(), server_default='0', nullable=False))
    op.add_column('exchanges', sa.Column('what_lost_at', sa.Text(), server_default='[]', nullable=False))
    op.create_table('gaps',
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('sender', sa.Text(), nullable=False),
    sa.Column('what', sa.Text(), nullable=False),
    sa.Column('position', sa.Text(), nullable=False),
    sa.Column('code_table', sa.Text(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('day', 'sender', 'what', 'position', 'code_table', 'code')
    )
