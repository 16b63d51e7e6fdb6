"""Goal: the desk goes on without the network, loses nothing, and tells of what it could not prevent.

Method: a member books in one browser; desks in others, with JavaScript, lose their network in the middle of things, are
reloaded and signed out, and get it back. What the site has by then is asked of its pages and JSON calls.
"""

import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.command import RunningInstance
from tests.support.steps import book

pytestmark = pytest.mark.slow

StaffPage = Callable[..., Page]
OpenPage = Callable[..., Page]
HAS = "number => Boolean(window.deskBook.list() && window.deskBook.list().orders.some(o => o.number === number))"
WITHOUT_ED25519 = """
const known = SubtleCrypto.prototype.importKey;
SubtleCrypto.prototype.importKey = function (format, key, algorithm, ...rest) {
  if (algorithm.name === "Ed25519") throw new DOMException("unknown", "NotSupportedError");
  return known.call(this, format, key, algorithm, ...rest);
};
"""
KEPT = "caches.open('desk').then(kept => kept.match('/desk')).then(Boolean)"


def desk(staff_page: StaffPage, name: str, number: str = "", username: str = "clerk") -> Page:
    """A desk of this name, with a list that has the order."""
    page = staff_page(username, language="en", wide=True, javascript=True)
    page.goto("/desk")
    page.click(".setup summary")
    page.fill("#desk", name)
    with page.expect_navigation():
        page.click(".setup form button")
    listed(page, number)
    return page


def until(page: Page, truth: str) -> None:
    """Ask again and again from outside: the page's policy lets nothing evaluate a text inside it."""
    for _ in range(300):
        if page.evaluate(truth):
            return
        page.wait_for_timeout(100)
    raise AssertionError(truth)


def listed(page: Page, number: str) -> None:
    """Load the page until its list has the order, and the page itself is kept."""
    for _ in range(30):  # an order is on its way to SQL for a moment
        page.reload()
        expect(page.locator("#network")).to_have_attribute("data-list", re.compile(r"\d"))
        until(page, KEPT)
        page.wait_for_timeout(300)
        if not number or page.evaluate(HAS, number):
            break
    else:
        raise AssertionError(f"{number} is not on the list")
    until(page, "navigator.serviceWorker.ready.then(Boolean)")


def away(page: Page, *, yes: bool = True) -> None:
    page.context.set_offline(yes)
    expect(page.locator("#network")).to_have_attribute("data-state", "away" if yes else "online")


def swipe(page: Page, typed: str) -> None:
    page.fill("#swipe", typed)
    page.press("#swipe", "Enter")


def word(page: Page) -> Any:
    return page.locator("#result .word").first


def waiting(page: Page, count: int) -> None:
    expect(page.locator("#network")).to_have_attribute("data-waiting", str(count))


def plain(number: str) -> str:
    return number.replace(" ", "")


def qr_of(demo: RunningInstance, card: Any, event_id: str) -> str:
    """What the QR code of the card's ticket for an event shows."""
    login = {"card_number": card["card_number"], "pin": card["pin"]}
    with httpx2.Client(base_url=demo.base_url) as client:
        token = client.post("/api/v1/sessions", json=login).json()["token"]
        orders = client.get("/api/v1/orders", headers={"authorization": f"Bearer {token}"}).json()["orders"]
    return str(next(order["tickets"][0]["qr"] for order in orders if order["event_id"] == event_id))


def test_the_network_goes_in_the_middle_of_a_hand_over(
    open_page: OpenPage, staff_page: StaffPage, card: Any, campaign: Callable[[str], Any]
) -> None:
    """The site had booked it and the answer was lost: it is sent again under its key, and is no conflict."""
    number = plain(book(open_page(), card, campaign("five-yuan-cinema"), 2))
    page = desk(staff_page, "Gate", number)
    swipe(page, number)
    expect(word(page)).to_have_text("Payment first")

    def lose_the_answer(route: Route) -> None:
        route.fetch(max_redirects=0)
        route.abort()

    page.route("**/desk/pickups", lose_the_answer)
    page.click("button[value=cash]")
    expect(word(page)).to_have_text("2 tickets handed out")
    page.unroute("**/desk/pickups")
    waiting(page, 0)
    expect(page.locator("[data-conflicts]")).to_be_hidden()
    swipe(page, number)
    expect(word(page)).to_have_text("Already handed out")
    expect(page.locator("#result")).to_contain_text("Gate")


def test_what_was_handed_out_online_is_not_handed_out_again_without_the_network(
    open_page: OpenPage, staff_page: StaffPage, card: Any, new_event: Callable[..., Any]
) -> None:
    """The list is older than the hand-over; an undo makes the ticket free again here too."""
    number = plain(book(open_page(), card, new_event(5)))
    page = desk(staff_page, "Gate", number)
    for _ in range(2):
        swipe(page, number)
        page.click("[data-free]")
        expect(word(page)).to_have_text("1 ticket handed out")
        until(page, "async () => (await window.deskBook.records()).length === 1")
        away(page)
        swipe(page, f"{number}-1")
        expect(word(page)).to_have_text("Already handed out")
        away(page, yes=False)
        page.goto("/desk")
        page.click("form[action$='/undo'] button")
        expect(word(page)).to_have_text("Taken back")
        until(page, "async () => (await window.deskBook.records()).length === 0")


