"""`ticketing demo`: an instance with the real campaigns on sale, to look at, click through and script against.

Every start puts fresh campaigns on sale (one open, one that opens in a minute, one sold out) and closes
those of the start before; people, cards, passwords and orders stay.
"""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec
from msgspec import Struct

from ticketing.bootstrap import AsyncServices, Services, build, build_async
from ticketing.catalogue.budgets import BudgetPlan
from ticketing.catalogue.model import HOLD_SECONDS_DEFAULT
from ticketing.clock import MINUTE_MS
from ticketing.database import reading
from ticketing.embedded.files import put_whole
from ticketing.embedded.supervisor import Plan, Say, supervise
from ticketing.errors import Misconfigured, Refusal
from ticketing.inventory.model import HoldRequest
from ticketing.members import repository as members
from ticketing.rehearsal import campaign, population, scenarios
from ticketing.rehearsal.pictures import picture
from ticketing.services.staff import StaffService
from ticketing.services.tokens import Claims
from ticketing.settings import Settings

CARDS = 1_000

OPEN, SCHEDULED, SOLD_OUT = "open", "scheduled", "sold_out"
CAMPAIGNS = {"five-yuan-cinema": OPEN, "art-exhibition": SCHEDULED, "evening-classes": SOLD_OUT}

COLOURS = {"five-yuan-cinema": "red", "art-exhibition": "teal", "evening-classes": "purple"}

STAFF = (
    ("admin", "admin", population.DISTRICT.id),
    ("manager", "manager", population.DISTRICT.id),
    ("clerk", "clerk", population.DISTRICT.id),
    ("auditor", "auditor", population.DISTRICT.id),
    ("street-manager", "manager", "street-01"),
)
"""Accounts as (username, role, organisation): each role for the district, and one of a sub-district's own."""

BUDGET = BudgetPlan(name="五一惠民活动", amount=120_000_000)
"""What the demo's campaigns may cost the union: a little more than all their tickets do."""

_SERIES = 2026


class DemoCard(Struct, frozen=True):
    """A member's way in; `organisation` is an id."""

    card_number: str
    pin: str
    organisation: str


class DemoStaff(Struct, frozen=True):
    """A staff member's way in."""

    username: str
    password: str
    role: str


class DemoQuota(Struct, frozen=True):
    """A quota of a campaign, as it was when the demo started."""

    id: str
    name: str
    price: int
    capacity: int
    available: int


class DemoEvent(Struct, frozen=True):
    """A campaign, with the status it started in."""

    id: str
    status: str
    quotas: tuple[DemoQuota, ...]
    title: str
    scenario: str


class Demo(Struct, frozen=True):
    """`demo.json`."""

    base_url: str
    cards: tuple[DemoCard, ...]
    staff: tuple[DemoStaff, ...]
    events: tuple[DemoEvent, ...]


class Buyer(Struct, frozen=True):
    """A member who takes part in the sale that is over before anybody looks."""

    member: int
    organisation_path: str


def run(settings: Settings, plan: Plan, say: Say) -> None:
    """Run a demo until Ctrl-C or SIGTERM. Raises `Misconfigured` where the data of others would be in the way."""

    def prepare(resolved: Settings, base_url: str) -> None:
        with closing(build(resolved)) as services:
            demo = _load(services, base_url)
        _tell(demo, resolved.data_dir, say)

    supervise(settings, plan, say, prepare)


def _load(services: Services, base_url: str) -> Demo:
    file = services.settings.data_dir / "demo.json"
    if not file.exists():
        _write(file, _people(services))  # at once: the passwords are nowhere else
    before = msgspec.json.decode(file.read_bytes(), type=Demo)
    demo = msgspec.structs.replace(before, base_url=base_url, events=_campaigns(services, before))
    _write(file, demo)
    return demo


def _people(services: Services) -> Demo:
    """Organisations, members with cards, and staff, in a database that has none."""
    with reading(services.sessions) as session:
        if members.organisations(session):
            raise Misconfigured(
                f"the instance in {services.settings.data_dir} is no demo: it has data of its own. Give another "
                "--data-dir, and set no TICKETING_DATABASE_URL or TICKETING_REDIS_URL of a real instance"
            )
    now = services.keeper.now_ms()
    accounts = StaffService(services.sessions, services.clock)
    places = population.build_tree(services.sessions)
    residents = population.populate(services.sessions, services.keyring, places, CARDS, now, series=_SERIES)
    cards = (DemoCard(each.card_number, each.pin, each.place.id) for _, each in residents)
    staff = (
        DemoStaff(username, accounts.add_staff(username, role, organisation), role)
        for username, role, organisation in STAFF
    )
    return Demo("", tuple(cards), tuple(staff), ())


