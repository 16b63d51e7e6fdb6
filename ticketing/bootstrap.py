"""The one place where clients are built and services are put together.

`build` gives what threads and jobs use; `build_async` adds the async inventory of the rush, which
belongs to the event loop that runs it. Whoever builds closes.
"""

from collections.abc import Callable

from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter, RateLimiter
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from ticketing.clock import ServerClock
from ticketing.database import make_engine, make_sessions
from ticketing.errors import Misconfigured
from ticketing.inventory.keeper import Keeper
from ticketing.inventory.presence import Presence
from ticketing.inventory.protocol import Bounds
from ticketing.inventory.rush import Inventory
from ticketing.inventory.server import read_facts
from ticketing.inventory.trail_end import TrailEnd
from ticketing.inventory.watermarks import Watermarks
from ticketing.keyring import Keyring
from ticketing.members.revocations import Revocations
from ticketing.services.api_tokens import ApiTokens
from ticketing.services.archive import ArchiveService
from ticketing.services.budgets import BudgetService
from ticketing.services.campaigns import CampaignService
from ticketing.services.cancelling import EventCanceller
from ticketing.services.cards import CardService
from ticketing.services.catalogue import CatalogueService
from ticketing.services.checking import CheckService
from ticketing.services.curve import CurveService
from ticketing.services.desk import DeskService
from ticketing.services.desk_away import AwayService
from ticketing.services.desk_list import DeskLists
from ticketing.services.desk_share import DeskShare, ShareRule
from ticketing.services.doctor import Patient
from ticketing.services.erasure import ErasureService
from ticketing.services.imports import ImportService
from ticketing.services.keeper import SaleKeeper
from ticketing.services.logins import LoginService
from ticketing.services.looks import LookService
from ticketing.services.member_care import MemberCare
from ticketing.services.member_history import MemberHistory
from ticketing.services.notices import NoticeService
from ticketing.services.orders import OrderService
from ticketing.services.organisations import OrganisationService
from ticketing.services.quota_tables import QuotaTableService
from ticketing.services.quotas import QuotaService
from ticketing.services.rebuild import RebuildService
from ticketing.services.recovery import Recovery
from ticketing.services.reports import ReportService
from ticketing.services.returns import ReturnService
from ticketing.services.seals import Seal
from ticketing.services.series import SeriesService
from ticketing.services.sessions import SessionService
from ticketing.services.single_sign_on import SingleSignOn
from ticketing.services.slips import SlipService
from ticketing.services.staff import StaffService
from ticketing.services.staff_care import StaffCare
from ticketing.services.staff_logins import StaffHelp, StaffLogins
from ticketing.services.stats import StatsService
from ticketing.services.till import TillService
from ticketing.services.tokens import TokenSigner
from ticketing.services.trail_search import TrailSearch
from ticketing.services.uncollected import UncollectedReturns
from ticketing.services.unfinished import UnfinishedSales
from ticketing.services.venues import VenueService
from ticketing.services.waves import WaveService
from ticketing.services.webhooks import WebhookService
from ticketing.services.witness import Witness
from ticketing.settings import Settings

REDIS_TIMEOUT_SECONDS = 5.0
"""How long a command may take before it counts as unanswered."""


