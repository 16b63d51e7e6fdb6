"""Fresh migrated databases for tests, on SQLite and on PostgreSQL, copied from one that was migrated once."""

import shutil
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.support.postgres import PostgresServer
from ticketing import migrations
from ticketing.database import make_engine


def migrate(url: str) -> None:
    """Bring the database at `url` to the newest version."""
    engine = make_engine(url)
    try:
        migrations.upgrade(engine)
    finally:
        engine.dispose()


class SqliteDatabases:
    """Copies of one migrated file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template = folder / "template.sqlite3"
        self._numbers = count(1)
        migrate(f"sqlite:///{self._template}")

    def create(self) -> str:
        """The URL of a fresh database."""
        file = self._folder / f"test-{next(self._numbers)}.sqlite3"
        shutil.copyfile(self._template, file)
        return f"sqlite:///{file}"

    def drop(self, url: str) -> None:
        """Remove what `create` made."""
        file = Path(make_url(url).database or "")
        for path in (file, *file.parent.glob(f"{file.name}-*")):
            path.unlink(missing_ok=True)


class PostgresDatabases:
    """Copies of one migrated template on a running server."""

    def __init__(self, server: PostgresServer, owner: str) -> None:
        self._server = server
        self._template = f"ticketing_test_{owner}_template"
        self._prefix = f"ticketing_test_{owner}_"
        self._numbers = count(1)
        self._create(self._template, "template0")
        migrate(self._url(self._template))

    def create(self) -> str:
        """The URL of a fresh database."""
        name = f"{self._prefix}{next(self._numbers)}"
        self._create(name, self._template)
        return self._url(name)

    def drop(self, url: str) -> None:
        """Remove what `create` made, whoever is still connected."""
        self._drop(make_url(url).database or "")

    def close(self) -> None:
        """Remove the template."""
        self._drop(self._template)

    def _url(self, name: str) -> str:
        return make_url(self._server.url).set(database=name).render_as_string(hide_password=False)

    def _create(self, name: str, template: str) -> None:
        self._drop(name)
        self._run(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8' LOCALE 'C'").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )

    def _drop(self, name: str) -> None:
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        url = make_url(self._server.url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement)