def _campaigns(services: Services, demo: Demo) -> tuple[DemoEvent, ...]:
    now = services.keeper.now_ms()
    staff, _ = population.sign_staff(services.signer, now)
    budget = _budget(services, staff)
    for old in demo.events:
        _close(services, staff, old.id)
        services.budgets.take_out(staff, budget, old.id)
    events = tuple(_put_on_sale(services, staff, name, status, demo) for name, status in CAMPAIGNS.items())
    for event in events:
        services.budgets.put_in(staff, budget, event.id)
    return events


def _budget(services: Services, staff: Claims) -> str:
    """The budget that the campaigns of a start count against, in place of those of the start before."""
    mine = (one.budget_id for one in services.budgets.all(staff) if one.budget == BUDGET.name)
    return next(mine, None) or services.budgets.add(staff, BUDGET)


def _close(services: Services, staff: Claims, event_id: str) -> None:
    try:
        services.catalogue.close(staff, event_id, "the demo was started again")
    except Refusal:
        return  # somebody has cancelled it: it is off sale as well


def _put_on_sale(services: Services, staff: Claims, name: str, status: str, demo: Demo) -> DemoEvent:
    scenario = scenarios.load(name)
    opens_at = services.keeper.now_ms() + (MINUTE_MS if status == SCHEDULED else -MINUTE_MS)
    event_id = campaign.publish(
        services.catalogue, staff, scenario, opens_at=opens_at, hold_seconds=HOLD_SECONDS_DEFAULT
    )
    services.looks.set_event(staff, event_id, COLOURS[name], picture(name), bare=False)
    if status == SOLD_OUT:
        buyers = _buyers(services, demo.cards)
        asyncio.run(_sell_out(services.settings, event_id, scenario, buyers))
    return _described(services, staff, event_id, name, status)


def _buyers(services: Services, cards: Sequence[DemoCard]) -> list[Buyer]:
    with reading(services.sessions) as session:
        holders = (
            members.holder_by_card(session, services.keyring.card_digest(card.card_number)) for card in cards
        )
        return [Buyer(each.member.id, each.organisation.path) for each in holders if each]


async def _sell_out(
    settings: Settings, event_id: str, scenario: scenarios.Scenario, buyers: Sequence[Buyer]
) -> None:
    """Sell every ticket as a crowd would: one hold and one confirm each, all at the same time."""
    services = build_async(settings)
    try:
        group_id = await services.inventory.group_of(event_id)
        assert group_id is not None, "the event was just published"
        wishes = (
            quota for quota, (_, capacity) in enumerate(scenario.each_quota(), 1) for _ in range(capacity)
        )
        sales = (
            _sell(services, group_id, event_id, buyer, quota, scenario.payment_method)
            for quota, buyer in zip(wishes, buyers, strict=False)
        )
        await asyncio.gather(*sales)
    finally:
        await services.aclose()


async def _sell(
    services: AsyncServices, group_id: str, event_id: str, buyer: Buyer, quota: int, method: str
) -> None:
    inventory, keyring = services.inventory, services.keyring
    hold_id = keyring.hold_id(event_id, buyer.member, "web", "demo")
    wish = HoldRequest(hold_id, event_id, buyer.member, buyer.organisation_path, ((quota, 1),))
    held = await inventory.hold(group_id, wish)
    if isinstance(held, Refusal):
        raise held
    sold = await inventory.confirm(group_id, hold_id, buyer.member, method, keyring.order_number(hold_id))
    if isinstance(sold, Refusal):
        raise sold


def _described(services: Services, staff: Claims, event_id: str, name: str, status: str) -> DemoEvent:
    event = services.catalogue.event(staff, event_id)
    state = services.keeper.state(event.group_id)
    counts = state.events[event_id].counts if state else {}
    quotas = (
        DemoQuota(quota.id, quota.name, quota.price, quota.capacity, counts[quota.number].available)
        for quota in event.quotas
    )
    return DemoEvent(event_id, status, tuple(quotas), event.title, name)


def _write(file: Path, demo: Demo) -> None:
    """For nobody else's eyes: it holds PINs and passwords."""
    put_whole(file, msgspec.json.format(msgspec.json.encode(demo), indent=2))


def _tell(demo: Demo, data_dir: Path, say: Say) -> None:
    card = demo.cards[0]
    staff = {account.username: account.password for account in demo.staff}
    for line in (
        f"Members   {demo.base_url}/       card {card.card_number}, PIN {card.pin}",
        f"Staff     {demo.base_url}/staff  manager, password {staff['manager']}",
        f"Desk      {demo.base_url}/desk   clerk, password {staff['clerk']}",
        f"API       {demo.base_url}/openapi.json",
        *(f"Campaign  {event.title}: {event.status} ({event.id})" for event in demo.events),
        f"All {len(demo.cards):,} cards, staff and events: {data_dir / 'demo.json'}",
    ):
        say(line)
