"""Goal: the doctor calls a sound instance sound, and names each thing that is wrong, with how to mend it.

Method: real servers; one thing at a time is made wrong, and the doctor must name just that. The settings of Redis
and of SQL have files of their own.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import text

from tests.support.clinic import SECRET, Clinic, valkey_of_ones_own
from tests.support.databases import SqliteDatabases
from tests.support.people import unguard_trail
from ticketing.clock import ServerClock
from ticketing.database import Sessions, make_engine, make_sessions
from ticketing.inventory.trail_end import TrailEnd
from ticketing.keyring import Keyring
from ticketing.services import doctor as subject
from ticketing.services import doctor_machine, trail
from ticketing.services.findings import Check
from ticketing.services.witness import Witness

KEY = Keyring.derive(SECRET).trail


@pytest.fixture(scope="module")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with valkey_of_ones_own(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
def clinic(valkey_url: str, sqlite_databases: SqliteDatabases, tmp_path: Path) -> Iterator[Clinic]:
    with redis.Redis.from_url(valkey_url) as client:
        client.flushall()
    url = sqlite_databases.create()
    yield Clinic(tmp_path, valkey_url, url)
    sqlite_databases.drop(url)


@pytest.fixture
def books(clinic: Clinic) -> Iterator[Sessions]:
    """The instance's SQL with a trail of two rows whose table has lost its guard."""
    engine = make_engine(clinic.database_url)
    made = make_sessions(engine, KEY)
    for number in range(2):
        with made.begin() as session:
            trail.record(session, number, "staff:wang", "event.pause", "event:1", {})
    with made.begin() as session:
        unguard_trail(session)
    yield made
    engine.dispose()


def only(clinic: Clinic, **changes: object) -> Check:
    (check,) = clinic.wrong(**changes)
    return check


def test_a_sound_instance_is_called_sound(clinic: Clinic, books: Sessions) -> None:
    diagnosis = clinic.examine()
    assert diagnosis.ok
    looked_at = {check.name for check in diagnosis.checks}
    servers = {"redis", "redis appendfsync", "sql", "migrations", "sales", "clock", "worker"}
    rest = {
        "secret",
        "secret of the data",
        "data directory",
        "disk",
        "file system",
        "audit trail",
        "audit trail end",
        "desk sales",
    }
    assert servers | rest <= looked_at


def test_redis_away_is_one_finding(clinic: Clinic) -> None:
    check = only(clinic, redis_url="redis://127.0.0.1:1")
    assert check.name == "redis"
    assert "ticketing up" in check.mend


def test_the_bundled_servers_last_words_are_passed_on(clinic: Clinic) -> None:
    (clinic.data_dir / "valkey").mkdir()
    (clinic.data_dir / "valkey" / "valkey.log").write_text("starting\n# Out of something\n")
    assert "# Out of something" in only(clinic, redis_url="redis://127.0.0.1:1").mend


def test_a_sale_that_waits_for_a_rebuild_is_named(clinic: Clinic) -> None:
    check = only(clinic, recovering={"cinema": "Redis forgot it"})
    assert (check.name, check.found) == ("sales", "cinema is recovering (Redis forgot it)")
    assert check.command == "ticketing rebuild"


@pytest.mark.parametrize("age_ms", [None, subject.HEARTBEAT_AGE_MAX_MS + 5_000])
def test_a_silent_worker_is_named(clinic: Clinic, age_ms: int | None) -> None:
    check = only(clinic, heartbeat_age_ms=age_ms)
    assert (check.name, check.command) == ("worker", "ticketing worker")


@pytest.mark.parametrize(
    "secret",
    ["changeme", "s" * 40, "change-me-to-something-long-and-random", "your-secret-0123456789-abcdefghij"],
)
def test_a_secret_that_can_be_guessed_is_named(clinic: Clinic, secret: str) -> None:
    check = only(clinic, secret=secret)
    assert check.name == "secret"
    assert secret not in str(check)
    better = clinic.mend(check, {}) or ""
    assert better == "", "it sets a variable and prints nothing"


