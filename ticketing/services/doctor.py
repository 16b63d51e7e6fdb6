"""Is an instance fit for a sale? Every check says what it found, what that would cost, and what mends it."""

import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ticketing.errors import Failure, StoreUnavailable
from ticketing.keyring import Keyring
from ticketing.services.doctor_books import look_at_books
from ticketing.services.doctor_machine import look_at_disks, look_at_secret
from ticketing.services.doctor_redis import Console, look_at_inventory, look_at_queue
from ticketing.services.doctor_sql import look_at_sql
from ticketing.services.findings import Check, check
from ticketing.services.witness import Witness
from ticketing.settings import Settings

CLOCK_OFFSET_MAX_MS = 2_000
HEARTBEAT_AGE_MAX_MS = 90_000

_DAMAGED = "Bad file format reading the append only file"

Facts = Mapping[str, str]


class Diagnosis(Struct, frozen=True):
    """Every check, and whether all are well."""

    ok: bool
    checks: list[Check]


class Patient(Struct, frozen=True):
    """One instance, and how to ask it.

    `facts` and `queue_facts` are what the servers say of themselves (`inventory.server.read_facts`); without
    the latter the queue is on the same server. `now_ms` is Redis' time, `last_heartbeat` when a worker was last
    heard of, in ms by the machine's clock; `recovering` gives the groups that wait for a rebuild, each with its
    reason. `provider`, where there is one, asks the sign-in provider. `embedded`: its Redis is the bundled one.
    """

    settings: Settings
    embedded: bool
    engine: Engine
    witness: Witness
    facts: Callable[[], Facts]
    queue_facts: Callable[[], Facts] | None
    now_ms: Callable[[], int]
    last_heartbeat: Callable[[], int | None]
    recovering: Callable[[], Mapping[str, str]]
    provider: Callable[[], None] | None = None


class Doctor:
    """Looks at one instance."""

    def __init__(self, patient: Patient) -> None:
        self._patient = patient
        self._data_dir = patient.settings.data_dir
        secret = patient.settings.secret_key
        self._secret = secret.get_secret_value() if secret else ""
        self._folders = [self._data_dir]
        self._options = f" --data-dir {shlex.quote(str(self._data_dir))}" if patient.embedded else ""

    def examine(self) -> Diagnosis:
        """Run every check; none raises."""
        checks = [*self._redis(), *self._sql()]
        if all(look.ok for look in checks if look.name in ("redis", "sql", "migrations")):
            checks.append(self._sales())
        checks += self._provider()
        checks += look_at_secret(self._secret, self._data_dir)
        checks += look_at_disks(self._folders)
        return Diagnosis(all(look.ok for look in checks), checks)

    def _redis(self) -> Iterator[Check]:
        settings = self._patient.settings
        console = self._console(settings.redis_url or "", "TICKETING_REDIS_URL")
        try:
            facts = self._patient.facts()
            if console.is_local:
                self._folders.append(Path(facts["dir"]))
            yield from look_at_inventory(facts, console, settings.replica_acks)
            if self._patient.queue_facts is not None:
                queue = self._console(settings.queue_redis_url or "", "TICKETING_QUEUE_REDIS_URL")
                yield from look_at_queue(self._patient.queue_facts(), queue)
            yield self._clock()
            yield self._worker()
        except StoreUnavailable as error:
            mend, command = self._why_redis_is_away()
            yield check("redis", False, f"{error}: {error.__cause__}", mend, command)

    def _console(self, url: str, variable: str) -> Console:
        again = f"ticketing up{self._options}  # after stopping the one that runs"
        return Console(url, variable, again if self._patient.embedded else None)

    def _clock(self) -> Check:
        offset_ms = int(time.time() * 1000) - self._patient.now_ms()
        return check(
            "clock",
            abs(offset_ms) <= CLOCK_OFFSET_MAX_MS,
            f"{offset_ms:+d} ms from Redis' clock",
            "Redis' clock decides, so sales are right, but logs and certificates are not: let NTP set both clocks",
            "timedatectl set-ntp true",
        )

    def _worker(self) -> Check:
        seen = self._patient.last_heartbeat()
        age_ms = None if seen is None else max(0, int(time.time() * 1000) - seen)
        return check(
            "worker",
            age_ms is not None and age_ms <= HEARTBEAT_AGE_MAX_MS,
            "none has ever reported" if age_ms is None else f"last heard of {age_ms / 1000:.0f} s ago",
            "orders wait in Redis and expired holds keep their tickets: start one",
            f"ticketing up{self._options}" if self._patient.embedded else "ticketing worker",
        )

    def _sales(self) -> Check:
        waiting = self._patient.recovering()
        found = "; ".join(f"{group} is recovering ({reason})" for group, reason in waiting.items())
        mend = "nothing is sold there until `ticketing rebuild` has made the counts anew"
        return check(
            "sales",
            not waiting,
            found or "none waits for a rebuild",
            mend,
            f"ticketing rebuild{self._options}",
        )

    def _provider(self) -> Iterator[Check]:
        if self._patient.provider is None:
            return
        found = issuer = self._patient.settings.oidc_issuer or ""
        try:
            self._patient.provider()
            ok = True
        except Failure as failure:
            ok, found = False, f"{failure}: {failure.__cause__}"
        yield check(
            "sign-in provider",
            ok,
            found,
            "staff sign in by their passwords alone: see whether it answers, and calls itself TICKETING_OIDC_ISSUER",
            f"curl -fsS {shlex.quote(issuer.rstrip('/'))}/.well-known/openid-configuration",
        )

    def _why_redis_is_away(self) -> tuple[str, str]:
        folder = self._data_dir / "valkey"
        log = folder / "valkey.log"
        start = f"ticketing up{self._options}"
        if not log.exists():
            mend = (
                "start the server, or `ticketing up`, and check TICKETING_REDIS_URL; if it calls its append-only file "
                "damaged, move the file aside and keep it, start it, then run `ticketing rebuild`"
            )
            theirs = "systemctl start valkey-server || systemctl start redis-server"
            return mend, start if self._patient.embedded else theirs
        last = (log.read_text(errors="replace").splitlines() or ["(empty)"])[-1]
        if _DAMAGED not in last:
            return (
                f"if `ticketing up` runs and its server does not stay, its log says why: {last} (in {log})",
                start,
            )
        quoted = shlex.quote(str(folder))
        mend = (
            f"its append-only file is damaged in the middle: move {folder} aside and keep it, start "
            "`ticketing up`, then run `ticketing rebuild`, which brings back what SQL has"
        )
        return mend, f"mv {quoted} {quoted}.damaged && {start}"

    def _sql(self) -> Iterator[Check]:
        engine = self._patient.engine
        if engine.dialect.name == "sqlite":
            self._folders.append(Path(engine.url.database or "").parent)
        try:
            yield from look_at_sql(engine)
            keyring = Keyring.derive(self._secret)
            yield from look_at_books(engine, keyring, self._patient.witness, self._options)
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", error)).splitlines()[0]
            mend = "start the database and check TICKETING_DATABASE_URL; sales go on meanwhile, up to the backlog's cap"
            yield check("sql", False, reason, mend, "systemctl start postgresql")
