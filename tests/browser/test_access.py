"""Goal: nobody is kept out: no page breaks a WCAG 2.2 AA rule that a machine can judge, in both languages and schemes.

Method: axe-core inside a real Chromium, on every page of a member's way and in every state of a sale, at the width of a
phone; there also the size of what is tapped, and text twice as large. For the page of a busy site Redis stands still.
The control breaks a page and sees it found.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.access import faults
from tests.support.command import RunningInstance
from tests.support.events import act, change, make_event
from tests.support.processes import standing_still, wait_for
from tests.support.steps import broken_rules, confirm, sign_in

pytestmark = pytest.mark.slow


def _walk(page: Page, card: Any, events: dict[str, str], demo: RunningInstance) -> Iterator[str]:
    """Every page of a member, one after the other."""
    for path in ("/", "/login", "/nothing"):
        page.goto(path)
        yield path
    sign_in(page, {"card_number": card["card_number"], "pin": "000000"})
    yield "a wrong PIN"
    for state, event_id in events.items():
        page.goto(f"/events/{event_id}")
        yield f"{state}, a stranger"
    sign_in(page, card)
    for state, event_id in events.items():
        page.goto(f"/events/{event_id}")
        yield state
    yield from _booking(page, events["open"])
    released = page.url
    yield from _what_became(page, demo)
    for path in ("/orders", "/account", "/account/data"):
        page.goto(path)
        yield path
    _while_redis_stands_still(page, demo, f"/events/{events['open']}", released)
    yield "a busy site"


def _what_became(page: Page, demo: RunningInstance) -> Iterator[str]:
    """Tickets of an event that was moved, and of one that was called off."""
    for state in ("moved", "cancelled"):
        event = make_event(demo, 20, title=state)
        _hold(page, event["id"])
        confirm(page)
        order = page.url
        if state == "moved":
            change(demo, event["id"], {"venue": "elsewhere"})
        else:
            act(demo, event["id"], "cancel")
        assert wait_for(lambda: _shows(page, order, ".message.wait, .badge.cancelled"), 15)  # noqa: B023
        yield f"an order, {state}"


def _shows(page: Page, path: str, selector: str) -> bool:
    page.goto(path)
    return page.locator(selector).count() > 0


def _while_redis_stands_still(page: Page, demo: RunningInstance, first: str, then: str) -> None:
    with standing_still(demo.part("valkey-server")):
        page.goto(first)
        expect(page.locator("[role=alert]")).to_be_visible()
        page.goto(then)
        expect(page.locator("main a.button")).to_have_count(2)  # "try again" among them
    assert wait_for(lambda: page.request.get("/readyz").ok, 30)


def _booking(page: Page, event_id: str) -> Iterator[str]:
    _hold(page, event_id)
    yield "a hold"
    confirm(page)
    page.click("summary")
    yield "an order"
    page.click("a[href$='/print']")
    page.wait_for_url("**/print")
    yield "an order on paper"
    _hold(page, event_id)
    released = page.url
    page.click("form[action$='/release'] button")
    page.wait_for_url("**done=released")
    yield "given back"
    page.goto(released)
    yield "a released hold"


def _hold(page: Page, event_id: str) -> None:
    page.goto(f"/events/{event_id}")
    page.click("form[action$='/holds'] button")
    expect(page.locator("form[action$='/confirm']")).to_be_visible()


@pytest.mark.parametrize(("language", "scheme"), [("zh", "dark"), ("en", "light")])
def test_nobody_is_kept_out(
    open_page: Callable[..., Page],
    card: Any,
    sale_in: dict[str, str],
    demo: RunningInstance,
    language: str,
    scheme: Any,
) -> None:
    page = open_page(language=language, javascript=True)
    page.emulate_media(color_scheme=scheme)
    seen = {where: faults(page) for where in _walk(page, card, sale_in, demo)}
    assert len(seen) > 30
    assert {where: faults for where, faults in seen.items() if faults} == {}


CARE = ("imports", "accounts", "organisations", "members", "members/1")
FIGURES = (
    "reports/settlement",
    "reports/participation",
    "reports/attendance",
    "reports/demand",
    "budgets",
    "till",
    "venues",
)
OWN = ("account", "integration", "events/new", "series")


@pytest.mark.parametrize(("language", "scheme"), [("zh", "light"), ("en", "dark")])
def test_pages_of_staff_keep_nobody_out(
    staff_page: Callable[..., Page], campaign: Callable[[str], Any], language: str, scheme: Any
) -> None:
    event = campaign("five-yuan-cinema")["id"]
    page = staff_page("manager", language=language, javascript=True)  # axe needs it, the pages do not
    page.emulate_media(color_scheme=scheme)
    of_event = ("look", "poster", "copy", "quotas/table", "live", "wall", "curve")
    of_staff = ("look", "templates", "trail", *CARE, *FIGURES, *OWN, f"events/{event}")
    paths = [f"/staff/{path}" for path in (*of_staff, *(f"events/{event}/{part}" for part in of_event))]
    for table in ("/staff/series", "/staff/budgets"):
        page.goto(table)
        one = page.get_attribute("main table a", "href")
        assert one
        paths.append(one)
    for path in (*paths, "/desk/conflicts"):
        page.goto(path)
        assert page.url.endswith(path)  # not the sign-in
        assert (path, broken_rules(page)) == (path, [])


def test_control_what_is_wrong_is_found(open_page: Callable[..., Page]) -> None:
    page = open_page(javascript=True)
    page.goto("/login")
    page.evaluate("document.querySelector('label[for=pin]').remove()")
    page.evaluate("document.querySelector('main button').style.cssText = 'padding: 0; min-height: 0'")
    page.evaluate("document.querySelector('main h1').style.width = '30rem'")
    found = " ".join(faults(page))
    for fault in ("label:", "a small target:", "wider than its window by"):
        assert fault in found
