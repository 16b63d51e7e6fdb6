"""The parts of one API process, put together once and shared by the hot calls, the JSON routes and the pages."""

from dataclasses import dataclass
from typing import Self, cast

from starlette.requests import Request

from ticketing.api.addresses import ClientAddresses
from ticketing.api.auth import Gate
from ticketing.api.board import EventBoard
from ticketing.api.live import Live
from ticketing.api.live_holds import LiveHolds
from ticketing.api.looks import LookBook
from ticketing.api.metrics import Metrics
from ticketing.api.pace import PROVIDER_AT_ONCE, SWIPES_AT_ONCE, Pace, Turns
from ticketing.api.tally import Tally
from ticketing.bootstrap import AsyncServices


@dataclass(frozen=True, kw_only=True)
class Front:
    """What stands between the network and the services."""

    services: AsyncServices
    board: EventBoard
    looks: LookBook
    gate: Gate
    addresses: ClientAddresses
    live: Live
    live_holds: LiveHolds
    tally: Tally
    metrics: Metrics
    logins: Pace
    swipes: Turns
    provider: Turns

    @classmethod
    def over(cls, services: AsyncServices) -> Self:
        """The front of a process with these services. Raises `ValueError` for a wrong `trusted_proxies`."""
        settings = services.settings
        board = EventBoard(services.sessions, services.inventory, services.watermarks, services.clock)
        tally = Tally()
        gate = Gate(
            services.signer,
            services.revocations,
            services.clock,
            settings.public_url,
            services.staff_logins.seen,
            services.api_tokens,
        )
        return cls(
            services=services,
            board=board,
            looks=LookBook(services.looks),
            gate=gate,
            addresses=ClientAddresses(settings.trusted_proxies),
            live=Live(services.stats, services.presence, gate, services.clock),
            live_holds=LiveHolds(settings.live_holds_per_address),
            tally=tally,
            metrics=Metrics(board),
            logins=Pace(tally),
            swipes=Turns(SWIPES_AT_ONCE),
            provider=Turns(PROVIDER_AT_ONCE, strict=True),
        )


def front_of(request: Request) -> Front:
    """The front that a request came in by."""
    return cast("Front", request.app.state.front)
