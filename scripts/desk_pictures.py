"""The desk in each of its states, for `scripts.screenshots`: what the clerks' instruction shows."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from playwright.sync_api import Browser, Page

from tests.support.browser import visitor
from tests.support.command import RunningInstance
from tests.support.events import buy
from tests.support.keys import Keyboard

SHEET = ("ready", "hand", "handed", "gone", "pay", "event")
Shots = Iterator[tuple[str, bytes]]
_next_card = count(700)  # each has a ticket of the evening classes to collect


def shots(
    browser: Browser, demo: RunningInstance, language: str, wide: bool = True, scheme: Any = "light"
) -> Shots:
    """Every state of the desk, by name, as the window shows it."""
    page = visitor(browser, demo.base_url, language=language, wide=wide, javascript=True).new_page()
    page.emulate_media(color_scheme=scheme)
    _sign_in(page, demo)
    reader = Keyboard(page)

    def swiped(text: str, kind: str) -> bytes:
        reader.reads(text)
        return _shot(page, kind)

    yield "ready", _shot(page, "ready")
    ticket = demo.demo["cards"][next(_next_card)]["card_number"]
    yield from _handing(page, ticket, reader, swiped, demo)
    yield from _amber(page, ticket, swiped, demo)
    page.context.close()


def _handing(
    page: Page, ticket: str, reader: Keyboard, swiped: Callable[[str, str], bytes], demo: RunningInstance
) -> Shots:
    yield "hand", swiped(ticket, "hand")
    page.click(".forgotten summary")
    page.check(".forgotten input[name=checked]")
    page.click(".forgotten button")
    yield "pin", _shot(page, "pin")
    page.wait_for_timeout(2_100)
    swiped(ticket, "hand")
    page.wait_for_timeout(400)
    reader.types("", "Enter")
    yield "handed", _shot(page, "handed")
    page.wait_for_timeout(2_100)
    yield "gone", swiped(ticket, "gone")
    card = demo.demo["cards"][next(_next_card)]
    order = buy(demo, _event(demo, "five-yuan-cinema"), card, 2, "desk")
    yield "pay", swiped(card["card_number"], "pay")
    yield "colleague", swiped(order["number"], "pay")


def _amber(page: Page, collected: str, swiped: Callable[[str, str], bytes], demo: RunningInstance) -> Shots:
    yield "unknown", swiped("99999999999", "unknown")
    page.click(".setup summary")
    page.check(f"input[name=event][value='{_event(demo, 'five-yuan-cinema')['id']}']")
    page.locator(".setup").scroll_into_view_if_needed()
    yield "setup", page.screenshot()
    page.click(".setup button")
    page.wait_for_selector("[role=status] p")
    yield "event", swiped(demo.demo["cards"][next(_next_card)]["card_number"], "event")
    yield "nothing", swiped(collected, "nothing")
    page.evaluate("delete window.deskAway")  # as in a browser that keeps nothing for such a time
    page.context.set_offline(True)
    yield "no-answer", swiped("88888888888", "no-answer")
    page.context.set_offline(False)


def _shot(page: Page, kind: str) -> bytes:
    page.wait_for_selector(f"#result > [data-kind='{kind}']")
    page.wait_for_load_state("networkidle")
    return page.screenshot()


def _sign_in(page: Page, demo: RunningInstance) -> None:
    clerk = next(account for account in demo.demo["staff"] if account["username"] == "clerk")
    page.goto("/staff/login?next=/desk")
    page.fill("#username", clerk["username"])
    page.fill("#password", clerk["password"])
    page.click("main form button")


def _event(demo: RunningInstance, scenario: str) -> Any:
    return next(event for event in demo.demo["events"] if event["scenario"] == scenario)
