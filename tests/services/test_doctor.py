"""Goal: the doctor calls a sound instance sound, and names each thing that is wrong, with how to mend it.

Method: real servers; one setting at a time is made unsafe, and the doctor must name just that.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import text

from tests.support.office import keeper_on
from tests.support.people import unguard_trail
from ticketing.clock import ServerClock
from ticketing.database import Sessions, make_engine, make_sessions
from ticketing.inventory.trail_end import TrailEnd
from ticketing.keyring import Keyring
from ticketing.services import doctor as subject
from ticketing.services import trail
from ticketing.services.doctor import Check, Diagnosis, Doctor
from ticketing.services.witness import Witness

GOOD_SECRET = "s" * subject.SECRET_CHARACTERS_MIN


@pytest.fixture
def redis_client(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        before = client.config_get("appendfsync", "maxmemory-policy", "appendonly")
        client.config_set("appendfsync", "always")
        yield client
        for name, value in before.items():
            client.config_set(name, value)


@pytest.fixture
def examine(
    redis_client: "redis.Redis", redis_url: str, database_url: str, tmp_path: Path
) -> Iterator[Callable[..., Diagnosis]]:
    engine = make_engine(database_url)

    def run(
        secret: str = GOOD_SECRET,
        heartbeat_age_ms: int | None = 0,
        url: str = redis_url,
        recovering: dict[str, str] | None = None,
    ) -> Diagnosis:
        now = int(time.time() * 1000)
        heartbeat = None if heartbeat_age_ms is None else now - heartbeat_age_ms
        with redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0)) as client:
            clock = ServerClock()
            key = Keyring.derive(secret).trail
            witness = Witness(make_sessions(engine, key), TrailEnd(client), key, clock)
            return Doctor(
                keeper_on(client, clock),
                engine,
                witness,
                tmp_path,
                secret,
                lambda: heartbeat,
                lambda: recovering or {},
            ).examine()

    yield run
    engine.dispose()


def _wrong(diagnosis: Diagnosis) -> list[Check]:
    wrong = [check for check in diagnosis.checks if not check.ok]
    assert diagnosis.ok == (not wrong)
    assert all(check.mend for check in wrong), "whatever is wrong says how to mend it"
    return wrong


def test_a_sound_instance_is_called_sound(examine: Callable[..., Diagnosis]) -> None:
    diagnosis = examine()
    assert _wrong(diagnosis) == []
    assert {"redis", "sql", "migrations", "secret", "clock", "disk", "worker"} <= {
        c.name for c in diagnosis.checks
    }


@pytest.mark.parametrize(
    ("name", "unsafe"),
    [("appendfsync", "everysec"), ("appendonly", "no"), ("maxmemory-policy", "allkeys-lru")],
)
def test_an_unsafe_redis_is_named(
    examine: Callable[..., Diagnosis], redis_client: "redis.Redis", name: str, unsafe: str
) -> None:
    redis_client.config_set(name, unsafe)
    (check,) = _wrong(examine())
    assert (check.name, check.found) == (f"redis {name}", unsafe)


def test_redis_away_is_one_finding(examine: Callable[..., Diagnosis]) -> None:
    (check,) = _wrong(examine(url="redis://127.0.0.1:1"))
    assert check.name == "redis"
    assert "ticketing up" in check.mend


def test_the_bundled_servers_last_words_are_passed_on(
    examine: Callable[..., Diagnosis], tmp_path: Path
) -> None:
    (tmp_path / "valkey").mkdir()
    (tmp_path / "valkey" / "valkey.log").write_text("starting\n# Out of something\n")
    (check,) = _wrong(examine(url="redis://127.0.0.1:1"))
    assert "# Out of something" in check.mend


def test_a_damaged_file_of_the_bundled_server_points_to_the_rebuild(
    examine: Callable[..., Diagnosis], tmp_path: Path
) -> None:
    (tmp_path / "valkey").mkdir()
    words = (
        "# Bad file format reading the append only file appendonly.aof.1.incr.aof: make a backup of your AOF"
    )
    (tmp_path / "valkey" / "valkey.log").write_text(words)
    (check,) = _wrong(examine(url="redis://127.0.0.1:1"))
    assert "damaged in the middle" in check.mend
    assert "`ticketing rebuild`" in check.mend


def test_a_sale_that_waits_for_a_rebuild_is_named(examine: Callable[..., Diagnosis]) -> None:
    (check,) = _wrong(examine(recovering={"cinema": "Redis forgot it"}))
    assert (check.name, check.found) == ("sales", "cinema is recovering (Redis forgot it)")
    assert "`ticketing rebuild`" in check.mend


@pytest.mark.parametrize("age_ms", [None, subject.HEARTBEAT_AGE_MAX_MS + 5_000])
def test_a_silent_worker_is_named(examine: Callable[..., Diagnosis], age_ms: int | None) -> None:
    (check,) = _wrong(examine(heartbeat_age_ms=age_ms))
    assert check.name == "worker"


def test_a_short_secret_is_named(examine: Callable[..., Diagnosis]) -> None:
    (check,) = _wrong(examine(secret="changeme"))
    assert check.name == "secret"
    assert "changeme" not in check.found + check.mend


def test_a_secret_that_others_can_read_is_named(examine: Callable[..., Diagnosis], tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    file.write_text("x")
    file.chmod(0o640)
    (check,) = _wrong(examine())
    assert (check.name, check.found) == ("secret file", "mode 640")


def test_an_old_database_is_named(examine: Callable[..., Diagnosis], database_url: str) -> None:
    engine = make_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    engine.dispose()
    (check,) = _wrong(examine())
    assert check.name == "migrations"
    assert "ticketing db upgrade" in check.mend


def test_an_audit_trail_that_was_tampered_with_is_named(
    examine: Callable[..., Diagnosis], sessions: Sessions
) -> None:
    with sessions.begin() as session:
        trail.record(session, 1, "staff:wang", "event.pause", "event:1", {})
        unguard_trail(session)
        session.execute(text("UPDATE audit_trail SET actor = 'staff:li'"))
    (check,) = _wrong(examine())
    assert check.name == "audit trail"


def test_a_trail_whose_end_was_cut_off_is_named(
    examine: Callable[..., Diagnosis], sessions: Sessions, redis_client: "redis.Redis"
) -> None:
    key = Keyring.derive(GOOD_SECRET).trail
    signed = make_sessions(sessions.kw["bind"], key)
    with signed.begin() as session:
        trail.record(session, 1, "staff:wang", "event.pause", "event:1", {})
        unguard_trail(session)
    witness = Witness(signed, TrailEnd(redis_client), key, ServerClock())
    assert witness.note()
    with signed.begin() as session:
        session.execute(text("DELETE FROM audit_trail"))
    (check,) = _wrong(examine())
    assert (check.name, check.found) == ("audit trail end", witness.fault())
    witness.accept("restored a backup")
    assert _wrong(examine()) == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite's settings are made by us
def test_a_careless_postgresql_is_named(examine: Callable[..., Diagnosis], database_url: str) -> None:
    engine = make_engine(database_url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'ALTER DATABASE "{engine.url.database}" SET synchronous_commit = off'))
    engine.dispose()
    assert "sql synchronous_commit" in [check.name for check in _wrong(examine())]


def test_a_clock_that_is_off_is_named(
    examine: Callable[..., Diagnosis], monkeypatch: pytest.MonkeyPatch
) -> None:
    hour_later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: hour_later)
    assert "clock" in [check.name for check in _wrong(examine(heartbeat_age_ms=-3_600_000))]


def test_a_full_disk_is_named(examine: Callable[..., Diagnosis], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "DISK_FREE_MIN", 1 << 60)
    assert [check.name for check in _wrong(examine())] == ["disk"]


@pytest.mark.parametrize(
    ("role", "there", "wanted", "words"),
    [
        ("master", 0, 0, ""),
        ("master", 2, 1, ""),
        ("master", 1, 2, "answered 503"),
        ("slave", 0, 0, "primary"),
    ],
)
def test_missing_replicas_and_a_replica_for_a_primary_are_named(
    role: str, there: int, wanted: int, words: str
) -> None:
    facts = {"role": role, "replicas": str(there), "replica_acks": str(wanted)}
    check = subject._redis_replicas(facts)
    assert (check.ok, words in check.mend) == (not words, True)
