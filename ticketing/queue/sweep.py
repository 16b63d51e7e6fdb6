"""Expired holds give their tickets back, in bounded batches; the path of the rush expires only a few by itself."""

import structlog

from ticketing.errors import Refusal
from ticketing.inventory.keeper import Keeper

BATCH_MAX = 256
"""Holds expired in one script call: a few ms, in which nothing else is decided."""

BATCHES_PER_RUN = 100
"""Calls of one run; what is left is swept by the next."""

_log = structlog.get_logger(__name__)


def sweep(keeper: Keeper, group_id: str, epoch: str) -> int:
    """Expire the due holds of a group; how many. A group that is recovering is left alone.

    Raises `StoreUnavailable` when Redis does not answer.
    """
    total = 0
    try:
        for _ in range(BATCHES_PER_RUN):
            expired = keeper.expire(group_id, epoch, BATCH_MAX)
            total += expired
            if expired < BATCH_MAX:
                break
    except Refusal as refusal:
        _log.warning("sweep_stopped", group=group_id, code=refusal.code.value)
    return total