class Services:
    """Everything one process works with, over one set of servers."""

    def __init__(self, settings: Settings) -> None:
        """`settings` with every server's address filled in. Raises `Misconfigured` otherwise."""
        self.settings = settings
        self.clock = ServerClock()
        self.keyring = Keyring.derive(_secret(settings))
        self.signer = TokenSigner(self.keyring.session)
        self.engine = make_engine(_given(settings.database_url, "TICKETING_DATABASE_URL"))
        self.sessions = make_sessions(self.engine, self.keyring.trail)
        self.watermarks = Watermarks()
        self.redis = Redis.from_url(
            _given(settings.redis_url, "TICKETING_REDIS_URL"),
            retry=Retry(NoBackoff(), 0),  # a repeated command is ours to decide: see architecture
            socket_timeout=REDIS_TIMEOUT_SECONDS,
        )
        self.keeper = Keeper(self.redis, self.clock, bounds_of(settings), self.watermarks)
        self.queue_redis = queue_client(settings)
        self.sale_keeper = SaleKeeper(self.sessions, self.keeper, self.clock)
        self.returns = ReturnService(self.sessions, self.keeper, self.clock)
        self.orders = OrderService(self.sessions, self.keeper, self.clock, self.returns)
        self.seal = Seal(self.keyring.ticket)
        self._serve_desks()
        self._show_programme()
        self.canceller = EventCanceller(self.sessions, self.keeper, self.clock)
        self.uncollected = UncollectedReturns(self.sessions, self.keeper, self.clock)
        self.catalogue = CatalogueService(self.sessions, self.sale_keeper, self.clock)
        self.waves = WaveService(self.sessions, self.sale_keeper, self.keeper, self.clock)
        self.checks = CheckService(self.sessions, self.clock)
        self.campaigns = CampaignService(self.sessions, self.catalogue)
        self.quota_tables = QuotaTableService(self.sessions, self.sale_keeper, self.clock)
        self.quotas = QuotaService(self.sessions, self.sale_keeper, self.keeper, self.clock)
        self.recovery = Recovery(self.sessions, self.keeper, self.watermarks)
        self.rebuilds = RebuildService(self.sessions, self.keeper, self.keyring, self.clock, self.watermarks)
        self.archive = ArchiveService(self.sessions, self.keeper, self.clock)
        self.trail_search = TrailSearch(self.sessions)
        self.staff = StaffService(self.sessions, self.clock)
        self.staff_care = StaffCare(self.sessions, self.clock)
        self.witness = Witness(self.sessions, TrailEnd(self.redis), self.keyring.trail, self.clock)
        self.cards = CardService(self.sessions, self.keyring, self.clock)
        self.imports = ImportService(self.sessions, self.keyring, self.clock)
        self.revocations = Revocations(self.sessions, _longest_session_ms(settings))
        self.accounts = SessionService(
            self.sessions, self.keyring, self.signer, _limiter(self.queue_redis), self.clock, settings
        )
        self._serve_people_and_programs()

    def _serve_people_and_programs(self) -> None:
        self.erasure = ErasureService(self.sessions, self.keeper, self.keyring, self.clock)
        self.notices = NoticeService(self.sessions, self.clock)
        self.logins = LoginService(self.sessions, self.revocations, self.clock)
        self.webhooks = WebhookService(self.sessions, self.keyring, self.clock)
        self.api_tokens = ApiTokens(self.sessions, self.clock)
        self.staff_logins = StaffLogins(self.sessions, self.revocations, self.clock)
        self.sign_on = SingleSignOn(self.sessions, self.keyring, self.clock, self.accounts, self.settings)
        self.staff_help = StaffHelp(self.sessions, self.clock, self.accounts.factors)

    def _show_programme(self) -> None:
        self.organisations = OrganisationService(self.sessions, self.clock)
        self.member_care = MemberCare(self.sessions, self.keyring)
        self.member_history = MemberHistory(self.sessions, self.member_care)
        self.reports = ReportService(self.sessions, self.keeper)
        self.venues = VenueService(self.sessions, self.clock)
        self.series = SeriesService(self.sessions, self.clock)
        self.budgets = BudgetService(self.sessions, self.clock)
        self.looks = LookService(self.sessions, self.clock)
        self.stats = StatsService(self.sessions, self.keeper, self.clock)
        self.curves = CurveService(self.sessions)

    def _serve_desks(self) -> None:
        self.desk = DeskService(self.sessions, self.keeper, self.keyring, self.clock, self.orders, self.seal)
        self.slips = SlipService(self.sessions, self.clock)
        self.till = TillService(self.sessions, self.keyring, self.clock)
        self.unfinished = UnfinishedSales(self.sessions, self.keyring, self.clock, self.orders)
        self.desk_lists = DeskLists(self.sessions, self.keyring, self.clock)
        self.away = AwayService(self.sessions, self.keeper, self.clock, self.orders)
        self.desk_share = DeskShare(self.sessions, self.sale_keeper, self.clock)
        self.share_rule = ShareRule(self.sessions, self.sale_keeper, self.keeper, self.clock)

    def close(self) -> None:
        """Give every connection back."""
        self.redis.close()
        self.queue_redis.close()
        self.engine.dispose()


class AsyncServices(Services):
    """The same with the inventory of the rush, for the event loop that builds it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.async_redis = AsyncRedis.from_url(
            _given(settings.redis_url, "TICKETING_REDIS_URL"),
            retry=AsyncRetry(NoBackoff(), 0),
            socket_timeout=REDIS_TIMEOUT_SECONDS,
        )
        self.inventory = Inventory(self.async_redis, self.clock, bounds_of(settings), self.watermarks)
        self.presence = Presence(self.async_redis)

    async def aclose(self) -> None:
        """Give every connection back."""
        await self.inventory.aclose()
        await self.async_redis.aclose()
        self.close()


def build(settings: Settings) -> Services:
    """Services for threads and jobs."""
    return Services(settings)


def build_async(settings: Settings) -> AsyncServices:
    """Services for the API."""
    return AsyncServices(settings)


def patient_of(services: Services, embedded: bool, last_heartbeat: Callable[[], int | None]) -> Patient:
    """What the doctor looks at; `last_heartbeat` comes from the queue, which lies above."""
    settings = services.settings
    shared = settings.queue_redis_url == settings.redis_url
    return Patient(
        settings=settings,
        embedded=embedded,
        engine=services.engine,
        witness=services.witness,
        facts=lambda: read_facts(services.redis),
        queue_facts=None if shared else lambda: read_facts(services.queue_redis),
        now_ms=services.keeper.now_ms,
        last_heartbeat=last_heartbeat,
        recovering=services.recovery.recovering,
        provider=services.sign_on.look if services.sign_on.name else None,
    )


def queue_client(settings: Settings) -> Redis:
    """A connection of RQ's own: it must not decode, and its worker waits longer than a command may take."""
    url = settings.queue_redis_url or _given(settings.redis_url, "TICKETING_REDIS_URL")
    return Redis.from_url(url, socket_timeout=REDIS_TIMEOUT_SECONDS)


def bounds_of(settings: Settings) -> Bounds:
    """The bounds that every script is told."""
    return Bounds(
        backlog_max=settings.backlog_max,
        live_holds_max=settings.live_holds_per_member,
        abandoned_max=settings.abandoned_holds_max,
        pause_ms=settings.abandoned_pause_seconds * 1000,
        replica_acks=settings.replica_acks,
    )


def _limiter(redis: Redis) -> RateLimiter:
    """Counters that all processes share; they hold digests and addresses, and may be lost without harm."""
    return FixedWindowRateLimiter(RedisStorage("redis://", connection_pool=redis.connection_pool))


def _longest_session_ms(settings: Settings) -> int:
    return max(settings.member_session_minutes, settings.staff_session_minutes) * 60_000


def _given(value: str | None, name: str) -> str:
    if value is None:
        raise Misconfigured(f"{name} is not set")
    return value


def _secret(settings: Settings) -> str:
    if settings.secret_key is None:
        raise Misconfigured("TICKETING_SECRET_KEY is not set")
    return settings.secret_key.get_secret_value()
