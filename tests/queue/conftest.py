"""What the queue's tests share."""

import pytest

from tests.support.guards import without  # noqa: F401 - a fixture of these tests
from tests.support.shop import Shop
from ticketing.inventory.trail_end import TrailEnd
from ticketing.members.revocations import Revocations
from ticketing.queue import jobs
from ticketing.queue.bell import Bell, rush_queue
from ticketing.services.archive import ArchiveService
from ticketing.services.witness import Witness


@pytest.fixture
def duties(shop: Shop) -> jobs.Duties:
    """What jobs work with; those of this process use it."""
    ours = jobs.Duties(
        sessions=shop.sessions,
        keeper=shop.keeper,
        drain=shop.drain(2),
        sale_keeper=shop.sale_keeper,
        canceller=shop.canceller,
        uncollected=shop.uncollected,
        share_rule=shop.share_rule,
        returns=shop.returns,
        waves=shop.waves,
        archive=ArchiveService(shop.sessions, shop.keeper, shop.clock),
        witness=Witness(shop.sessions, TrailEnd(shop.redis), shop.keyring.trail, shop.clock),
        revocations=Revocations(shop.sessions, 1_000),
        bell=Bell(rush_queue(shop.redis)),
    )
    jobs.use(ours)
    return ours
