"""Starts the crowd of `loadtests/` as processes of its own, watches it, and stops it.

The two sides share a directory and no code: here the plan and the sessions are written, there the
records and the progress (see `loadtests/README.md`).
"""

import importlib.util
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ticketing.embedded.process import Child
from ticketing.errors import Misconfigured
from ticketing.rehearsal.site import SiteFailed, tail
from ticketing.resources import package_files

STOP_SECONDS = 5.0
PHONES_PER_SECOND = 100
"""How quickly Locust starts its users."""


class Plan(Struct, frozen=True):
    """`plan.json`, as `loadtests/plan.py` reads it."""

    scenario: str
    title: str
    base_url: str
    event_id: str
    opens_at: int
    quotas: Sequence[dict[str, Any]]
    per_card_limit: int
    payment_method: str
    hold_seconds: int
    raised: bool
    cards: int
    users: int
    processes: int
    seconds_max: int
    seed: int
    crowd: Struct


class Snapshot(Struct, frozen=True):
    """What of a `progress-N.json` is shown."""

    requests: int
    tickets: int
    cards: int
    errors: int
    refused: dict[str, int]
    p95: float
    cpu_share: float
    finished: bool
    fault: str = ""


class Crowd:
    """The processes of one crowd."""

    def __init__(self, directory: Path, children: Sequence[Child]) -> None:
        self._directory = directory
        self._children = children

    @property
    def gathered(self) -> bool:
        """Whether some process is still there."""
        return any(child.pid is not None for child in self._children)

    def snapshots(self) -> list[Snapshot]:
        """The latest snapshot of every process that has written one."""
        paths = sorted(self._directory.glob("progress-*.json"))
        return [msgspec.json.decode(path.read_bytes(), type=Snapshot) for path in paths]

    def check(self) -> None:
        """Raise `SiteFailed` when the crowd erred, or a process ended unfinished: its records are incomplete."""
        snapshots = self.snapshots()
        for snapshot in snapshots:
            if snapshot.fault:
                raise SiteFailed(f"the crowd made a mistake of its own: {snapshot.fault}")
        if sum(snapshot.finished for snapshot in snapshots) < len(self._children):
            logs = "; ".join(tail(path) for path in sorted(self._directory.glob("crowd-*.log")))
            raise SiteFailed(f"the crowd broke off: {logs}")


def processes_for(users: int) -> int:
    """One process for each two cores: the server needs the others; never more than users."""
    return max(1, min(users, (os.cpu_count() or 1) // 2))


def require_locust() -> None:
    """Raise `Misconfigured` when Locust is not installed."""
    if importlib.util.find_spec("locust") is None:
        raise Misconfigured("the crowd needs Locust, which is an extra: pip install 'ticketing[rush]'")


def write_sessions(directory: Path, tokens: Iterable[tuple[int, str]]) -> None:
    """Write a line for each (member, token)."""
    path = directory / "sessions.tsv"
    path.touch(mode=0o600)
    with path.open("w") as lines:
        lines.writelines(f"{member}\t{token}\n" for member, token in tokens)


def link_package(directory: Path) -> Path:
    """The package `loadtests` under that name in `directory`: a wheel carries it under another."""
    link = directory / "loadtests"
    if not link.is_symlink():
        link.symlink_to(package_files("loadtests"), target_is_directory=True)
    return link


@contextmanager
def gather(directory: Path, plan: Plan) -> Iterator[Crowd]:
    """Start the crowd; at the end whatever of it still runs is stopped."""
    (directory / "plan.json").write_bytes(msgspec.json.encode(plan))
    children = [_phones(directory, plan, part) for part in range(plan.processes)]
    try:
        for child in children:
            child.start()
        yield Crowd(directory, children)
    finally:
        for child in children:
            child.ask_to_stop()
        for child in children:
            child.wait(time.monotonic() + STOP_SECONDS)


def _phones(directory: Path, plan: Plan, part: int) -> Child:
    users = plan.users // plan.processes + (part < plan.users % plan.processes)
    options = {
        "--users": users,
        "--spawn-rate": PHONES_PER_SECOND,
        "--run-dir": directory,
        "--part": part,
        "--exit-code-on-error": 0,
        "--loglevel": "WARNING",
        "--stop-timeout": 1,
    }
    command = [sys.executable, "-P", "-m", "locust", "--headless", "--only-summary"]
    command += ["--locustfile", str(link_package(directory) / "locustfile.py")]
    command += [str(word) for option in options.items() for word in option]
    return Child(
        f"the crowd's process {part}",
        command,
        {"PYTHONPATH": str(directory)},
        output=directory / f"crowd-{part}.log",
    )


def total(snapshots: Sequence[Snapshot]) -> Snapshot:
    """All processes as one: sums, and the worst latency and load."""
    refused: Counter[str] = Counter()
    for snapshot in snapshots:
        refused.update(snapshot.refused)
    return Snapshot(
        requests=sum(each.requests for each in snapshots),
        tickets=sum(each.tickets for each in snapshots),
        cards=sum(each.cards for each in snapshots),
        errors=sum(each.errors for each in snapshots),
        refused=dict(refused.most_common()),
        p95=max((each.p95 for each in snapshots), default=0.0),
        cpu_share=max((each.cpu_share for each in snapshots), default=0.0),
        finished=bool(snapshots) and all(each.finished for each in snapshots),
    )
