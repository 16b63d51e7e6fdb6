"""Series: allowance groups as staff keep them, the events in each, and the limit per card over all of them.

Redis takes the limit when the first event of a series is published, and keeps it: until then it may be set anew, later
not. Putting a draft in, or taking it out, is a change of that event (`catalogue.patch_event`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec import Struct
from sqlalchemy.orm import Session

from ticketing.catalogue import repository
from ticketing.catalogue.tables import AllowanceGroup, Event
from ticketing.catalogue.validation import Fault, group_faults, reason_faults, refuse_if
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal
from ticketing.members import repository as members
from ticketing.services import trail
from ticketing.services.event_access import organisations_below, require_reader, require_writer
from ticketing.services.tokens import Claims

DRAFTS_MAX = 200


class Series(Struct, frozen=True):
    """Events that share a limit per card. `is_set` is whether the limit is fixed: an event of it was published."""

    id: str
    name: str
    per_card_limit: int | None
    organisation_name: str
    events: Sequence[Event]
    is_set: bool
    is_over: bool


class SeriesService:
    """Reads and changes series. NOT_FOUND beyond the staff member's reach, FORBIDDEN for roles that may not."""

    def __init__(self, sessions: Sessions, clock: ServerClock) -> None:
        self._sessions = sessions
        self._clock = clock

    def all(self, staff: Claims) -> list[Series]:
        """Those of the staff member's organisation and below, by name."""
        require_reader(staff)
        with reading(self._sessions) as session:
            return _shown(session, repository.groups_of(session, organisations_below(staff)))

    def one(self, staff: Claims, group_id: str) -> tuple[Series, Sequence[Event]]:
        """One of them, and the drafts of its organisation that could be put in."""
        require_reader(staff)
        with reading(self._sessions) as session:
            group = self._within_reach(session, staff, repository.get_group(session, group_id))
            [shown] = _shown(session, [group])
            return shown, repository.drafts_beside(session, group, DRAFTS_MAX)

    def change(
        self, staff: Claims, group_id: str, name: str, per_card_limit: int | None, reason: str = ""
    ) -> None:
        """Rename a series, and set its limit while none of its events was published."""
        require_writer(staff)
        name = name.strip()
        refuse_if((*reason_faults(reason), *group_faults(name, per_card_limit)))
        with self._sessions.begin() as session:
            group = self._within_reach(session, staff, repository.lock_group(session, group_id))
            after: dict[str, object] = {"name": name, "per_card_limit": per_card_limit}
            changes = {f: [getattr(group, f), to] for f, to in after.items() if getattr(group, f) != to}
            refuse_if(_set_faults(group, changes))
            if changes:
                group.name, group.per_card_limit = name, per_card_limit
                detail = {"changes": changes, "reason": reason}
                now, subject = self._clock.now_ms(), f"group:{group_id}"
                trail.record(session, now, staff.actor, "group.change", subject, detail)

    @staticmethod
    def _within_reach(session: Session, staff: Claims, group: AllowanceGroup | None) -> AllowanceGroup:
        if group is None or repository.is_own_group(session, group.id):
            raise Refusal(Code.NOT_FOUND)
        if not staff.covers(members.organisation_of(session, group.organisation_id).path):
            raise Refusal(Code.NOT_FOUND)
        return group


def _shown(session: Session, groups: Sequence[AllowanceGroup]) -> list[Series]:
    names = members.organisation_names(session, {group.organisation_id for group in groups})
    events = defaultdict(list)
    for event in repository.in_groups(session, [group.id for group in groups]):
        events[event.group_id].append(event)
    return [
        Series(
            id=group.id,
            name=group.name,
            per_card_limit=group.per_card_limit,
            organisation_name=names[group.organisation_id],
            events=events[group.id],
            is_set=group.epoch is not None,
            is_over=group.archived_at is not None,
        )
        for group in groups
    ]


def _set_faults(group: AllowanceGroup, changes: Iterable[str]) -> Iterable[Fault]:
    # The epoch comes before the group is opened in Redis, which keeps the limit that it is opened with.
    if "per_card_limit" in changes and group.epoch is not None:
        yield "per_card_limit", "cannot change: an event of the series was published"
