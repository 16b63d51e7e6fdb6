"""Goal: every unsafe setting of PostgreSQL is named, alone, and the command that is printed with it mends it.

Method: a real server of these tests' own. One thing at a time is made unsafe, where an operator could have done
it (server, database, role); the doctor must name just that; its command is run by a shell as it stands; the
doctor must be content. The same for SQLite, as far as its settings are not the program's own.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.support.clinic import Clinic, valkey_of_ones_own
from tests.support.databases import migrate
from tests.support.postgres import PostgresFiles, PostgresServer
from ticketing.services.findings import Check

NAMES = count(1)


@contextmanager
def running() -> Iterator[PostgresFiles]:
    """A server of a test's own, on files that are gone afterwards."""
    files = PostgresFiles()
    try:
        files.start()
        yield files
    finally:
        files.signal(signal.SIGKILL)  # a clean stop would write out what nobody needs
        files.remove()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running() as files:
        yield PostgresServer(files.url, files.origin)


@pytest.fixture(scope="module")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with valkey_of_ones_own(tmp_path_factory.mktemp("valkey")) as url:
        yield url


def act(server: PostgresServer, *statements: str) -> None:
    with psycopg.connect(server.url.replace("+psycopg", ""), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


class Database:
    """A database of a plain role."""

    def __init__(self, server: PostgresServer, options: str = "") -> None:
        self.server = server
        self.name = f"doctor_{next(NAMES)}"
        self.role = f"{self.name}_role"
        create = f"CREATE DATABASE {self.name} OWNER {self.role} TEMPLATE template0 LOCALE 'C' {options}"
        act(server, f"CREATE ROLE {self.role} LOGIN", create)
        migrate(self.url)

    @property
    def url(self) -> str:
        return self.as_role(self.role)

    def as_role(self, role: str) -> str:
        return self.server.url.replace("postgres@", f"{role}@").rpartition("/")[0] + f"/{self.name}"

    def act(self, *statements: str) -> None:
        act(self.server, *(text.format(database=self.name, role=self.role) for text in statements))


@pytest.fixture
def database(server: PostgresServer) -> Database:
    return Database(server)


@pytest.fixture
def clinic(database: Database, valkey_url: str, tmp_path: Path) -> Clinic:
    return Clinic(tmp_path, valkey_url, database.url)


def only(clinic: Clinic, **changes: object) -> Check:
    (check,) = clinic.wrong(**changes)
    return check


UNSAFE = [
    ("sql fsync", "off", ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")),
    ("sql full_page_writes", "off", ("ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()")),
    (
        "sql synchronous_commit",
        "off",
        ("ALTER SYSTEM SET synchronous_commit = off", "SELECT pg_reload_conf()"),
    ),
    ("sql synchronous_commit", "off", ("ALTER DATABASE {database} SET synchronous_commit = off",)),
    ("sql synchronous_commit", "local", ("ALTER ROLE {role} SET synchronous_commit = local",)),
    (
        "sql synchronous_commit",
        "off",
        ("ALTER ROLE {role} IN DATABASE {database} SET synchronous_commit = off",),
    ),
    (
        "sql default_transaction_isolation",
        "repeatable read",
        ("ALTER DATABASE {database} SET default_transaction_isolation = 'repeatable read'",),
    ),
    (
        "sql default_transaction_read_only",
        "on",
        ("ALTER ROLE {role} SET default_transaction_read_only = on",),
    ),
    ("sql statement_timeout", "5000 ms", ("ALTER DATABASE {database} SET statement_timeout = '5s'",)),
    (
        "sql idle_in_transaction_session_timeout",
        "1000 ms",
        ("ALTER ROLE {role} SET idle_in_transaction_session_timeout = '1s'",),
    ),
    ("sql lock_timeout", "100 ms", ("ALTER ROLE {role} SET lock_timeout = '100ms'",)),
    ("sql connections", "at most 25", ("ALTER ROLE {role} CONNECTION LIMIT 25",)),
    ("sql connections", "at most 30", ("ALTER DATABASE {database} CONNECTION LIMIT 30",)),
    ("sql superuser", "is a superuser", ("ALTER ROLE {role} SUPERUSER",)),
]


def test_a_sound_database_is_called_sound(clinic: Clinic) -> None:
    assert clinic.wrong() == []


@pytest.mark.parametrize(("name", "found", "spoil"), UNSAFE)
def test_an_unsafe_setting_is_named_and_its_command_mends_it(
    clinic: Clinic, database: Database, name: str, found: str, spoil: tuple[str, ...]
) -> None:
    database.act(*spoil)
    check = only(clinic)
    assert check.name == name
    assert found in check.found
    clinic.mend(check)
    assert clinic.wrong() == []


def test_the_servers_own_superuser_gives_the_database_to_a_role_of_its_own(
    clinic: Clinic, database: Database
) -> None:
    check = only(clinic, database_url=database.as_role("postgres"))
    assert check.name == "sql superuser"
    password = clinic.mend(check).splitlines()[-1]
    assert clinic.wrong(database_url=database.as_role(f"ticketing:{password}")) == []


def test_another_encoding_is_named_and_mended_by_a_copy(
    server: PostgresServer, valkey_url: str, tmp_path: Path
) -> None:
    database = Database(server, "ENCODING 'SQL_ASCII'")
    clinic = Clinic(tmp_path, valkey_url, database.url)
    check = only(clinic)
    assert (check.name, check.found) == ("sql server_encoding", "SQL_ASCII")
    clinic.mend(check)
    act(server, f"ALTER DATABASE {database.name}_utf8 OWNER TO {database.role}")
    assert clinic.wrong(database_url=f"{database.url}_utf8") == []


def test_few_connections_and_a_standby_are_named_and_mended(valkey_url: str, tmp_path: Path) -> None:
    """Both need the server to be started again."""
    with running() as files:
        database = Database(PostgresServer(files.url, files.origin))
        clinic = Clinic(tmp_path, valkey_url, database.url)
        files.stop()
        (files.data / "standby.signal").touch()
        files.start()
        standby = only(clinic)
        assert (standby.name, standby.found) == ("sql role", "standby")
        clinic.mend(standby)
        assert clinic.wrong() == []
        database.act("ALTER SYSTEM SET max_connections = 40")
        files.stop()
        files.start()
        few = only(clinic)
        assert (few.name, few.found) == ("sql connections", "at most 37")
        clinic.mend(few)
        files.stop()
        files.start()
        assert clinic.wrong() == []


def test_sql_away_is_one_finding(clinic: Clinic) -> None:
    check = only(clinic, database_url="postgresql://127.0.0.1:1/none")
    assert check.name == "sql"
    assert "refused" in check.found
    assert check.command
