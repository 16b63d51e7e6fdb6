"""The database's versions and the models say the same, on both databases.

Goal: a wheel can bring any database to what its code expects, from several processes at once.
Method: upgrade real databases and let alembic compare them with the models.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from ticketing import migrations
from ticketing.database import Base, Sessions, make_engine
from ticketing.services import trail


def test_models_and_versions_agree(database_url: str) -> None:
    engine = make_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_control_a_missing_column_is_noticed(database_url: str) -> None:
    engine = make_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE members DROP COLUMN phone"))
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) != []
    engine.dispose()


def test_an_empty_database_has_no_version_and_gets_the_newest_once(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    assert migrations.current(engine) is None
    migrations.upgrade(engine)
    migrations.upgrade(engine)
    assert migrations.current(engine) == migrations.head() == "0001"
    engine.dispose()


def test_processes_may_upgrade_at_once(database_url: str) -> None:
    """Two on an empty database: one does the work, the other finds it done."""
    first, second = (make_engine(_emptied(database_url)) for _ in range(2))
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(migrations.upgrade, (first, second)))
    assert migrations.current(second) == migrations.head()
    first.dispose()
    second.dispose()


def test_a_failed_upgrade_changes_nothing(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'taken.sqlite3'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE tickets (code INTEGER)"))
    with pytest.raises(DBAPIError):
        migrations.upgrade(engine)
    with engine.connect() as connection:
        tables = (
            connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
        )
    assert tables == ["tickets"]
    engine.dispose()


@pytest.mark.parametrize("statement", ["UPDATE audit_trail SET actor = 'nobody'", "DELETE FROM audit_trail"])
def test_the_audit_trail_only_grows(sessions: Sessions, statement: str) -> None:
    with sessions.begin() as session:
        trail.record(session, 1, "system", "thing.done", "thing:1", {})
    with sessions() as session, pytest.raises(DBAPIError, match="append-only"):
        _run(session, statement)


def _run(session: Session, statement: str) -> None:
    session.execute(text(statement))
    session.commit()


def _emptied(url: str) -> str:
    engine = make_engine(url)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return f"{url}.empty" if engine.dialect.name == "sqlite" else url
