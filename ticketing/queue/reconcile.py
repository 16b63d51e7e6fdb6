"""What SQL has decided and Redis may not know yet: changed events, and tickets on their way back."""

from ticketing.services.keeper import SaleKeeper
from ticketing.services.returns import ReturnService


def reconcile(sale_keeper: SaleKeeper, returns: ReturnService) -> int:
    """Apply every unapplied event and give back every pending return; how many of both were done.

    Raises `StoreUnavailable` when Redis does not answer.
    """
    return sale_keeper.apply_all() + returns.give_back()
