"""The database's versions: alembic kept inside the package, so that a wheel can upgrade its database.

`upgrade` is safe to call from several processes at once; it changes everything or nothing.
A new version: change the models, then `python -m ticketing.migrations "what changes"` writes the file.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

_HERE = Path(__file__).parent
_UPGRADE_LOCK = 0x7469636B  # any number of ours; PostgreSQL's advisory locks are numbers


def upgrade(engine: Engine, trail_key: bytes | None = None) -> None:
    """Bring the database to `head()`, in one transaction. Does nothing when it is there already.

    `trail_key` signs an audit trail that an older version left unsigned; without one only a new database
    may do without it.
    """
    with engine.begin() as connection:
        _lock(connection)
        config = _config(connection)
        config.attributes["trail_key"] = trail_key
        command.upgrade(config, "head")


def current(engine: Engine) -> str | None:
    """The version the database has; None when it was never upgraded."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The version this package needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None, "the package holds at least one version"
    return revision


def write_version(connection: Connection, message: str) -> None:
    """Write a new version from what models and database differ in. For developers; read it before use."""
    command.revision(_config(connection), message, autogenerate=True)


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _lock(connection: Connection) -> None:
    # SQLite's BEGIN IMMEDIATE lets one in already; PostgreSQL needs to be asked.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
