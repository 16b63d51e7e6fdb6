"""The last lines of a run: which PostgreSQL and which browser it used, gathered from every test process."""

from collections.abc import Iterator

import pytest

_used: dict[str, str] = {}


def note(what: str, which: str) -> None:
    """Remember that this run used `which` for `what`."""
    _used[what] = which


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of xdist: send what it used to the process that prints."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["used"] = _used


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """In the process that prints: take what a worker used."""
    _used.update(getattr(node, "workeroutput", {}).get("used", {}))


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_unconfigure(config: pytest.Config) -> Iterator[None]:
    """Print after everything else."""
    yield
    if not hasattr(config, "workerinput"):
        for what, which in sorted(_used.items()):
            print(f"{what}: {which}")  # noqa: T201
