"""Asks for what an act is refused."""

from collections.abc import Callable

import pytest

from ticketing.errors import Code, Refusal


def refusal(act: Callable[..., object], *arguments: object) -> Refusal:
    with pytest.raises(Refusal) as refused:
        act(*arguments)
    return refused.value


def faulty(act: Callable[..., object], *arguments: object) -> list[str]:
    """The fields that an act is refused for."""
    refused = refusal(act, *arguments)
    assert refused.code is Code.INVALID
    return [error["field"] for error in refused.facts["errors"]]
