"""Is an instance fit for a sale? Every check says what it found, what that would cost, and how to mend it."""

import stat
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from shutil import disk_usage

from msgspec import Struct
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from ticketing import migrations
from ticketing.database import make_sessions, reading
from ticketing.errors import StoreUnavailable
from ticketing.inventory.keeper import Keeper
from ticketing.keyring import Keyring
from ticketing.services import trail
from ticketing.services.witness import Witness

SECRET_CHARACTERS_MIN = 32
DISK_FREE_MIN = 1 << 30  # bytes
CLOCK_OFFSET_MAX_MS = 2_000
HEARTBEAT_AGE_MAX_MS = 90_000
SERVER_VERSIONS_MIN = {"valkey": (8, 0), "redis": (7, 0)}

_DAMAGED = "Bad file format reading the append only file"

_WANTED_OF_REDIS = {
    "appendonly": ("yes", "without it a restart forgets every sale"),
    "appendfsync": ("always", "with anything less a crash loses tickets that members were told they have"),
    "maxmemory-policy": ("noeviction", "any other policy throws sold tickets away when memory is short"),
}
_WANTED_OF_SQL = {
    "sqlite": {"PRAGMA journal_mode": "wal", "PRAGMA synchronous": "2"},
    "postgresql": {"SHOW synchronous_commit": "on", "SHOW fsync": "on", "SHOW full_page_writes": "on"},
}


class Check(Struct, frozen=True):
    """One thing looked at; `mend` is empty when it is well."""

    name: str
    ok: bool
    found: str
    mend: str = ""


class Diagnosis(Struct, frozen=True):
    """Every check, and whether all are well."""

    ok: bool
    checks: list[Check]


