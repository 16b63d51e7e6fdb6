"""Negative controls: take one guard out of a script and see what it was for."""

from collections.abc import Callable

import pytest

from ticketing.inventory import scripts


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """Take a guard out: `without("hold", guard, instead)` changes the script for this test."""
    load = scripts.load

    def take_out(verb: str, guard: str, instead: str) -> None:
        script = load(verb)
        assert guard in script.source, f"{verb}.lua has no such guard: {guard}"
        source = script.source.replace(guard, instead)
        broken = scripts.Script(verb, source, scripts.digest_of(source))
        current = scripts.load
        monkeypatch.setattr(scripts, "load", lambda name: broken if name == verb else current(name))

    return take_out