def test_the_command_for_a_secret_makes_a_good_one(clinic: Clinic) -> None:
    check = only(clinic, secret="changeme")
    printing = Check(check.name, False, "", "", f"{check.command}; echo $TICKETING_SECRET_KEY")
    assert clinic.wrong(secret=clinic.mend(printing).strip()) == []


def test_files_that_others_can_read_are_named_and_closed(clinic: Clinic) -> None:
    file = clinic.data_dir / "secret.key"
    file.write_text("x")
    file.chmod(0o640)
    check = only(clinic)
    assert (check.name, check.found) == ("secret file", "mode 640")
    clinic.mend(check)
    assert clinic.wrong() == []
    clinic.data_dir.chmod(0o755)
    check = only(clinic)
    assert check.name == "data directory"
    clinic.mend(check)
    assert clinic.wrong() == []


@pytest.mark.usefixtures("books")
def test_another_secret_than_the_datas_is_one_finding(clinic: Clinic) -> None:
    check = only(clinic, secret=SECRET[::-1])
    assert (check.name, check.found) == ("secret of the data", "another than the data was written with")
    assert clinic.wrong() == []


def test_an_old_database_is_named_and_upgraded(
    clinic: Clinic, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic.database_url = f"sqlite:///{tmp_path_factory.mktemp('old')}/old.sqlite3"
    make_engine(clinic.database_url).connect().close()
    check = only(clinic)
    assert (check.name, check.command) == ("migrations", "ticketing db upgrade")
    assert shutil.which("ticketing"), "the command is installed beside the interpreter"
    clinic.mend(check, {"TICKETING_DATABASE_URL": clinic.database_url, "TICKETING_SECRET_KEY": SECRET})
    assert clinic.wrong() == []


def test_a_trail_that_was_tampered_with_is_named_by_its_row(clinic: Clinic, books: Sessions) -> None:
    with books.begin() as session:
        session.execute(text("UPDATE audit_trail SET actor = 'staff:li' WHERE id = 2"))
    check = only(clinic)
    assert (check.name, check.found) == ("audit trail", f"entry 2 {trail.CHANGED}")


def test_a_trail_whose_end_was_cut_off_is_named_and_accepted(clinic: Clinic, books: Sessions) -> None:
    with redis.Redis.from_url(clinic.redis_url) as client:
        witness = Witness(books, TrailEnd(client), KEY, ServerClock())
        assert witness.note()
        with books.begin() as session:
            session.execute(text("DELETE FROM audit_trail WHERE id = 2"))
        check = only(clinic)
        assert (check.name, check.found) == ("audit trail end", witness.fault())
    names = {"DATABASE_URL": clinic.database_url, "REDIS_URL": clinic.redis_url, "SECRET_KEY": SECRET}
    clinic.mend(check, {f"TICKETING_{name}": value for name, value in names.items()})
    assert clinic.wrong() == []


def test_a_clock_that_is_off_is_named(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    hour_later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: hour_later)
    assert only(clinic).name == "clock"


def test_a_full_disk_is_named(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_machine, "DISK_FREE_MIN", 1 << 60)
    check = only(clinic)
    assert check.name == "disk"
    assert str(clinic.data_dir) in clinic.mend(check)


def test_a_disk_over_a_network_is_named(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = clinic.data_dir / "mounts"
    lines = ("/dev/a / ext4 rw 0 0", f"server:/x {clinic.data_dir} nfs4 rw 0 0", "/dev/b /else xfs rw 0 0")
    mounts.write_text("\n".join(lines))
    monkeypatch.setattr(doctor_machine, "MOUNTS", mounts)
    check = only(clinic)
    assert (check.name, check.found) == ("file system", f"nfs4 on {clinic.data_dir}")