class Doctor:
    """Looks at one instance.

    `last_heartbeat` is when a worker was last heard of, in ms by the machine's clock; `recovering` gives the
    groups that wait for a rebuild, each with its reason.
    """

    def __init__(
        self,
        keeper: Keeper,
        engine: Engine,
        witness: Witness,
        data_dir: Path,
        secret: str,
        last_heartbeat: Callable[[], int | None],
        recovering: Callable[[], Mapping[str, str]],
    ) -> None:
        self._keeper = keeper
        self._engine = engine
        self._witness = witness
        self._data_dir = data_dir
        self._secret = secret
        self._last_heartbeat = last_heartbeat
        self._recovering = recovering

    def examine(self) -> Diagnosis:
        """Run every check; none raises."""
        checks = [*self._redis(), *self._sql(), *self._machine()]
        if all(check.ok for check in checks if check.name in ("redis", "sql", "migrations")):
            checks += [self._sales(), self._trail_end()]
        return Diagnosis(all(check.ok for check in checks), checks)

    def _redis(self) -> Iterator[Check]:
        try:
            info = self._keeper.server_info()
            yield _redis_version(info)
            yield from _redis_durability(info)
            yield _redis_replicas(info)
            yield self._clock()
            yield self._worker()
        except StoreUnavailable as error:
            yield Check(
                "redis", ok=False, found=f"{error}: {error.__cause__}", mend=self._why_redis_is_away()
            )

    def _clock(self) -> Check:
        offset_ms = int(time.time() * 1000) - self._keeper.now_ms()
        return _check(
            "clock",
            abs(offset_ms) <= CLOCK_OFFSET_MAX_MS,
            f"{offset_ms:+d} ms from Redis' clock",
            "Redis' clock decides, so sales are right, but logs and certificates are not: let NTP set both clocks",
        )

    def _worker(self) -> Check:
        seen = self._last_heartbeat()
        age_ms = None if seen is None else max(0, int(time.time() * 1000) - seen)
        return _check(
            "worker",
            age_ms is not None and age_ms <= HEARTBEAT_AGE_MAX_MS,
            "none has ever reported" if age_ms is None else f"last heard of {age_ms / 1000:.0f} s ago",
            "orders wait in Redis and expired holds keep their tickets: start `ticketing up` or `ticketing worker`",
        )

    def _sales(self) -> Check:
        waiting = self._recovering()
        found = "; ".join(f"{group} is recovering ({reason})" for group, reason in waiting.items())
        mend = "nothing is sold there until `ticketing rebuild` has made the counts anew"
        return _check("sales", not waiting, found or "none waits for a rebuild", mend)

    def _why_redis_is_away(self) -> str:
        folder = self._data_dir / "valkey"
        log = folder / "valkey.log"
        if not log.exists():
            return "start the server, or `ticketing up`, and check TICKETING_REDIS_URL"
        last = (log.read_text(errors="replace").splitlines() or ["(empty)"])[-1]
        if _DAMAGED in last:
            return (
                f"its append-only file is damaged in the middle: move {folder} aside and keep it, start "
                "`ticketing up`, then run `ticketing rebuild`, which brings back what SQL has"
            )
        return (
            f"start `ticketing up`; if the bundled server does not stay, its log says why: {last} (in {log})"
        )

    def _sql(self) -> Iterator[Check]:
        try:
            yield from self._sql_durability()
            migrated = self._migrations()
            yield migrated
            if migrated.ok:
                yield self._trail()
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", error)).splitlines()[0]
            mend = "start the database and check TICKETING_DATABASE_URL; sales go on meanwhile, up to the backlog's cap"
            yield Check("sql", ok=False, found=reason, mend=mend)

    def _sql_durability(self) -> Iterator[Check]:
        dialect = self._engine.dialect
        with self._engine.connect() as connection:
            found = {query: str(connection.scalar(text(query))) for query in _WANTED_OF_SQL[dialect.name]}
            version = ".".join(str(part) for part in dialect.server_version_info or ())
        yield Check("sql", ok=True, found=f"{dialect.name} {version}")
        for query, wanted in _WANTED_OF_SQL[dialect.name].items():
            name = query.split()[1]
            mend = f"a crash loses recorded orders that Redis has already let go: set {name} to {wanted}"
            yield _check(f"sql {name}", found[query] == wanted, found[query], mend)

    def _migrations(self) -> Check:
        current, head = migrations.current(self._engine), migrations.head()
        return _check(
            "migrations", current == head, f"{current or 'none'}, needed {head}", "run `ticketing db upgrade`"
        )

    def _trail(self) -> Check:
        with reading(make_sessions(self._engine, Keyring.derive(self._secret).trail)) as session:
            broken = trail.verify(session)
        found = "every entry fits" if broken is None else f"entry {broken.entry_id} {broken.what}"
        mend = "it was changed past this program: compare it with a backup, and ask who can write to the database"
        return _check("audit trail", broken is None, found, mend)

    def _trail_end(self) -> Check:
        fault = self._witness.fault()
        mend = (
            "rows were cut from its end, or an old copy of the database is in use: if you restored one, say so "
            "with `ticketing trail accept REASON`; if not, compare it with a backup, and ask who can write to it"
        )
        return _check("audit trail end", fault is None, fault or "as a worker noted it", mend)

    def _machine(self) -> Iterator[Check]:
        yield _check(
            "secret",
            len(self._secret) >= SECRET_CHARACTERS_MIN,
            f"{len(self._secret)} characters",
            f"a short secret can be guessed: before the first card is loaded, take {SECRET_CHARACTERS_MIN} or more",
        )
        file = self._data_dir / "secret.key"
        if file.exists():
            mode = stat.S_IMODE(file.stat().st_mode)
            yield _check(
                "secret file", mode & 0o077 == 0, f"mode {mode:o}", f"others can read it: chmod 600 {file}"
            )
        if self._data_dir.exists():
            free = disk_usage(self._data_dir).free
            mend = f"a full disk stops the sale: make room on the disk of {self._data_dir}"
            yield _check("disk", free >= DISK_FREE_MIN, f"{free / (1 << 30):.1f} GiB free", mend)


def _redis_version(info: dict[str, str]) -> Check:
    least = SERVER_VERSIONS_MIN[info["server"]]
    version = tuple(int(part) for part in info["version"].split(".")[:2])
    mend = f"this release needs {info['server']} {'.'.join(map(str, least))} or newer: upgrade the server"
    return _check("redis", version >= least, f"{info['server']} {info['version']}", mend)


def _redis_replicas(info: dict[str, str]) -> Check:
    there, wanted = int(info["replicas"]), int(info["replica_acks"])
    if info["role"] != "master":
        mend = "it is a replica, and refuses every sale: set TICKETING_REDIS_URL to its primary"
        return _check("redis replicas", False, f"role {info['role']}", mend)
    mend = "every confirm is answered 503: connect the replicas, or lower TICKETING_REPLICA_ACKS"
    return _check("redis replicas", there >= wanted, f"{there} connected, {wanted} must have a confirm", mend)


def _redis_durability(info: dict[str, str]) -> Iterator[Check]:
    for name, (wanted, cost) in _WANTED_OF_REDIS.items():
        mend = f"{cost}: set `{name} {wanted}` in the server's file, and now by CONFIG SET"
        yield _check(f"redis {name}", info.get(name) == wanted, info.get(name, "hidden by the server"), mend)


def _check(name: str, ok: bool, found: str, mend: str) -> Check:
    return Check(name, ok, found, "" if ok else mend)
