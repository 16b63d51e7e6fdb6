"""The doctor's look at SQL: does a commit survive a power cut, and is the session what the program counts on?"""

import shlex
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, Engine, text

from ticketing.services.doctor_machine import RANDOM
from ticketing.services.findings import Check, check

POSTGRESQL_MIN = 14
CONNECTIONS_MIN = 60
"""An API process, a worker and a command take up to 20 each."""

CUT_MIN_MS = 60_000
"""A time-out below this would cut an import, a rebuild or an export of ours."""

_LOST = "a crash loses recorded orders that Redis has already let go"
_WANTED = {
    "fsync": ({"on"}, _LOST),
    "full_page_writes": ({"on"}, "a power cut tears pages, and with them orders"),
    "synchronous_commit": ({"on", "remote_apply"}, _LOST),
    "default_transaction_isolation": (
        {"read committed"},
        "who waits for a lock would then work with what was there before it",
    ),
    "default_transaction_read_only": (
        {"off"},
        "nothing can be recorded, and the backlog grows until holds stop",
    ),
    "server_encoding": ({"UTF8"}, "names and titles in Chinese cannot be kept or compared"),
}
_TIMEOUTS = (
    "statement_timeout",
    "idle_in_transaction_session_timeout",
    "lock_timeout",
    "transaction_timeout",  # from 17 on
)


class _Setting(NamedTuple):
    """A row of `pg_settings`."""

    value: str
    source: str


