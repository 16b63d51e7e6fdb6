"""Goal: a copy of files that are being written is one that loads, with all that was answered before it began.

Method: a real Valkey that begins new files all the time, and a SQLite file in the middle of writes, each copied again
and again and the copies opened; and a log that changes under the copy.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from ticketing.embedded.backup import MANIFEST, LogKeepsChanging, back_up, copy_database, copy_log
from ticketing.embedded.valkey import EmbeddedValkey
from ticketing.errors import Misconfigured
from ticketing.settings import Settings

COPIES = 8


class Writer:
    """Counts up in a thread, as fast as it is answered."""

    def __init__(self, write: Any) -> None:
        self._write = write
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.answered = 0

    def _run(self) -> None:
        while not self._stop.is_set():
            self._write(self.answered + 1)
            self.answered += 1

    @contextmanager
    def at_work(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()


@contextmanager
def valkey(folder: Path) -> Iterator["redis.Redis"]:
    folder.mkdir(exist_ok=True)
    server = EmbeddedValkey(folder)
    server.start()
    with redis.Redis.from_url(server.url) as client:
        yield client
    server.stop()


def test_a_log_that_is_being_written_and_rewritten(tmp_path: Path) -> None:
    answered = []
    with valkey(tmp_path / "live") as client:
        writer = Writer(lambda number: client.set("count", number))
        with writer.at_work(), redis.Redis.from_url(f"unix://{tmp_path}/live/valkey.sock") as keeper:
            for number in range(COPIES):
                with suppress(redis.ResponseError):  # it is at it already
                    keeper.bgrewriteaof()
                answered.append(writer.answered)
                folder = tmp_path / f"copy-{number}" / "valkey"
                copy_log(tmp_path / "live" / "valkey" / "appendonlydir", folder / "appendonlydir")
    for number, before in enumerate(answered):
        with valkey(tmp_path / f"copy-{number}") as restored:
            assert int(restored.get("count") or 0) >= before


def test_a_log_that_begins_new_files_is_copied_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, copies = tmp_path / "log", []
    source.mkdir()
    (source / MANIFEST).write_text("file old seq 1 type i\nfile gone seq 0 type h\n")
    (source / "old").write_text("old")

    def overtaken(from_: Path, to: Path) -> None:
        copies.append(from_.name)
        to.write_text(from_.read_text())
        if from_.name == "old":
            (source / "new").write_text("new")
            (source / MANIFEST).write_text("file new seq 2 type i\n")

    monkeypatch.setattr("ticketing.embedded.backup.shutil.copyfile", overtaken)
    copy_log(source, tmp_path / "copy")
    assert copies == ["old", "new"]
    assert {path.name for path in (tmp_path / "copy").iterdir()} == {"new", MANIFEST}


def test_a_log_that_never_rests_is_given_up(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("file missing seq 1 type i\n")
    with pytest.raises(LogKeepsChanging):
        copy_log(tmp_path, tmp_path / "copy")


def test_a_database_that_is_being_written(tmp_path: Path) -> None:
    live = tmp_path / "live"
    with closing(sqlite3.connect(live, isolation_level=None)) as setup:
        setup.execute("PRAGMA journal_mode=WAL")
        setup.execute("CREATE TABLE counts (number INTEGER)")

    def write(number: int) -> None:
        with closing(sqlite3.connect(live, isolation_level=None, timeout=30)) as connection:
            connection.execute("INSERT INTO counts VALUES (?)", (number,))

    writer = Writer(write)
    with writer.at_work():
        for number in range(COPIES):
            before = writer.answered
            copy_database(live, tmp_path / str(number))
            with closing(sqlite3.connect(tmp_path / str(number))) as copy:
                assert copy.execute("SELECT count(*) FROM counts").fetchone()[0] >= before
            assert not (tmp_path / f"{number}-wal").exists()


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, secret_key=SecretStr("x" * 32))
    with pytest.raises(Misconfigured, match="is there already"):
        back_up(settings, is_log_ours=True, folder=tmp_path, step=lambda _: None)


def test_what_is_not_ours_is_named(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", database_url="postgresql://somewhere/ticketing")
    done = back_up(settings, is_log_ours=False, folder=tmp_path / "copy", step=lambda _: None)
    assert done.holds == {}
    assert [text.split()[0].strip(",:") for text in done.missing] == [
        "Redis",
        "PostgreSQL",
        "TICKETING_SECRET_KEY",
    ]
