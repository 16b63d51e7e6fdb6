"""What SQL has decided and others may not know yet: changed and cancelled events, due waves, tickets that come back."""

from ticketing.services.cancelling import EventCanceller
from ticketing.services.keeper import SaleKeeper
from ticketing.services.returns import ReturnService
from ticketing.services.waves import WaveService


def reconcile(
    sale_keeper: SaleKeeper, canceller: EventCanceller, returns: ReturnService, waves: WaveService
) -> int:
    """Apply unapplied events, release due waves, void orders of cancelled events, give back returns; how many of all.

    Raises `StoreUnavailable` when Redis does not answer.
    """
    return sale_keeper.apply_all() + waves.release_due() + canceller.finish() + returns.give_back()
