"""What alembic runs for every command; the connection comes from `ticketing.migrations`."""

from typing import Any

from alembic import context

from ticketing.catalogue import tables as _catalogue
from ticketing.database import Base
from ticketing.members import tables as _members
from ticketing.orders import tables as _orders
from ticketing.staff import tables as _staff

ROOMS = (_catalogue, _members, _orders, _staff)  # imported so that their tables are in `Base.metadata`


def run(connection: Any) -> None:
    """Run the command in the caller's transaction."""
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
