"""SQL: the base of every table, and how an engine is made.

Times are integer milliseconds since the Unix epoch in UTC, money is an integer in the smallest unit.
SQLite runs in WAL with `synchronous=FULL`, so a commit is on disk when it returns; PostgreSQL keeps
its default `synchronous_commit=on`, which `ticketing doctor` checks.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

from sqlalchemy import BigInteger, Engine, MetaData, String, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, sessionmaker

Millis = Annotated[int, mapped_column(BigInteger)]
Money = Annotated[int, mapped_column(BigInteger)]
Id = Annotated[str, mapped_column(String(80))]
Serial = Annotated[
    int,
    mapped_column(
        BigInteger().with_variant(sqlite.INTEGER(), "sqlite"), primary_key=True, autoincrement=True
    ),
]

IDS_MAX = 1_000
"""Ids that go into one `IN (…)`; longer lists are asked in pieces."""

Item = TypeVar("Item")

SQLITE_BUSY_SECONDS = 15

GONE_SECONDS = 10
"""After how long without a word a PostgreSQL server counts as gone.

A machine that loses its power, or a cable that is cut, closes no connection; the kernel would wait for minutes to
hours, and every thread that asks would wait with it.
"""

_POSTGRESQL_ARGUMENTS = {
    "client_encoding": "utf8",  # whatever the database's: the doctor has to get in
    "connect_timeout": GONE_SECONDS // 2,
    "keepalives_idle": GONE_SECONDS // 2,
    "keepalives_interval": 1,
    "keepalives_count": GONE_SECONDS // 2,
    "tcp_user_timeout": GONE_SECONDS * 1_000,
}
TRAIL_KEY = "trail_key"


class Base(DeclarativeBase):
    """Base of every table; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


Sessions = sessionmaker[Session]


def make_engine(url: str, pool_size: int = 10) -> Engine:
    """An engine for `sqlite:///…` or `postgresql+psycopg://…`; any other URL raises SQLAlchemy's error.

    Its errors do not repeat the parameters of a statement: those are people's names and digests.
    """
    if url.startswith("postgresql://"):
        url = "postgresql+psycopg://" + url.removeprefix("postgresql://")
    if not url.startswith("sqlite"):
        return create_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args=_POSTGRESQL_ARGUMENTS,
        )
    arguments = {"timeout": SQLITE_BUSY_SECONDS, "isolation_level": None}
    engine = create_engine(url, connect_args=arguments, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_immediate(connection: Any) -> None:
    # A transaction that starts as a reader and then writes cannot wait for the lock (SQLITE_BUSY at
    # once, whatever the time-out), so writers take the lock at the start; see `reading` for the rest.
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def make_sessions(engine: Engine, trail_key: bytes) -> Sessions:
    """Sessions for transactions that may write: `with sessions.begin() as session:`.

    `trail_key` goes along in `session.info`, because whatever writes may have to sign a row of the audit trail.
    """
    return sessionmaker(engine, expire_on_commit=False, info={TRAIL_KEY: trail_key})


@contextmanager
def reading(sessions: Sessions) -> Iterator[Session]:
    """A session that only reads and, on SQLite, waits for no writer."""
    with sessions() as session:
        session.connection(execution_options={"read_only": True})
        yield session


@contextmanager
def snapshot(sessions: Sessions) -> Iterator[Session]:
    """A session that only reads, and whose every read is of the same moment: for figures that must tie."""
    with sessions() as session:
        options: dict[str, object] = {"read_only": True}
        if session.get_bind().dialect.name == "postgresql":
            options["isolation_level"] = "REPEATABLE READ"
        session.connection(execution_options=options)
        yield session


def insert_into(session: Session, table: Any) -> sqlite.Insert | postgresql.Insert:
    """The dialect's INSERT, which both know with ON CONFLICT."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def in_pieces(items: Sequence[Item], size: int = IDS_MAX) -> Iterator[Sequence[Item]]:
    """The items, so many at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))