def test_two_desks_without_the_network_hand_out_one_ticket_and_it_is_found_and_shown(
    open_page: OpenPage, staff_page: StaffPage, card: Any, new_event: Callable[..., Any]
) -> None:
    number = plain(book(open_page(), card, new_event(5)))
    gate, hall = desk(staff_page, "Gate", number), desk(staff_page, "Hall", number, "manager")
    for page in (gate, hall):
        away(page)
        page.reload()  # the page opens from what is kept
        expect(page.locator("#network strong")).to_contain_text("Without the network since")
        swipe(page, card["card_number"])
        expect(word(page)).to_have_text("Hand over 2 tickets")  # the other is of a class
        swipe(page, number)
        expect(word(page)).to_have_text("Hand over 1 ticket")
        page.wait_for_timeout(400)  # an Enter sooner than this was meant for what stood there before
        page.press("#swipe", "Enter")
        expect(word(page)).to_have_text("1 ticket handed out")
        waiting(page, 1)
        swipe(page, f"{number}-1")
        expect(word(page)).to_have_text("Already handed out")
    away(gate, yes=False)
    waiting(gate, 0)
    expect(gate.locator("[data-conflicts]")).to_be_hidden()
    before = hall.get_attribute("#network", "data-list") or ""
    away(hall, yes=False)
    waiting(hall, 0)
    expect(hall.locator("[data-conflicts]")).to_have_text("In conflict: 1.")
    expect(hall.locator("#network")).not_to_have_attribute(
        "data-list", before
    )  # and of what it sent nothing is left
    until(hall, "async () => (await window.deskBook.records()).length === 0")
    hall.reload()
    expect(hall.locator("[data-conflicts]")).to_have_text("In conflict: 1.")
    hall.click("[data-conflicts]")
    row = hall.locator(".conflicts tbody tr").filter(has_text=number[:4])
    for said in ("Handed out twice", "Hall · manager", "Gate · clerk"):
        expect(row).to_contain_text(said)
    row.locator("input[name=reason]").fill("the member brought one back")
    row.locator("button").click()
    expect(hall.get_by_text("The conflict is settled")).to_be_visible()
    expect(row).to_have_count(0)
    hall.click("a[href$='settled=yes']")
    expect(row).to_contain_text("the member brought one back")
    hall.goto("/desk")
    expect(hall.locator("[data-conflicts]")).to_be_hidden()


def test_a_ticket_sold_since_is_known_by_its_seal_and_a_forged_one_refused(
    open_page: OpenPage,
    staff_page: StaffPage,
    demo: RunningInstance,
    card: Any,
    new_event: Callable[..., Any],
) -> None:
    event = new_event(5)
    page = desk(staff_page, "Gate")
    away(page)
    number = plain(book(open_page(), card, event))
    qr = qr_of(demo, card, event["id"])
    swipe(page, f"{number}-1")
    expect(word(page)).to_have_text("Not on the list")
    swipe(page, qr.replace("-1.", "-2.", 1))
    expect(word(page)).to_have_text("Not our code")
    expect(page.locator("#result .verdict")).to_have_class(re.compile("bad"))
    expect(page.locator("form[data-hand]")).to_have_count(0)
    swipe(page, qr.lower())
    expect(word(page)).to_have_text("Hand over 1 ticket")
    page.click("[data-free]")
    expect(word(page)).to_have_text("1 ticket handed out")
    swipe(page, qr)
    expect(word(page)).to_have_text("Already handed out")
    away(page, yes=False)
    waiting(page, 0)
    expect(page.locator("[data-conflicts]")).to_be_hidden()


def test_a_browser_that_cannot_check_says_so_and_goes_by_its_list_alone(
    open_page: OpenPage,
    staff_page: StaffPage,
    demo: RunningInstance,
    card: Any,
    other_card: Any,
    new_event: Callable[..., Any],
) -> None:
    """The control of the seal too: where it is not checked, a ticket that is not on the list is not handed out."""
    event = new_event(5)
    number = plain(book(open_page(), card, event))
    page = staff_page("clerk", language="en", wide=True, javascript=True)
    page.context.add_init_script(WITHOUT_ED25519)
    listed(page, number)
    expect(page.locator("#network [data-more]")).to_contain_text("cannot check signatures")
    away(page)
    book(open_page(), other_card, event)
    swipe(page, qr_of(demo, other_card, event["id"]))
    expect(word(page)).to_have_text("Cannot be checked")
    swipe(page, qr_of(demo, card, event["id"]))
    expect(word(page)).to_have_text("Hand over 1 ticket")


def test_signed_out_and_closed_meanwhile_nothing_is_lost(
    open_page: OpenPage,
    staff_page: StaffPage,
    demo: RunningInstance,
    card: Any,
    new_event: Callable[..., Any],
) -> None:
    number = plain(book(open_page(), card, new_event(5)))
    page = desk(staff_page, "Gate", number)
    away(page)
    swipe(page, number)
    page.click("[data-free]")
    waiting(page, 1)
    page.context.clear_cookies()
    away(page, yes=False)
    expect(page.locator("#network [data-more]")).to_contain_text("Sign in again")
    waiting(page, 1)
    context = page.context
    page.close()
    again = context.new_page()
    again.goto("/desk")
    password = next(one["password"] for one in demo.demo["staff"] if one["username"] == "clerk")
    again.fill("#username", "clerk")
    again.fill("#password", password)
    again.click("main form button")
    waiting(again, 0)
    swipe(again, number)
    expect(word(again)).to_have_text("Already handed out")
