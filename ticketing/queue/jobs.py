"""The jobs as RQ calls them: by name, with JSON arguments, in a process that said what they work with.

An outage is no failure of the job: it is logged, and the bell, left ringing, lapses by itself, so that
the next try comes two seconds later.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError

from ticketing.database import Sessions, reading
from ticketing.errors import StoreUnavailable
from ticketing.inventory.keeper import Keeper
from ticketing.members.revocations import Revocations
from ticketing.orders import repository as orders
from ticketing.queue.bell import Bell
from ticketing.queue.drain import Drain
from ticketing.queue.reconcile import reconcile as reconcile_all
from ticketing.queue.sweep import sweep as sweep_group
from ticketing.services.archive import ArchiveService
from ticketing.services.cancelling import EventCanceller
from ticketing.services.desk_share import ShareRule
from ticketing.services.keeper import SaleKeeper
from ticketing.services.returns import ReturnService
from ticketing.services.uncollected import UncollectedReturns
from ticketing.services.waves import WaveService
from ticketing.services.witness import Witness

DRAIN, SWEEP, RECONCILE = "drain", "sweep", "reconcile"
EVERYTHING = "everything"
"""The subject of a duty that is not about one group."""

TURN_SECONDS = 0.5
"""How long one drain job goes on; expired holds and other groups wait no longer for the worker."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Duties:
    """What the jobs of this process work with."""

    sessions: Sessions
    keeper: Keeper
    drain: Drain
    sale_keeper: SaleKeeper
    canceller: EventCanceller
    uncollected: UncollectedReturns
    share_rule: ShareRule
    returns: ReturnService
    waves: WaveService
    archive: ArchiveService
    witness: Witness
    revocations: Revocations
    bell: Bell


_duties: Duties | None = None


def use(duties: Duties) -> None:
    """Say what this process' jobs work with; once, before the worker starts."""
    global _duties
    _duties = duties


def drain(group_id: str) -> None:
    """Record a group's log, for at most half a second; the watcher rings again for the rest."""
    duties = _ours()
    with _answering(duties.bell, DRAIN, group_id):
        until = time.monotonic() + TURN_SECONDS
        while duties.drain.run(group_id) and time.monotonic() < until:
            duties.bell.keep(DRAIN, group_id)


def sweep(group_id: str, epoch: str) -> None:
    """Expire a group's due holds."""
    duties = _ours()
    with _answering(duties.bell, SWEEP, group_id):
        sweep_group(duties.keeper, group_id, epoch)


def reconcile(subject: str) -> None:
    """Apply unapplied events, release due waves, void the orders of cancelled ones, give back pending returns."""
    duties = _ours()
    with _answering(duties.bell, RECONCILE, subject):
        reconcile_all(duties.sale_keeper, duties.canceller, duties.returns, duties.waves)


def look_after_everything() -> None:
    """The safety net of the schedule: every duty of every group, whether a bell rang or not."""
    duties = _ours()
    with _answering(duties.bell, EVERYTHING, EVERYTHING):
        duties.witness.note()
        with reading(duties.sessions) as session:
            cursors = orders.cursors(session)
        for at in cursors:
            sweep_group(duties.keeper, at.group_id, at.epoch)
            duties.drain.run(at.group_id)
        duties.uncollected.finish()
        duties.share_rule.finish()
        reconcile_all(duties.sale_keeper, duties.canceller, duties.returns, duties.waves)
        duties.archive.archive_ended()
        duties.revocations.purge()


def _ours() -> Duties:
    assert _duties is not None, "a process that runs jobs calls `use` first"
    return _duties


@contextmanager
def _answering(bell: Bell, duty: str, subject: str) -> Iterator[None]:
    try:
        yield
    except (StoreUnavailable, OperationalError, InterfaceError) as error:
        _log.warning("outage", duty=duty, subject=subject, error=str(error.__cause__ or error))
        return
    bell.rest(duty, subject)
