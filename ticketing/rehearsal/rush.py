"""`ticketing rush`: replays a sell-out, then says in plain words whether anything was oversold or lost."""

import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import NoReturn

from msgspec import Struct

from ticketing import bootstrap
from ticketing.bootstrap import Services
from ticketing.database import reading
from ticketing.errors import Misconfigured
from ticketing.identifiers import quota_id
from ticketing.members import repository as members
from ticketing.rehearsal import books, campaign, crowd, population, scenarios, verdict
from ticketing.rehearsal.display import Display
from ticketing.rehearsal.population import Resident
from ticketing.rehearsal.scenarios import HOLD_SECONDS, Scenario
from ticketing.rehearsal.site import OTHER_INSTANCE, Site, SiteFailed, running, throw_away
from ticketing.services.tokens import Claims
from ticketing.settings import Settings

GATHERING_MS = 8_000
"""From publishing to the opening: the crowd starts, looks, and tries too early."""

POLL_SECONDS = 0.25


class Wish(Struct, frozen=True):
    """What the command line asks for. Without `cards` or `users` the scenario's own numbers are taken."""

    scenario: str
    cards: int | None = None
    users: int | None = None
    base_url: str | None = None
    json: Path | None = None
    html: Path | None = None


class Stage(Struct, frozen=True):
    """A rehearsal made ready: where, what, and who comes."""

    directory: Path
    site: Site
    scenario: Scenario
    plan: crowd.Plan
    staff_token: str


def run(wish: Wish, settings: Settings, display: Display | None = None) -> bool:
    """Rehearse and judge; whether nothing was oversold, over a limit, lost or doubled.

    `settings` are those of the running instance when the wish names a `base_url`. Raises `Misconfigured`
    for wrong use and `Failure` when the rehearsal could not be carried through; both, and Ctrl-C, leave no
    process and no file behind.
    """
    scenario = scenarios.load(wish.scenario)
    crowd.require_locust()
    _require_folders(wish)
    shown = display or Display()
    try:
        return _rehearse(wish, settings, scenario, shown)
    except KeyboardInterrupt:
        shown.say("stopped; no process and no file of the rehearsal is left")
        raise


def _require_folders(wish: Wish) -> None:
    """Say so now, not after a rehearsal of minutes."""
    for path in (wish.json, wish.html):
        if path and not path.parent.is_dir():
            raise Misconfigured(f"there is no folder {path.parent} to write {path.name} to")


def _rehearse(wish: Wish, settings: Settings, scenario: Scenario, shown: Display) -> bool:
    with (
        _terminated_as_interrupted(),
        tempfile.TemporaryDirectory(prefix="ticketing-rush-") as folder,
        _site(wish, settings, Path(folder), shown) as site,
    ):
        services = bootstrap.build(site.settings)
        try:
            stage = _prepare(wish, scenario, Path(folder), site, services, shown)
            _rush(stage, shown)
            _close_books(stage, services, shown)
        finally:
            services.close()
        return verdict.give(stage.directory, wish.json, wish.html, shown)


def _site(wish: Wish, settings: Settings, directory: Path, display: Display) -> AbstractContextManager[Site]:
    if wish.base_url:
        return nullcontext(running(wish.base_url, settings))
    return _started(directory, display)


@contextmanager
def _started(directory: Path, display: Display) -> Iterator[Site]:
    with ExitStack() as stack:
        with display.step("start a throw-away instance"):
            site = stack.enter_context(throw_away(directory))
        yield site


def _prepare(
    wish: Wish, scenario: Scenario, directory: Path, site: Site, services: Services, display: Display
) -> Stage:
    """People, sessions, the event on sale, and the plan for the crowd."""
    cards = wish.cards or scenario.cards
    users = min(wish.users or scenario.users, cards)
    now = services.keeper.now_ms()
    staff, staff_token = population.sign_staff(services.signer, now)
    _check_same_instance(site, services, staff, staff_token)
    residents = _people(scenario.population(cards), services, now, display)
    with display.step("sign their sessions"):
        coming = residents[: cards + scenario.last_stock]
        crowd.write_sessions(directory, population.sign_sessions(services.signer, coming, now))
    with display.step("put the event on sale"):
        opens_at = services.keeper.now_ms() + GATHERING_MS
        event_id = campaign.publish(
            services.catalogue, staff, scenario, opens_at=opens_at, hold_seconds=HOLD_SECONDS
        )
    plan = _plan(wish.scenario, scenario, site, event_id, opens_at, cards, users)
    return Stage(directory, site, scenario, plan, staff_token)


