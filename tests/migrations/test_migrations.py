"""The database's versions and the models say the same, on both databases.

Goal: a wheel can bring any database to what its code expects, from several processes at once.
Method: upgrade real databases and let alembic compare them with the models.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from ticketing import migrations
from ticketing.database import Base, Sessions, make_engine, make_sessions, reading
from ticketing.errors import Misconfigured
from ticketing.keyring import Keyring
from ticketing.services import trail
from ticketing.staff.tables import AuditEntry

CHANGES_OF_THE_TRAIL = ("UPDATE audit_trail SET actor = 'nobody'", "DELETE FROM audit_trail")


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
    assert migrations.current(engine) == migrations.head() == "0025"
    engine.dispose()


CHANGED = 1_500


@pytest.fixture(params=[None, CHANGED])
def unsigned(database_url: str, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A database of the first version, with a trail longer than is signed at once; a row of it may be changed."""
    engine = make_engine(_emptied(database_url))
    previous, rows = "0" * 64, []
    for number in range(1, 2_501):
        facts = {
            "at": number,
            "actor": "staff:王",
            "action": "a.b",
            "subject": "c:1",
            "detail": {"z": 1, "a": "检"},
        }
        digest = sha256(msgspec.json.encode((previous, *facts.values()), order="deterministic")).hexdigest()
        actor = "staff:li" if number == request.param else facts["actor"]
        rows.append(facts | {"actor": actor, "previous_digest": previous, "digest": digest})
        previous = digest
    with engine.begin() as connection:
        command.upgrade(migrations._config(connection), "0001")
        connection.execute(insert(AuditEntry), rows)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("unsigned", [None], indirect=True)
def test_a_trail_that_was_not_signed_is_signed(unsigned: Engine, keyring: Keyring) -> None:
    with pytest.raises(Misconfigured, match="TICKETING_SECRET_KEY"):
        migrations.upgrade(unsigned)
    migrations.upgrade(unsigned, keyring.trail)
    signed = make_sessions(unsigned, keyring.trail)
    with reading(signed) as session:
        assert trail.verify(session) is None
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == 2_500
    for statement in CHANGES_OF_THE_TRAIL:
        test_the_audit_trail_only_grows(signed, statement)


@pytest.mark.parametrize("unsigned", [CHANGED], indirect=True)
def test_what_was_changed_before_is_not_signed(unsigned: Engine, keyring: Keyring) -> None:
    migrations.upgrade(unsigned, keyring.trail)
    with reading(make_sessions(unsigned, keyring.trail)) as session:
        assert trail.verify(session) == trail.Break(CHANGED, trail.CHANGED)


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


@pytest.mark.parametrize("statement", CHANGES_OF_THE_TRAIL)
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
