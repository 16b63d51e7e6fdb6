"""Goal: what keeps the faults harmless is the engine's guards: with one taken out, the same fault loses or doubles.

Method: negative controls; a guard is taken out of the API and the worker, or of the disk, a fault of the usual kinds
comes, and the judge names the harm. `test_judge.py` shows that it sees harm at all.
"""

from pathlib import Path

import pytest

from tests.faults import run
from tests.faults.clients import Crowd
from tests.faults.judge import Violation
from tests.faults.kinds import KINDS, Kind, Scene
from tests.faults.kinds.storage import restore_old_valkey
from tests.faults.records import Records
from tests.faults.run import Chapter, Fault, Outcome, happen, play
from tests.faults.servers import SQLITE
from tests.faults.world import World

pytestmark = pytest.mark.slow

NO_POSITION = """
with_position = protocol.envelope
protocol.envelope = lambda epoch, position_min, bounds: with_position(epoch, 0, bounds)
from ticketing.queue.drain import Drain
trim = Drain._trim
Drain._trim = lambda self, at: [trim(self, at), True][1]
"""

BY_CHANCE = """
import secrets
from ticketing.keyring import Keyring
hold_id = Keyring.hold_id
Keyring.hold_id = lambda self, *scope: hold_id(self, *scope[:-1], secrets.token_hex(8))
"""


def play_with(folder: Path, kind: Kind, tampering: str) -> list[Violation]:
    """What one fault leaves behind where a guard is missing."""
    outcomes: list[Outcome] = []
    fault = Fault(kind, lead=1.0, seed=1)
    play(folder / "world", Chapter(1, 1, SQLITE), Records(), outcomes.append, [fault], tampering)
    return outcomes[0].violations


def test_control_without_the_position_an_old_valkey_sells_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SETTLED_SECONDS_MAX", 5.0)  # the drain waits for a log that will not come
    unnoticed = Kind("old files of Valkey restored", restore_old_valkey, (SQLITE,), forgets=False)
    found = play_with(tmp_path, unnoticed, NO_POSITION)
    assert any(one.kind == "lost" and "is not confirmed in Redis" in one.text for one in found)


def test_control_with_ids_made_by_chance_a_lost_answer_doubles(tmp_path: Path) -> None:
    found = play_with(tmp_path, KINDS["answers of Valkey to the API lost"], BY_CHANCE)
    assert any(one.kind == "doubled" and "nobody was told of it" in one.text for one in found)


def test_control_a_disk_that_lies_loses_what_was_acknowledged(tmp_path: Path) -> None:
    """What `appendfsync` other than `always` leaves after a power cut: the last of the file was never on the disk."""
    records = Records()
    with World(tmp_path / "world", SQLITE, 1) as world, Crowd(world, records, 1) as crowd:
        outcome = happen(world, crowd, Fault(Kind("", _lose_the_page_cache, (SQLITE,), forgets=True), 0.5, 1))
    lost = [one for one in outcome.violations if one.kind == "lost" and one.text.endswith("is not in SQL")]
    assert lost
    assert "confirm: 200" in lost[0].record, "its client was told"


def _lose_the_page_cache(scene: Scene) -> None:
    world = scene.world
    world.wait_for(world.is_settled, 10)
    [file] = (world.valkey.folder / "appendonlydir").glob("*.incr.aof")
    on_disk = file.stat().st_size
    world.down.update(("worker", "valkey"))
    world.kill("worker")
    told = len(scene.records.confirms)
    world.wait_for(lambda: len(scene.records.confirms) > told + 10, 30)
    world.kill("valkey")
    with file.open("r+b") as lied:
        lied.truncate(on_disk)
    world.down.clear()