def _people(count: int, services: Services, now: int, display: Display) -> list[Resident]:
    places = population.build_tree(services.sessions)
    with display.counting("make members with cards", count) as progress:
        return population.populate(
            services.sessions,
            services.keyring,
            places,
            count,
            now,
            series=now // 1000 % population.SERIES_MAX,
            progress=progress,
        )


def _check_same_instance(site: Site, services: Services, staff: Claims, staff_token: str) -> None:
    """Nothing is written before it is certain that the settings and the address mean the same instance."""
    try:
        shown = site.call("GET", "/api/v1/staff/organisations", staff_token)["organisations"]
    except SiteFailed as error:
        raise Misconfigured(OTHER_INSTANCE.format(site.base_url)) from error
    with reading(services.sessions) as session:
        known = members.organisations(session, below=staff.organisation_path)
    if {node["id"] for node in shown} != {node.id for node in known}:
        raise Misconfigured(OTHER_INSTANCE.format(site.base_url))


def _plan(
    name: str, scenario: Scenario, site: Site, event_id: str, opens_at: int, cards: int, users: int
) -> crowd.Plan:
    growth = scenario.growth
    quotas = [
        {"id": quota_id(event_id, number), "name": quota, "capacity": growth.capacity if growth else capacity}
        for number, (quota, capacity) in enumerate(scenario.each_quota(), 1)
    ]
    return crowd.Plan(
        scenario=name,
        title=scenario.title,
        base_url=site.base_url,
        event_id=event_id,
        opens_at=opens_at,
        quotas=quotas,
        per_card_limit=scenario.per_card_limit,
        payment_method=scenario.payment_method,
        hold_seconds=HOLD_SECONDS,
        raised=growth is not None,
        cards=cards,
        users=users,
        processes=crowd.processes_for(users),
        seconds_max=scenario.seconds_max,
        seed=opens_at,
        crowd=scenario.crowd,
    )


def _rush(stage: Stage, display: Display) -> None:
    """Let the crowd come, raise the quotas when the plan says so, and wait until all have left."""
    growth = stage.scenario.growth
    stock = stage.scenario.first_stock
    display.say(f"the sale opens in {GATHERING_MS / 1000:.0f} s, {stage.plan.users} people at a time")
    with (
        display.sale(stock, stage.plan.cards) as sale,
        crowd.gather(stage.directory, stage.plan) as people,
    ):
        while people.gathered:
            now = crowd.total(people.snapshots())
            if growth and now.tickets >= growth.when_sold * stage.scenario.first_stock:
                _grow(stage, growth.capacity)
                stock, growth = stage.scenario.last_stock, None
            sale.show(now, stock)
            time.sleep(POLL_SECONDS)
        people.check()


def _grow(stage: Stage, capacity: int) -> None:
    """Raise every quota as staff do, through the API."""
    for quota in stage.plan.quotas:
        path = f"/api/v1/staff/events/{stage.plan.event_id}/quotas/{quota['id']}"
        stage.site.call("PATCH", path, stage.staff_token, {"capacity": capacity, "reason": "追加票额"})
    (stage.directory / "raised").touch()


def _close_books(stage: Stage, services: Services, display: Display) -> None:
    with display.step("wait until every order is in SQL"):
        drained = books.wait_for_drain(services, stage.plan.event_id)
    with display.step("audit Redis against SQL"):
        books.close(stage.directory, services, stage.plan.event_id, drained)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the rehearsal as Ctrl-C does, with everything cleaned up."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
