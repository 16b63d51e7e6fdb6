"""What SQL has decided and Redis may not know yet: changed events, and tickets on their way back."""

from ticketing.services.keeper import SaleKeeper
from ticketing.services.returns import ReturnService

ROUNDS_MAX = 100
"""Batches of returns in one run; what is left waits for the next."""


def reconcile(sale_keeper: SaleKeeper, returns: ReturnService) -> int:
    """Apply every unapplied event and give back every pending return; how many of both were done.

    Raises `StoreUnavailable` when Redis does not answer.
    """
    done = sale_keeper.apply_all()
    for _ in range(ROUNDS_MAX):
        given = returns.give_back()
        done += given
        if given == 0:
            break
    return done
