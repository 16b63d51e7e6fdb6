"""Lets another process act between two steps of the one under test."""

from collections.abc import Callable
from typing import Any


class Between:
    """Stands in for sessions or a keeper; the others act once, right before the first use of `verb`."""

    def __init__(self, target: Any, verb: str, others: Callable[[], object]) -> None:
        self._target = target
        self._verb = verb
        self._others: list[Callable[[], object]] = [others]

    def __call__(self) -> Any:
        return self._target()

    def __getattr__(self, verb: str) -> Any:
        if verb == self._verb and self._others:
            self._others.pop()()
        return getattr(self._target, verb)
