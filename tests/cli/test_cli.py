"""Goal: every verb explains itself, fails in one plain line that says what to do next, and keeps stdout for answers.

Method: call `main` as the installed command does, with arguments, and look at exit code, stdout and stderr.
"""

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer.main

from ticketing.bootstrap import build
from ticketing.cli import app, main
from ticketing.embedded.instance import resolve, upgrade_database
from ticketing.embedded.valkey import EmbeddedValkey
from ticketing.inventory.trail_end import TrailEnd
from ticketing.settings import Settings


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]

VERBS = [
    ("up",), ("demo",), ("api",), ("worker",), ("rush",), ("audit",), ("rebuild",), ("backup",),
    ("bench",), ("doctor",), ("openapi",),
    ("cards", "import"), ("members", "erase"), ("staff", "add"),
    ("staff", "disable"), ("staff", "enable"), ("staff", "reset-password"), ("db", "upgrade"), ("trail", "accept"),
    ("staff", "reset-second-factor"), ("staff", "end-sessions"), ("staff", "unlink-provider"),
]  # fmt: skip


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.setenv("TICKETING_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")

    def run_command(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["ticketing", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    return run_command


@pytest.fixture
def instance(tmp_path: Path) -> Settings:
    settings = resolve(Settings(data_dir=tmp_path / "data"))
    upgrade_database(settings)
    return settings


def _one_line(ended: Ended) -> str:
    assert ended.out == ""
    assert re.fullmatch(r"ticketing: [^\n]+\n", ended.err), ended.err
    return ended.err


def test_the_verbs_are_those_of_the_contract() -> None:
    command: Any = typer.main.get_command(app)
    found: set[tuple[str, ...]] = set()
    for name, child in command.commands.items():
        below = getattr(child, "commands", {})  # what the program itself starts is hidden
        found |= {(name, sub) for sub, verb in below.items() if not verb.hidden} or {(name,)}
    assert found == set(VERBS)


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_has_an_example(run: Run, verb: tuple[str, ...]) -> None:
    ended = run(*verb, "--help")
    assert ended.code == 0
    assert "Example: " in ended.out
    assert f"ticketing {' '.join(verb)}" in ended.out.split("Example: ", 1)[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nonsense",), "No such command 'nonsense'"),
        (("up", "--port", "none"), "see `ticketing up --help`"),
        (("up", "--nonsense"), "No such option: --nonsense"),
        (("rush",), "see `ticketing rush --help`"),
        (("rush", "nonsense"), "there is no scenario 'nonsense'; there are: art-exhibition"),
        (("cards", "import", "nowhere.csv"), "'nowhere.csv' does not exist"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_use_is_one_line_and_exit_2(run: Run, arguments: tuple[str, ...], words: str) -> None:
    ended = run(*arguments)
    assert ended.code == 2
    assert words in _one_line(ended)


@pytest.mark.parametrize(
    "arguments",
    [("audit",), ("doctor",), ("api",), ("worker",), ("cards", "import", __file__)],
    ids=lambda words: words[0],
)
def test_a_verb_without_an_instance_says_so_and_makes_none(
    run: Run, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    ended = run(*arguments)
    assert ended.code == 2
    assert "`ticketing up` makes one" in _one_line(ended)
    assert not (tmp_path / "data").exists()


def test_a_bad_setting_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKETING_BACKLOG_MAX", "many")
    ended = run("audit")
    assert ended.code == 2
    assert "TICKETING_BACKLOG_MAX" in _one_line(ended)


def test_servers_of_ones_own_without_a_secret_are_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKETING_DATABASE_URL", "postgresql://127.0.0.1:1/none")
    ended = run("audit")
    assert ended.code == 2
    assert "TICKETING_SECRET_KEY is not set" in _one_line(ended)


def test_sql_away_is_a_failure_with_its_cause(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKETING_DATABASE_URL", "postgresql://127.0.0.1:1/none")
    monkeypatch.setenv("TICKETING_SECRET_KEY", "s" * 32)
    ended = run("audit")
    assert ended.code == 1
    assert "the SQL database did not answer" in _one_line(ended)
    assert "Connection refused" in ended.err


@pytest.mark.usefixtures("instance")
def test_redis_away_is_a_failure_for_the_audit_and_a_finding_for_the_doctor(run: Run) -> None:
    audit = run("audit", "--json")
    assert audit.code == 1
    assert "Redis did not answer" in _one_line(audit)
    doctor = run("doctor", "--json")
    assert doctor.code == 1
    assert doctor.err == ""
    checks = {check["name"]: check for check in json.loads(doctor.out)["checks"]}
    assert not checks["redis"]["ok"]
    assert "ticketing up" in checks["redis"]["mend"]
    assert checks["sql"]["ok"]


@pytest.mark.usefixtures("instance")
def test_a_staff_account_is_added_with_a_password_shown_once(run: Run) -> None:
    arguments = ("staff", "add", "wang", "--role", "admin", "--organisation", "district")
    unknown = run(*arguments)
    assert unknown.code == 1
    assert "organisation is unknown" in _one_line(unknown)
    added = run(*arguments, "--root-name", "区总工会", "--json")
    assert added.code == 0
    account = json.loads(added.out)
    assert (account["username"], account["role"]) == ("wang", "admin")
    assert len(account["password"]) >= 12
    assert "username is taken" in _one_line(run(*arguments))


@pytest.mark.usefixtures("instance")
def test_an_account_is_disabled_enabled_and_given_another_password(run: Run) -> None:
    added = run(
        "staff", "add", "wang", "--role", "admin", "--organisation", "d", "--root-name", "区", "--json"
    )
    assert "signed out" in run("staff", "disable", "wang").out
    assert run("staff", "enable", "wang").code == 0
    reset = run("staff", "reset-password", "wang", "--json")
    assert json.loads(reset.out)["password"] != json.loads(added.out)["password"]
    unknown = run("staff", "disable", "li")
    assert unknown.code == 1
    assert "username is unknown" in _one_line(unknown)


def test_a_trail_is_accepted_with_a_reason_where_entries_are_missing(run: Run, instance: Settings) -> None:
    server = EmbeddedValkey(instance.data_dir)
    server.start()
    try:
        whole = run("trail", "accept", "because")
        assert whole.code == 1
        assert "nothing to accept" in _one_line(whole)
        with closing(build(resolve(instance))) as services:
            TrailEnd(services.redis).write("7 forged")
        assert run("trail", "accept", "restored a backup").code == 0
        doctor = json.loads(run("doctor", "--json").out)
        ends = {check["name"]: check["ok"] for check in doctor["checks"]}
        assert (ends["audit trail"], ends["audit trail end"]) == (True, True)
    finally:
        server.stop()


@pytest.mark.usefixtures("instance")
def test_an_import_names_every_refused_line(run: Run, tmp_path: Path) -> None:
    run("staff", "add", "wang", "--role", "admin", "--organisation", "district", "--root-name", "区总工会")
    file = tmp_path / "cards.csv"
    file.write_text(
        "card_number,name,organisation,pin\n0012345678901234,张三,district,123456\n12,李四,district,123456\n"
    )
    checked = run("cards", "import", str(file), "--check")
    assert checked.code == 1
    assert checked.out.endswith("; 1 would be new and 0 would move. Nothing was written\n")
    refused = tmp_path / "refused.csv"
    first = run("cards", "import", str(file), "--refused", str(refused))
    assert first.code == 1
    assert "12,李四,district,123456,,,3,card_number must be" in refused.read_text(encoding="utf-8-sig")
    assert refused.stat().st_mode & 0o077 == 0
    assert (
        first.out == "line 3: card_number must be 6 to 32 digits\n1 accepted, 0 of them changed, 1 refused\n"
    )
    assert "0012345678901234" not in first.out + first.err


def test_a_member_is_erased_after_a_question_and_once(
    run: Run, instance: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedValkey(instance.data_dir)
    server.start()
    try:
        run(
            "staff", "add", "wang", "--role", "admin", "--organisation", "district", "--root-name", "区总工会"
        )
        file = tmp_path / "cards.csv"
        file.write_text("card_number,name,organisation,pin\n622200001,王小明,district,135790\n")
        assert run("cards", "import", str(file)).code == 0
        arguments = ("members", "erase", "--card-number", "622200001")
        monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
        asked = run(*arguments)
        assert (asked.code, "Erase 王小明, card ending 0001, for good?" in asked.err) == (130, True)
        assert "erased" in run(*arguments, "--yes").out
        again = run(*arguments, "--yes")
        assert (again.code, "card number is unknown" in _one_line(again)) == (1, True)
    finally:
        server.stop()


def test_an_old_database_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ticketing.sqlite3").touch()
    ended = run("audit")
    assert ended.code == 2
    assert "run `ticketing db upgrade`" in _one_line(ended)
    assert run("db", "upgrade").code == 0
    assert "Redis did not answer" in run("audit").err


def test_the_document_is_json_and_nothing_else(run: Run) -> None:
    ended = run("openapi")
    assert (ended.code, ended.err) == (0, "")
    assert "/api/v1/events/{event_id}/holds" in json.loads(ended.out)["paths"]


def test_help_imports_no_room() -> None:
    """A typed `--help` should not wait for a web framework."""
    rooms = ("fastapi", "sqlalchemy", "rq", "redis")
    program = f"import sys, ticketing.cli; print(*(room for room in {rooms} if room in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
