"""What this process has answered, counted in memory and flushed once a second: counting costs the rush nothing."""

from collections import Counter, defaultdict

RefusalCounts = dict[tuple[str, str], int]
"""How often each (event id, code) was refused."""


class Tally:
    """Counters of the event loop's thread; `take_*` hands them over and starts anew."""

    def __init__(self) -> None:
        self._answers: Counter[tuple[str, int]] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._refusals: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        self.count = 0
        """Answers since the process began."""

    def answered(self, call: str, status: int, seconds: float) -> None:
        """One answer of a call, such as `POST /api/v1/events/{event_id}/holds`."""
        self.count += 1
        self._answers[call, status] += 1
        self._seconds[call] += seconds

    def refused(self, group_id: str, event_id: str, code: str) -> None:
        """One refusal that staff see among an event's numbers."""
        self._refusals[group_id][event_id, code] += 1

    def take_answers(self) -> tuple[dict[tuple[str, int], int], dict[str, float]]:
        """Answers by (call, status), and the seconds they took by call, since the last time."""
        answers, seconds = self._answers, self._seconds
        self._answers, self._seconds = Counter(), defaultdict(float)
        return answers, seconds

    def take_refusals(self) -> dict[str, RefusalCounts]:
        """Refusals by group since the last time."""
        refusals, self._refusals = self._refusals, defaultdict(Counter)
        return {group_id: dict(counts) for group_id, counts in refusals.items()}

    def put_back(self, group_id: str, counts: RefusalCounts) -> None:
        """Counts that could not be delivered."""
        self._refusals[group_id].update(counts)
