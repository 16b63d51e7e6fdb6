"""Goal: each guard of the scripts is there for a reason, and the simulator would notice if it were gone.

Method: negative controls; one guard is taken out, and random schedules are played until an answer or a key is not
as the reference says.
"""

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from tests.controls.guards import Guard
from tests.controls.guards_of_the_keeper import KEEPER
from tests.controls.guards_of_the_rush import RUSH
from tests.simulator.run import simulate
from tests.simulator.wire import Wire, load_scripts
from tests.support.guards import without  # noqa: F401 - a fixture of these tests
from ticketing.embedded.valkey import EmbeddedValkey

STEPS_MAX = 300_000
GUARDS = (*RUSH, *KEEPER)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_control_without_the_guard_schedules_disagree(
    guard: Guard,
    valkey: EmbeddedValkey,
    redis_url: str,
    without: Callable[..., Any],  # noqa: F811
) -> None:
    without(guard.verb, guard.line, guard.instead)
    with Redis.from_url(redis_url) as client, Wire(str(valkey.socket)) as wire:
        load_scripts(client)
        assert simulate(wire, first_seed=1, steps=STEPS_MAX).disagreement is not None


def test_every_guard_has_a_name_of_its_own() -> None:
    assert len({guard.name for guard in GUARDS}) == len(GUARDS) > 50
