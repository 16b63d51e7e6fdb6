"""More tickets for a quota: some at once, some at set times. A wave is in no count before its time.

Until it is released a wave is a row in SQL and nothing else, so nobody can sell of it, neither the web nor the desk,
nor what forces a capacity. When its time has come it is marked as `releasing`: from then on it cannot be called off.
Redis adds it to the capacity by an act that has the wave's id, and the log brings capacity and `released` into SQL
in one transaction. Each step is on disk before the next and may be repeated, so a wave is released exactly once.
"""

from collections.abc import Iterator, Sequence

import structlog
from msgspec import Struct
from sqlalchemy.orm import Session

from ticketing.catalogue import repository, waves
from ticketing.catalogue.tables import CANCELLED, CLOSED, DRAFT, Event, Quota, Wave
from ticketing.catalogue.validation import CAPACITY_MAX, Fault, reason_faults, refuse_if
from ticketing.catalogue.waves import RELEASED, RELEASING, WAITING
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal, TicketingError
from ticketing.identifiers import act_id
from ticketing.inventory.keeper import Keeper
from ticketing.services import event_access, trail
from ticketing.services.keeper import SaleKeeper
from ticketing.services.tokens import Claims

WAVES_MAX = 20
"""Waves of one act."""

_SYSTEM = "system"

_log = structlog.get_logger(__name__)


class WavePlan(Struct, frozen=True):
    """So many tickets at this time."""

    at: int
    quantity: int


class WaveService:
    """Plans, calls off and releases waves. Refusals are raised."""

    def __init__(
        self, sessions: Sessions, sale_keeper: SaleKeeper, keeper: Keeper, clock: ServerClock
    ) -> None:
        self._sessions = sessions
        self._sale_keeper = sale_keeper
        self._keeper = keeper
        self._clock = clock

    def of_event(self, staff: Claims, event_id: str) -> Sequence[Wave]:
        """Every wave of an event, by its time."""
        with reading(self._sessions) as session:
            event_access.readable(session, staff, event_id)
            return waves.of_event(session, event_id)

    def raise_quota(
        self, staff: Claims, key: str, quota_id: str, now: int, later: Sequence[WavePlan], reason: str
    ) -> None:
        """Give a quota `now` tickets at once and each wave at its time; repeated with its key, once.

        What is given at once is a wave that is due. When Redis is away `StoreUnavailable` is raised, and the
        worker releases it.
        """
        event_access.require_writer(staff)
        refuse_if(reason_faults(reason))
        at = self._clock.now_ms()
        wanted = [*([WavePlan(at, now)] if now else []), *later]
        with self._sessions.begin() as session:
            event = event_access.writable(session, staff, quota_id.rpartition("-")[0])
            quota = event_access.quota_of(event, quota_id)
            ids = [f"{act_id('w', staff.id, f'{quota_id} {key}')}.{place}" for place in range(len(wanted))]
            if not _was_planned(session, ids, now, later):
                self._plan(session, staff, event, quota, dict(zip(ids, wanted, strict=True)), now, reason)
        if now:
            self._release(ids[0])

    def _plan(
        self,
        session: Session,
        staff: Claims,
        event: Event,
        quota: Quota,
        wanted: dict[str, WavePlan],
        now: int,
        reason: str,
    ) -> None:
        event_access.refuse_ended(event)
        at = self._clock.now_ms()
        later = list(wanted.values())[bool(now) :]
        refuse_if(_faults(event, quota, now, later, waves.planned(session, quota.id), at))
        for wave_id, plan in wanted.items():
            session.add(
                Wave(
                    id=wave_id,
                    event_id=event.id,
                    quota_id=quota.id,
                    quantity=plan.quantity,
                    at=plan.at,
                    state=WAITING,
                    reason=reason,
                    actor=staff.actor,
                    created_at=at,
                )
            )
        session.flush()
        event.version += 1
        detail = {
            "now": now,
            "waves": [[p.at, p.quantity] for p in later],
            "ids": [*wanted],
            "reason": reason,
        }
        trail.record(session, at, staff.actor, "quota.raise", f"quota:{quota.id}", detail)

    def cancel(self, staff: Claims, event_id: str, wave_id: str, reason: str) -> None:
        """Call a wave off; one whose time has come raises `not_cancellable`, one called off stays so."""
        event_access.require_writer(staff)
        refuse_if(reason_faults(reason))
        with self._sessions.begin() as session:
            event = event_access.writable(session, staff, event_id)
            wave = waves.get(session, wave_id)
            if wave is None or wave.event_id != event_id:
                raise Refusal(Code.NOT_FOUND)
            if wave.state in (RELEASING, RELEASED):
                raise Refusal(Code.NOT_CANCELLABLE)
            if wave.state == WAITING:
                self._end(session, event, wave, waves.CANCELLED, staff.actor, "wave.cancel", reason)

    def release_due(self) -> int:
        """Release every wave whose time has come; how many. One that fails is tried again with the next call."""
        with reading(self._sessions) as session:
            due = waves.due(session, self._clock.now_ms())
        return sum(self._released(wave_id) for wave_id in due)

    def _released(self, wave_id: str) -> bool:
        try:
            return self._release(wave_id)
        except TicketingError as error:
            _log.warning("wave_not_released", wave=wave_id, error=str(error))
            return False

    def _release(self, wave_id: str) -> bool:
        """Whether this call had Redis add the wave; of a draft it is SQL's capacity alone."""
        event_id = self._mark(wave_id)
        if event_id is None:
            return False
        self._sale_keeper.apply(event_id)
        with reading(self._sessions) as session:
            epoch, wave = waves.releasing_epoch(session, wave_id), waves.get(session, wave_id)
            event = repository.get(session, event_id)
        if epoch is None or wave is None or event is None:
            return False
        quota = event_access.quota_of(event, wave.quota_id).number
        act = waves.act_of(wave_id)
        done = self._keeper.resize(
            event.group_id, epoch, act, event_id, quota, None, None, force=False, more=wave.quantity
        )
        if isinstance(done, Refusal):
            raise done
        return True

    def _mark(self, wave_id: str) -> str | None:
        """Take a due wave past the point of no return; the event in whose group Redis has to add it."""
        with self._sessions.begin() as session:
            wave = waves.get(session, wave_id)
            if wave is None:
                return None
            event = repository.lock(session, wave.event_id)
            assert event is not None, "events are never deleted"
            wave = waves.get(session, wave_id)
            if wave is None or wave.state not in (WAITING, RELEASING):
                return None
            if _is_over(event) and (wave.state == WAITING or _is_archived(event)):
                self._end(session, event, wave, waves.CANCELLED, _SYSTEM, "wave.lapse", "the sale has ended")
                return None
            if event.state == DRAFT:
                quota = event_access.quota_of(event, wave.quota_id)
                quota.capacity += wave.quantity
                self._end(session, event, wave, RELEASED, _SYSTEM, "wave.release", wave.reason)
                return None
            if wave.state == WAITING:
                self._end(session, event, wave, RELEASING, _SYSTEM, "wave.release", wave.reason)
        return event.id

    def _end(
        self,
        session: Session,
        event: Event,
        wave: Wave,
        state: str,
        actor: str,
        action: str,
        reason: str,
    ) -> None:
        """Leave `waiting`; members no longer see it coming."""
        now = self._clock.now_ms()
        wave.state, wave.settled_at = state, None if state == RELEASING else now
        event.version += 1
        detail = {"wave": wave.id, "act": waves.act_of(wave.id), "quantity": wave.quantity, "reason": reason}
        trail.record(session, now, actor, action, f"quota:{wave.quota_id}", detail)


