"""Goal: a desk that is without the network for hours hands out many, loses none, and gives none out twice.

Method: the page's clock is moved; 150 cards of the demo are swiped and their tickets handed out by what the page's keys
call, with a reload in the middle. Then the network is back, and what was kept is held up on its way to the site.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.command import RunningInstance

pytestmark = pytest.mark.slow

FIRST, COUNT = 400, 150
"""These cards have a ticket of the evening classes, and no other test collects it."""

HAND_OUT = """async numbers => {
  for (const number of numbers) {
    const seen = await window.deskAway.answer("/desk", new URLSearchParams({ swipe: number }), document.body);
    const form = seen.querySelector("form");
    if (!form) return [number, seen.dataset.kind];
    const done = await window.deskAway.answer("/desk/pickups", new URLSearchParams(new FormData(form)), seen);
    if (done.dataset.kind !== "handed") return [number, done.dataset.kind];
  }
  return null;
}"""
KIND = """number => window.deskAway.answer("/desk", new URLSearchParams({ swipe: number }), document.body)
  .then(seen => seen && seen.dataset.kind)"""
KEPT = "caches.open('desk').then(kept => kept.match('/desk')).then(Boolean)"


def test_two_hours_of_hand_overs(staff_page: Callable[..., Page], demo: RunningInstance) -> None:
    cards = [card["card_number"] for card in demo.demo["cards"][FIRST : FIRST + COUNT]]
    page = staff_page("clerk", language="en", wide=True, javascript=True)
    page.clock.install()
    page.goto("/desk")
    bar = page.locator("#network")
    expect(bar).not_to_have_attribute("data-list", "")
    while not page.evaluate(KEPT):
        page.wait_for_timeout(100)
    page.context.set_offline(True)
    expect(bar).to_have_attribute("data-state", "away")
    assert page.evaluate(HAND_OUT, cards[: COUNT // 2]) is None
    page.clock.fast_forward("01:00:00")
    page.reload()
    expect(bar).to_have_attribute("data-waiting", str(COUNT // 2))
    page.clock.fast_forward("01:00:00")
    assert page.evaluate(KIND, cards[0]) == "gone"
    assert page.evaluate(HAND_OUT, cards[COUNT // 2 :]) is None
    expect(bar).to_have_attribute("data-waiting", str(COUNT))
    page.clock.fast_forward("10:00:00")
    assert page.evaluate(KIND, cards[0]) == "old-list"
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/desk/offline/hand-overs", hold_the_first)
    page.context.set_offline(False)
    expect(bar).to_have_attribute("data-state", "online")
    page.fill("#swipe", cards[0])
    page.press("#swipe", "Enter")
    expect(page.locator("#result .word").first).to_have_text("Already handed out")
    held[0].continue_()
    expect(bar).to_have_attribute("data-waiting", "0")
    expect(page.locator("[data-conflicts]")).to_be_hidden()
