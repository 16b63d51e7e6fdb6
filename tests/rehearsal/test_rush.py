"""Goal: `ticketing rush` carries a campaign through, judges it, and leaves nothing behind, however it ends.

Method: the real command with a small share of the crowd. The campaign that grows in mid-sale shows the
staff's call as well. Then it is interrupted in the middle of the sale, as by Ctrl-C and by SIGTERM.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import environment, running, ticketing
from tests.support.processes import descendants, is_alive, wait_for

pytestmark = pytest.mark.slow

RUSH_SECONDS = 300.0
LOSSES = ("oversold", "over_limit", "lost_orders", "duplicate_orders")


def test_a_campaign_that_grows_sells_out_exactly(tmp_path: Path) -> None:
    figures_file, report = tmp_path / "figures.json", tmp_path / "report.html"
    options = ["--cards", "1700", "--users", "80", "--json", str(figures_file), "--html", str(report)]
    done = ticketing("rush", "children-theatre-may", *options, seconds=RUSH_SECONDS)
    assert done.returncode == 0, done.stderr
    assert "Nothing was oversold, over a limit, lost or doubled." in done.stderr
    figures = json.loads(figures_file.read_text())
    assert (figures["scenario"], figures["stock"], figures["sold"]) == ("children-theatre-may", 3_000, 3_000)
    assert figures["cards"] >= 1_700
    assert [figures[loss] for loss in LOSSES] == [0, 0, 0, 0]
    assert figures["drained_orders"] >= 1_500
    assert figures["seconds_to_sell_out"] > 0
    assert "五一亲子儿童剧" in report.read_text()


def test_an_instance_that_is_no_rehearsal_is_refused(tmp_path: Path) -> None:
    with running("up", tmp_path / "data") as instance:
        options = ["--base-url", instance.base_url, "--data-dir", str(instance.data_dir)]
        done = ticketing("rush", "evening-classes", *options)
    assert done.returncode == 2
    assert "real tickets" in done.stderr


def test_a_running_rehearsal_is_used_and_left_running(tmp_path: Path) -> None:
    with running("up", tmp_path / "data", ["--rehearsal"]) as instance:
        where = ["--base-url", instance.base_url, "--data-dir", str(instance.data_dir)]
        options = [*where, "--cards", "900", "--users", "60", "--json", "-"]
        done = ticketing("rush", "evening-classes", *options, seconds=RUSH_SECONDS)
        assert done.returncode == 0, done.stderr
        assert instance.is_ready()
        elsewhere = ["--base-url", instance.base_url, "--data-dir", str(tmp_path / "other")]
        stranger = ticketing("rush", "evening-classes", *elsewhere)
    figures = json.loads(done.stdout)
    assert (figures["stock"], figures["sold"]) == (990, 990)
    assert stranger.returncode == 2
    assert "are not those of the instance" in stranger.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    with (tmp_path / "log").open("wb") as log:
        rush = subprocess.Popen(
            [sys.executable, "-P", "-m", "ticketing", "rush", "art-exhibition", "--cards", "3000"],
            stderr=log,
            env={**environment(), "TMPDIR": str(tmp_path)},
        )
    said = (tmp_path / "log").read_text
    try:
        assert wait_for(lambda: "2400 tickets" in said() or rush.poll() is not None, RUSH_SECONDS), said()
        parts = descendants(rush.pid)
        assert len(parts) >= 4, said()
        rush.send_signal(number)
        rush.wait(30)
    finally:
        rush.kill()
    assert rush.returncode == 130
    assert wait_for(lambda: not any(map(is_alive, parts)), 5)
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
    assert said().endswith("stopped; no process and no file of the rehearsal is left\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["the-moon"], "ticketing: there is no scenario 'the-moon'; there are: art-exhibition,"),
        (["art-exhibition", "--html", "nowhere/report.html"], "ticketing: there is no folder nowhere"),
        (["art-exhibition", "--cards", "0"], "ticketing: "),
    ],
)
def test_wrong_use_is_said_in_one_line(arguments: list[str], said: str) -> None:
    done = ticketing("rush", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1
