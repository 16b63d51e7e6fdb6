"""Goal: whatever happens in whatever order, the scripts answer and leave behind what a plain-Python reference says.

Method: random schedules with a fake clock on the real server, every answer compared, and every key at intervals;
`scripts/simulate` does the same for a million steps. The guards that the scripts cannot do without are in
`tests/controls`; here one is taken out to see that a disagreement is found, made short, kept and played again.
"""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from redis import Redis

from tests.simulator import steps, words
from tests.simulator.chance import Chance
from tests.simulator.run import Disagreement, as_written, by_chance, run_one, simulate
from tests.simulator.shrink import shrink
from tests.simulator.wire import VERBS, Wire, load_scripts
from tests.support.guards import without  # noqa: F401 - a fixture of these tests
from tests.support.processes import wait_for
from ticketing.embedded.valkey import EmbeddedValkey
from ticketing.inventory.codes import Outcome

STEPS = 60_000
LUA = files("ticketing.inventory") / "lua"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def wire(valkey: EmbeddedValkey, redis_url: str) -> Iterator[Wire]:
    with Wire(str(valkey.socket)) as connection:
        yield connection


@pytest.fixture
def client(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as connection:
        yield connection


def announced(verb: str) -> set[Outcome]:
    """What a script can answer, as its header says."""
    text = (LUA / f"{verb}.lua").read_text()
    header = re.search(r"^-- results +(.+(?:\n-- {10}.+)*)$", text, re.MULTILINE)
    assert header is not None
    said = header[1]
    if "{refusal" in said:
        said += (LUA / "shared" / "refusals.lua").read_text() + text
    return {outcome for outcome in Outcome if re.search(rf"\b{outcome.name}\b", said)}


def test_scripts_and_reference_agree_and_every_outcome_is_seen(wire: Wire, client: Redis) -> None:
    load_scripts(client)
    result = simulate(wire, first_seed=1, steps=STEPS)
    assert result.disagreement is None, "\n".join(words.story(result.disagreement))
    assert result.steps >= STEPS
    for verb in (*VERBS, "restore"):
        seen = {outcome for of, outcome in result.tally if of == verb}
        assert announced(verb) - seen == set(), verb
    assert {outcome for _, outcome in result.tally} == set(Outcome)
    assert client.dbsize() == 1, "groups are taken away, and the directory stays"


def test_a_seed_is_a_schedule_and_a_schedule_is_a_file(wire: Wire, client: Redis) -> None:
    load_scripts(client)
    first, again, other = by_chance(7), by_chance(7), by_chance(8)
    assert first.schedule == again.schedule != other.schedule
    assert [run_one(wire, played) for played in (first, again, other)] == [None] * 3
    kept = steps.read(steps.write(first.schedule))
    assert kept == first.schedule
    assert run_one(wire, as_written(kept)) is None


def test_any_part_of_a_schedule_is_a_schedule(wire: Wire, client: Redis) -> None:
    load_scripts(client)
    for seed in range(40):
        whole = by_chance(seed).schedule
        part = steps.Schedule(seed, whole.bounds, whole.steps[seed % 7 :: 1 + seed % 3])
        assert run_one(wire, as_written(part, look_every=10)) is None


def test_every_kind_of_step_is_drawn() -> None:
    drawn = {type(step) for seed in range(100) for step in by_chance(seed).schedule.steps}
    assert drawn == set(steps.AnyStep.__args__)


def found_without(wire: Wire, client: Redis, take_out: Callable[..., None], *guard: str) -> Disagreement:
    take_out(*guard)
    load_scripts(client)
    found = simulate(wire, first_seed=1, steps=STEPS).disagreement
    assert found is not None
    return found


def test_control_a_disagreement_is_made_short_and_can_be_played_again(
    wire: Wire,
    client: Redis,
    without: Callable[..., None],  # noqa: F811
) -> None:
    """Without the stock check two holds share a ticket: what opens the sale, and who takes its tickets, remain."""
    found = found_without(wire, client, without, "hold", "if free < items[i + 1] then", "if false then")
    short = shrink(found, lambda schedule: run_one(wire, as_written(schedule)))
    kinds = [type(step) for step in short.schedule.steps]
    assert kinds[:2] == [steps.Open, steps.Configure]
    assert set(kinds[2:]) == {steps.Hold}
    assert len(kinds) < 10 < len(found.schedule.steps)
    story = list(words.story(short))
    assert any("-> SOLD_OUT" in line for line in story)
    kept = steps.read(steps.write(short.schedule))
    again = run_one(wire, as_written(kept))
    assert again is not None
    assert (again.expected, again.got) == (short.expected, short.got)


def test_control_a_key_that_nobody_asks_for_is_looked_at_too(
    wire: Wire,
    client: Redis,
    without: Callable[..., None],  # noqa: F811
) -> None:
    """A due entry that stays when its hold is confirmed changes no answer for a minute."""
    guard = ("confirm", "due_removed[#due_removed + 1] = id\nend", "end")
    assert found_without(wire, client, without, *guard).what == "ZRANGE due"


def test_the_command_says_what_it_saw_and_can_be_interrupted() -> None:
    command = [sys.executable, "-m", "tests.simulator", "--seed", "3"]
    done = subprocess.run([*command, "--steps", "600"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "600 steps" in done.stdout
    assert "disagreements: 0" in done.stdout
    long = subprocess.Popen([*command, "--steps", "100000000"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert long.stdout is not None
    assert long.stdout.readline() == "schedules from seed 3 on\n"
    assert not wait_for(lambda: long.poll() is not None, 1)
    long.send_signal(signal.SIGINT)
    said, _ = long.communicate(timeout=30)
    assert long.returncode == 130
    assert "disagreements: 0" in said


def test_chance_needs_no_server() -> None:
    chance = Chance(1, list)
    chance.bounds()
    assert len(list(chance.steps(50))) == 50
