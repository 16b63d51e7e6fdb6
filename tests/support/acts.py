"""Acts that are refused, and acts at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from ticketing.errors import Refusal


def refusal_of(act: Callable[[], Any]) -> Refusal:
    """The refusal that `act` must end in."""
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each act gives, a refusal instead of its answer, all started together."""
    start = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return act()
        except Refusal as refusal:
            return refusal

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))
