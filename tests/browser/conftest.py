"""What the browser's tests stand on: one running demo, one Chromium, and people who use it."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import running_browser, visitor
from tests.support.command import RunningInstance, running
from tests.support.events import act, hold_one, make_event, recover

ROOM_FOR_STEPS_MS = 30_000
"""How long a step may take on a machine with much else to do."""

SOLD_OUT_BY = 990
"""So many cards, the first ones, took the demo's evening classes; the others have nothing yet."""

_next_card = itertools.count(100)
_next_fresh_card = itertools.count(SOLD_OUT_BY)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInstance]:
    with running("demo", tmp_path_factory.mktemp("demo") / "data") as instance:
        yield instance


# Not for the whole session: Playwright keeps an event loop running that other modules' async tests would meet.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=ROOM_FOR_STEPS_MS)
    with running_browser() as started:
        yield started


@pytest.fixture
def open_page(browser: Browser, demo: RunningInstance) -> Iterator[Callable[..., Page]]:
    """A page in a browser of its own; the options are those of `visitor`."""
    contexts = []

    def opened(**options: Any) -> Page:
        context = visitor(browser, demo.base_url, **options)
        context.set_default_timeout(ROOM_FOR_STEPS_MS)
        contexts.append(context)
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def card(demo: RunningInstance) -> Any:
    """A card that no other test uses; it has a class ticket to collect."""
    return demo.demo["cards"][next(_next_card)]


@pytest.fixture
def cards(demo: RunningInstance) -> Callable[[int], list[Any]]:
    """So many cards that no other test uses."""
    return lambda count: [demo.demo["cards"][next(_next_card)] for _ in range(count)]


@pytest.fixture
def other_card(demo: RunningInstance) -> Any:
    """Another such card."""
    return demo.demo["cards"][next(_next_card)]


@pytest.fixture
def fresh_card(demo: RunningInstance) -> Any:
    """One of the few cards without any ticket, for tests that count what waits at the desk."""
    return demo.demo["cards"][next(_next_fresh_card)]


@pytest.fixture
def campaign(demo: RunningInstance) -> Callable[[str], Any]:
    """The demo's campaign of a scenario."""
    return lambda name: next(event for event in demo.demo["events"] if event["scenario"] == name)


@pytest.fixture
def staff_page(open_page: Callable[..., Page], demo: RunningInstance) -> Callable[..., Page]:
    """A page on which this account has signed in."""
    passwords = {account["username"]: account["password"] for account in demo.demo["staff"]}

    def signed_in(username: str, **options: Any) -> Page:
        page = open_page(**options)
        page.goto("/staff/login")
        page.fill("#username", username)
        page.fill("#password", passwords[username])
        page.click("main form button")
        return page

    return signed_in


@pytest.fixture
def new_event(demo: RunningInstance) -> Callable[..., Any]:
    """An event made and published by the manager, as its JSON; see `make_event`."""
    return lambda *capacities, **fields: make_event(demo, *capacities, **fields)


@pytest.fixture(scope="module")
def sale_in(demo: RunningInstance) -> dict[str, str]:
    """An event in each state that a member can meet, by its state."""
    states = {campaign["status"]: campaign["id"] for campaign in demo.demo["events"]}
    states["open"] = make_event(demo, 50, face_price=4_000, price=500, per_card_limit=5, notice="改期通知")[
        "id"
    ]
    states["held"] = make_event(demo, 1)["id"]
    states["soon"] = make_event(demo, 20, opens_in=3_000)["id"]
    for verb in ("pause", "close", "cancel"):
        states[verb] = make_event(demo, 20)["id"]
        act(demo, states[verb], verb)
    states["recovering"] = make_event(demo, 20)["id"]
    recover(demo, states["recovering"])
    hold_one(demo, states["held"], demo.demo["cards"][5])
    return states