def look_at_sql(engine: Engine) -> Iterator[Check]:
    """Everything about the server and this program's session on it. SQLAlchemy's errors pass through."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            yield from _sqlite(connection)
        else:
            yield from _Postgresql(connection).look()


def _sqlite(connection: Connection) -> Iterator[Check]:
    version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
    yield check("sql", True, f"sqlite {version}", "")
    for name, wanted in (("journal_mode", "wal"), ("synchronous", "2")):
        found = str(connection.scalar(text(f"PRAGMA {name}")))
        yield check(f"sql {name}", found == wanted, found, f"{_LOST}: it must be {wanted}")


class _Postgresql:
    """One session, which has the settings that all others of this program have."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        url = connection.engine.url
        self._database = url.database or ""
        self._role = str(connection.scalar(text("SELECT current_user")))
        # An administrator's session: this program's own role should not be allowed to do any of it.
        where = {"-h": url.host, "-p": url.port, "-U": "postgres"}
        self._where = " ".join(f"{flag} {shlex.quote(str(value))}" for flag, value in where.items() if value)
        rows = connection.execute(text("SELECT name, setting, source FROM pg_settings"))
        self._settings = {row.name: _Setting(row.setting, row.source) for row in rows}

    def look(self) -> Iterator[Check]:
        """Every check."""
        yield self._version()
        yield self._primary()
        for name, (wanted, cost) in _WANTED.items():
            found, good = self._settings[name].value, min(wanted)
            command = self._anew() if name == "server_encoding" else self._reset(name, good)
            yield check(f"sql {name}", found in wanted, found, f"{cost}: it must be {good}", command)
        for name in _TIMEOUTS:
            if name in self._settings:
                yield self._timeout(name)
        yield self._connections()
        yield self._superuser()

    def _version(self) -> Check:
        number = int(self._settings["server_version_num"].value)
        mend = f"this release needs PostgreSQL {POSTGRESQL_MIN} or newer: upgrade the server"
        found = f"postgresql {self._settings['server_version'].value}"
        return check("sql", number >= 10_000 * POSTGRESQL_MIN, found, mend)

    def _primary(self) -> Check:
        standby = bool(self._connection.scalar(text("SELECT pg_is_in_recovery()")))
        mend = "it is a standby, and takes no order: set TICKETING_DATABASE_URL to its primary, or promote it"
        found = "standby" if standby else "primary"
        return check("sql role", not standby, found, mend, self._psql("SELECT pg_promote()"))

    def _timeout(self, name: str) -> Check:
        limit_ms = int(self._settings[name].value)
        fine = limit_ms == 0 or limit_ms >= CUT_MIN_MS
        found = f"{limit_ms} ms" if limit_ms else "off"
        mend = "an import, a rebuild or an export takes longer, and would be cut: switch it off for this database"
        return check(f"sql {name}", fine, found, mend, self._reset(name, "0"))

    def _connections(self) -> Check:
        server = int(self._settings["max_connections"].value)
        kept = int(self._settings["superuser_reserved_connections"].value)
        query = text(
            "SELECT rolconnlimit, datconnlimit FROM pg_roles, pg_database"
            " WHERE rolname = current_user AND datname = current_database()"
        )
        role, database = self._connection.execute(query).one()
        most = min(limit for limit in (server - kept, role, database) if limit >= 0)
        widen = {
            role: f'ALTER ROLE "{self._role}" CONNECTION LIMIT -1',
            database: f'ALTER DATABASE "{self._database}" CONNECTION LIMIT -1',
        }.get(most, f"ALTER SYSTEM SET max_connections = {2 * CONNECTIONS_MIN}")
        mend = f"an API process and a worker take up to 20 each: allow {CONNECTIONS_MIN} or more"
        if most not in (role, database):
            mend += ", and restart the server"
        return check("sql connections", most >= CONNECTIONS_MIN, f"at most {most}", mend, self._psql(widen))

    def _superuser(self) -> Check:
        query = text("SELECT rolsuper, oid = 10 AS is_first FROM pg_roles WHERE rolname = current_user")
        role = self._connection.execute(query).one()
        found = f"{self._role} is a {'superuser' if role.rolsuper else 'plain role'}"
        mend = (
            "who gets into this program could then run commands on the database's machine, and take the guard off the "
            "audit trail: let it have a role of its own"
        )
        plain = (
            self._role_of_its_own() if role.is_first else self._psql(f'ALTER ROLE "{self._role}" NOSUPERUSER')
        )
        return check("sql superuser", not role.rolsuper, found, mend, plain)

    def _role_of_its_own(self) -> str:
        """The first superuser of a server stays one."""
        create = f"psql {self._where} -c \"CREATE ROLE ticketing LOGIN PASSWORD '$PASSWORD'\""
        owner = f'ALTER DATABASE "{self._database}" OWNER TO ticketing'
        tables = (
            "DO $$ DECLARE t text; BEGIN FOR t IN SELECT quote_ident(tablename) FROM pg_tables"
            " WHERE schemaname = 'public' LOOP EXECUTE 'ALTER TABLE public.' || t || ' OWNER TO ticketing';"
            " END LOOP; END $$"
        )
        return f"PASSWORD={RANDOM}; {create}; {self._psql(owner, tables)}; echo $PASSWORD"

    def _reset(self, name: str, good: str) -> str:
        """Where the value comes from decides what takes it away."""
        role, database = f'ROLE "{self._role}"', f'DATABASE "{self._database}"'
        acts = {
            "database": [f"ALTER {database} RESET {name}"],
            "user": [f"ALTER {role} RESET {name}"],
            "database user": [f"ALTER {role} IN {database} RESET {name}"],
        }.get(self._settings[name].source, [f"ALTER SYSTEM SET {name} = '{good}'", "SELECT pg_reload_conf()"])
        return self._psql(*acts)

    def _anew(self) -> str:
        name, other = shlex.quote(self._database), shlex.quote(f"{self._database}_utf8")
        create = f"createdb {self._where} -T template0 -E UTF8 {other}"
        return f"{create} && pg_dump {self._where} {name} | psql -q {self._where} -d {other}"

    def _psql(self, *acts: str) -> str:
        options = (f"-c {shlex.quote(act)}" for act in acts)
        return " ".join(["psql", self._where, "-d", shlex.quote(self._database), *options])
