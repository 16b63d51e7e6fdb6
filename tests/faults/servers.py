"""SQL as a world has it: where it is, how it is disturbed, and how its files are copied and put back."""

import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Protocol

import psycopg

from tests.support.postgres import PostgresFiles

SQLITE, POSTGRESQL = "sqlite", "postgresql"


class Sql(Protocol):
    """What both have in common."""

    url: str
    """Its address without a proxy."""

    def start(self) -> None:
        """Serve."""

    def stop(self) -> None:
        """Serve no more, in order."""

    def remove(self) -> None:
        """Remove the files."""

    def copy(self, to: Path) -> None:
        """A copy of all of it at one moment, while it is at work."""

    def put_back(self, copy: Path) -> None:
        """What `copy` has is all there is. Nobody may be connected."""


class SqliteFile:
    """A file; nothing runs."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.url = f"sqlite:///{file}"

    def start(self) -> None:
        """Nothing is to be started."""

    def stop(self) -> None:
        """Nothing runs."""

    def remove(self) -> None:
        """The file goes with its folder."""

    def copy(self, to: Path) -> None:
        """SQLite's own backup."""
        source, target = sqlite3.connect(self.file), sqlite3.connect(to)
        source.backup(target)
        source.close()
        target.close()

    def put_back(self, copy: Path) -> None:
        """The copy in place of the file and what belongs to it."""
        for path in self.file.parent.glob(f"{self.file.name}-*"):
            path.unlink()
        shutil.copyfile(copy, self.file)

    def lock(self) -> sqlite3.Connection:
        """Take the lock that writers need, until the connection is closed."""
        connection = sqlite3.connect(self.file, timeout=10, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        return connection


class PostgresMachine:
    """A server of this world's own."""

    def __init__(self) -> None:
        self.files = PostgresFiles()
        self.url = self.files.url

    def start(self) -> None:
        """Start it, on whatever it was left with."""
        self.files.start()

    def stop(self) -> None:
        """Stop it cleanly."""
        self.files.stop()

    def remove(self) -> None:
        """Remove its files."""
        self.files.remove()

    def kill(self) -> None:
        """`kill -9` for every process of it."""
        self.files.signal(signal.SIGKILL)

    def hold_still(self) -> None:
        """SIGSTOP for every process of it."""
        self.files.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT for every process of it."""
        self.files.signal(signal.SIGCONT)

    def copy(self, to: Path) -> None:
        """Its files while all of it stands still: what a machine that lost its power would have."""
        self.hold_still()
        try:
            subprocess.run(["cp", "-a", str(self.files.data), str(to)], check=True)
        finally:
            self.go_on()

    def put_back(self, copy: Path) -> None:
        """The copy in place of its files; it serves again afterwards."""
        self.files.stop()
        shutil.rmtree(self.files.data)
        subprocess.run(["cp", "-a", str(copy), str(self.files.data)], check=True)
        (self.files.data / "postmaster.pid").unlink(missing_ok=True)
        self.files.start()

    def lock(self) -> psycopg.Connection[tuple[object, ...]]:
        """Take the locks on the cursors that drains wait for, until the connection is closed."""
        connection = psycopg.connect(self.url.replace("+psycopg", ""))
        connection.execute("SELECT * FROM cursors FOR UPDATE")
        return connection
