"""The state of one process of the crowd, as it writes it down, and what it says about the crowd itself."""

from pathlib import Path

import msgspec
from msgspec import Struct

CPU_SHARE_MAX = 0.9
LATE_MS_MAX = 100.0


class Snapshot(Struct, frozen=True):
    """One process of the crowd. Latencies are of the last interval, in milliseconds."""

    part: int
    requests: int
    orders: int
    tickets: int
    cards: int
    errors: int
    refused: dict[str, int]
    p50: float
    p95: float
    cpu_share: float  # of one core, in the busiest stretch of some seconds
    late_ms: float  # how late its timer rang, on average of the worst stretch
    finished: bool
    fault: str = ""  # an error of the crowd's own


def read_snapshots(directory: Path) -> list[Snapshot]:
    """The latest snapshot of every process that has written one."""
    paths = sorted(directory.glob("progress-*.json"))
    return [msgspec.json.decode(path.read_bytes(), type=Snapshot) for path in paths]


def overload(directory: Path) -> list[str]:
    """A line for each process of the crowd that could not keep up, so that its latencies are partly its own."""
    return [
        f"the crowd itself was a bottleneck, so the server may be faster than shown: its process {each.part} {reason}; "
        "use fewer --users, or more cores"
        for each in read_snapshots(directory)
        if (reason := _limit(each))
    ]


def _limit(snapshot: Snapshot) -> str | None:
    if snapshot.cpu_share > CPU_SHARE_MAX:
        return f"used {snapshot.cpu_share:.0%} of a core"
    if snapshot.late_ms > LATE_MS_MAX:
        return f"waited for a core, its timer {snapshot.late_ms:.0f} ms late"
    return None
