"""A copy of an instance with embedded servers, taken while it sells: Redis' log first, then SQL, then the secret.

In this order SQL is the later of the two, so a restored copy stops each sale by itself until `ticketing rebuild` has
brought Redis up to SQL; and the audit trail ends where its witness says, or later. Whatever was answered before the
copy began is in it.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from msgspec import Struct
from sqlalchemy.engine import make_url

from ticketing.embedded.instance import DATABASE_FILE, SECRET_FILE
from ticketing.errors import Failure, Misconfigured
from ticketing.settings import Settings

LOG_FOLDER = Path("valkey") / "appendonlydir"
MANIFEST = "appendonly.aof.manifest"

_ATTEMPTS = 20
"""The server begins new files when its log has doubled; a copy that was overtaken so often has met something else."""

Step = Callable[[str], object]


class Backup(Struct, frozen=True):
    """What a backup holds, with the sizes in bytes, and what has to be saved by other means."""

    folder: str
    holds: dict[str, int]
    missing: list[str]


class LogKeepsChanging(Failure):
    """Redis' log began new files each time that it was copied."""


def back_up(settings: Settings, is_log_ours: bool, folder: Path, step: Step) -> Backup:
    """Copy what belongs to an instance with these (resolved) settings into a new folder of its data directory's shape.

    The folder gets its name when everything is in it and on disk. Raises `Misconfigured` when there is one already.
    """
    draft = folder.with_name(f"{folder.name}.part")
    if folder.exists():
        raise Misconfigured(
            f"{folder} is there already: name a folder that is not, such as one with today's date"
        )
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    missing = [*_copy_redis(settings, is_log_ours, draft, step), *_copy_sql(settings, draft, step)]
    missing += _copy_secret(settings, draft)
    holds = {str(path.relative_to(draft)): path.stat().st_size for path in _files(draft)}
    _sync(draft)
    draft.rename(folder)
    return Backup(str(folder), holds, missing)


def _copy_redis(settings: Settings, is_ours: bool, draft: Path, step: Step) -> list[str]:
    if not is_ours:
        return [
            "Redis, which is a server of yours; without a copy of it `ticketing rebuild` makes the sale from SQL"
        ]
    step("Redis' log")
    copy_log(settings.data_dir / LOG_FOLDER, draft / LOG_FOLDER)
    return []


def copy_log(source: Path, target: Path) -> None:
    """Copy an append-only log that is being written. What the copy has of the last entry, the server leaves out."""
    for _ in range(_ATTEMPTS):
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(mode=0o700, parents=True)
        manifest = (source / MANIFEST).read_text()
        lines = [
            line for line in manifest.splitlines() if line.split()[-1] != "h"
        ]  # those are on their way out
        try:
            for line in lines:
                shutil.copyfile(source / line.split()[1], target / line.split()[1])
        except FileNotFoundError:
            continue
        if (source / MANIFEST).read_text() == manifest:
            (target / MANIFEST).write_text("".join(f"{line}\n" for line in lines))
            return
    raise LogKeepsChanging(f"the log in {source} kept beginning new files; try again")


def _copy_sql(settings: Settings, draft: Path, step: Step) -> list[str]:
    url = make_url(settings.database_url or "")
    if url.get_backend_name() != "sqlite":
        return ["PostgreSQL: save it by pg_dump, after this"]
    step("the database")
    copy_database(Path(url.database or ""), draft / DATABASE_FILE)
    return []


def copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database as it is at one moment; writers go on meanwhile."""
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, whole by itself
        (verdict,) = copy.execute("PRAGMA quick_check").fetchone()
    if verdict != "ok":
        raise Misconfigured(
            f"the copy of {source} is damaged, and so is likely the database itself: {verdict}"
        )


def _copy_secret(settings: Settings, draft: Path) -> list[str]:
    file = settings.data_dir / SECRET_FILE
    if not file.exists():
        return [
            "TICKETING_SECRET_KEY, without which no card number can be recognised: keep a copy of it elsewhere"
        ]
    shutil.copyfile(file, draft / SECRET_FILE)
    (draft / SECRET_FILE).chmod(0o600)
    return []


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sync(folder: Path) -> None:
    for path in (*_files(folder), *(path for path in folder.rglob("*") if path.is_dir()), folder):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
