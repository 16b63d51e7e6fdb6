"""Goal: what a process starts with is not walked again, and cycles made later are still freed.

Method: a process of its own, since the collector is one for all tests.
"""

import subprocess
import sys

LOOKED_AT = """
import gc, weakref
import ticketing.bootstrap
from ticketing import memory
{settle}
print(len(gc.get_objects()))
class Knot: pass
knot = Knot(); knot.itself = knot; gone = weakref.ref(knot); del knot
gc.collect()
print(gone() is None)
"""


def looked_at(settle: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", LOOKED_AT.format(settle=settle)], capture_output=True, text=True, check=True
    )
    number, freed = done.stdout.split()
    return int(number), freed


def test_the_start_is_not_looked_at_again_and_a_knot_is_untied() -> None:
    number, freed = looked_at("memory.settle()")
    assert number < 1_000
    assert freed == "True"


def test_control_without_it_everything_is() -> None:
    assert looked_at("")[0] > 20_000
