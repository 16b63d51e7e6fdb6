"""What SQL has decided and others may not know yet: changed and cancelled events, tickets on their way back."""

from ticketing.services.cancelling import EventCanceller
from ticketing.services.keeper import SaleKeeper
from ticketing.services.returns import ReturnService


def reconcile(sale_keeper: SaleKeeper, canceller: EventCanceller, returns: ReturnService) -> int:
    """Apply unapplied events, void the orders of cancelled ones, give back pending returns; how many of all.

    Raises `StoreUnavailable` when Redis does not answer.
    """
    return sale_keeper.apply_all() + canceller.finish() + returns.give_back()