def _was_planned(session: Session, ids: Sequence[str], now: int, later: Sequence[WavePlan]) -> bool:
    """Whether this act was done before. Raises `idempotency_key_reused` when it was another one."""
    known = [waves.get(session, wave_id) for wave_id in ids]
    if not ids or known[0] is None:
        return False
    wanted = [*([now] if now else []), *(plan.quantity for plan in later)]
    same = [wave.quantity if wave else None for wave in known] == wanted
    times = [wave.at if wave else None for wave in known[bool(now) :]] == [plan.at for plan in later]
    following = f"{ids[0].rpartition('.')[0]}.{len(ids)}"
    if not (same and times) or waves.get(session, following) is not None:
        raise Refusal(Code.IDEMPOTENCY_KEY_REUSED)
    return True


def _faults(
    event: Event, quota: Quota, now: int, later: Sequence[WavePlan], planned: int, at: int
) -> Iterator[Fault]:
    if not now and not later:
        yield "now", "is required"
    if len(later) > WAVES_MAX:
        yield "waves", f"must be at most {WAVES_MAX}"
    for place, plan in enumerate(later):
        if not 1 <= plan.quantity <= CAPACITY_MAX:
            yield f"waves[{place}].quantity", f"must be from 1 to {CAPACITY_MAX}"
        if plan.at <= at:
            yield f"waves[{place}].at", "is past"
        elif plan.at >= event.closes_at:
            yield f"waves[{place}].at", "must be before closes_at"
    total = quota.capacity + planned + now + sum(plan.quantity for plan in later)
    if now < 0 or total > CAPACITY_MAX:
        yield "now", f"must be from 0 to {CAPACITY_MAX}"


def _is_over(event: Event) -> bool:
    return event.state in (CLOSED, CANCELLED) or _is_archived(event)


def _is_archived(event: Event) -> bool:
    return event.group.archived_at is not None
