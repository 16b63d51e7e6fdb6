"""What this process knows of each group: its epoch and the highest log position seen.

Every script is told both and refuses (`recovering`) when Redis is of another epoch or its log ends
earlier: a server that was wiped, restored from an old copy, or failed over to a replica that lagged
cannot sell a seat again that somebody was already told about.
"""

from threading import Lock


class Watermarks:
    """Epoch and highest position per group; shared by the clients of one process."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, int]] = {}
        self._lock = Lock()

    def expect(self, group_id: str, epoch: str, position: int = 0) -> None:
        """Take SQL's word for a group; another epoch (a rebuild) forgets the old position."""
        with self._lock:
            self._raise(group_id, epoch, position)

    def epoch(self, group_id: str) -> str | None:
        """The epoch expected of a group, or None when this process has not met it."""
        known = self._known.get(group_id)
        return known and known[0]

    def position(self, group_id: str, epoch: str) -> int:
        """The least position a group's log must have reached under `epoch`."""
        known_epoch, position = self._known.get(group_id, (epoch, 0))
        return position if known_epoch == epoch else 0

    def expected(self, group_id: str) -> tuple[str, int] | None:
        """Epoch and position that are expected of a group; None when this process has not met it."""
        return self._known.get(group_id)

    def note(self, group_id: str, epoch: str, position: int) -> None:
        """Remember the position an answer carried.

        An answer of an epoch that is over changes nothing, nor does one about a group that is not open yet
        (no epoch): kept, it would make the group look forgotten once it opens.
        """
        with self._lock:
            if epoch and self.epoch(group_id) in (None, epoch):
                self._raise(group_id, epoch, position)

    def _raise(self, group_id: str, epoch: str, position: int) -> None:
        self._known[group_id] = (epoch, max(position, self.position(group_id, epoch)))
