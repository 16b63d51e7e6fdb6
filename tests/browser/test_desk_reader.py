"""Goal: at a desk nothing that a reader sends is lost or taken for something else, and one key hands out, once.

Method: the page with its script in a real Chromium, against the real demo. A reader is a keyboard at 5 ms a key, a
person one at 120 ms. What the page sounds is heard through the oscillators that it starts.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.command import RunningInstance
from tests.support.desk import Desk
from tests.support.events import buy, make_event
from tests.support.steps import sign_in

pytestmark = pytest.mark.slow

LOSE_AN_ANSWER = """() => {
const real = window.fetch;
window.fetch = async (...asked) => {
  if (asked[0] !== "/desk/pickups") return real(...asked);
  window.fetch = real;
  window.lost = (await real(...asked)).status;
  throw new TypeError("the network is gone");
}}"""
GOOD, BAD, WAIT = ["sine", "sine"], ["square", "square"], ["triangle", "triangle"]


@pytest.fixture
def desk(staff_page: Callable[..., Page]) -> Desk:
    return Desk(staff_page("clerk", wide=True, javascript=True))


@pytest.fixture
def booked(demo: RunningInstance, card: Any) -> Any:
    """A card with two tickets to be paid at the desk beside its free one, and the number of their order."""
    event = make_event(demo, 20, price=500, per_card_limit=3, payment_methods=["desk"])
    return {**card, "order": buy(demo, event, card, 2, "desk")["number"]}


def test_swipe_see_hand_over_next(desk: Desk, card: Any) -> None:
    """A card of the demo with a free class ticket: swipe and Enter."""
    desk.keys.reads(card["card_number"])
    desk.sees("hand", "请发 1 张票")
    desk.has_focus()
    assert desk.heard() == GOOD
    assert card["card_number"] not in desk.page.inner_text("body")
    desk.presses("Enter")
    desk.sees("handed", "已发放 1 张票")
    desk.has_focus()
    assert desk.heard() == GOOD
    desk.page.wait_for_timeout(2_000)  # not the same swipe any more
    desk.keys.reads(card["card_number"])
    desk.sees("gone", "已经取走")
    expect(desk.page.locator(".verdict .more")).to_contain_text("clerk")
    desk.has_focus()
    assert desk.heard() == BAD


def test_payment_is_one_key_and_enter_is_none(desk: Desk, booked: Any) -> None:
    desk.keys.reads(booked["order"])
    desk.sees("pay", "请先收款")
    assert desk.heard() == WAIT
    desk.presses("Enter")
    desk.page.wait_for_timeout(300)
    desk.sees("pay")
    desk.presses("F8")
    desk.sees("handed", "已发放 2 张票")
    expect(desk.page.locator(".verdict")).to_contain_text("已收 ¥10.00")


def test_the_same_card_within_two_seconds_is_one_swipe(desk: Desk, card: Any) -> None:
    for _ in range(3):
        desk.keys.reads(card["card_number"])
    desk.sees("hand")
    assert len(desk.swipes) == 1
    desk.page.wait_for_timeout(2_100)
    desk.keys.reads(card["card_number"])
    desk.sees("hand")
    expect(desk.page.locator(".verdict")).to_have_count(1)
    assert len(desk.swipes) == 2


def test_a_reader_is_told_from_fingers_by_its_pace(desk: Desk, card: Any) -> None:
    """What is half typed is replaced by what is read, and added to by what is typed."""
    number = card["card_number"]
    desk.keys.types("123")
    desk.keys.reads(number)
    desk.sees("hand")
    assert desk.swipes == [f"swipe={number}"]
    desk.keys.types("12")
    desk.keys.types("345678", "Enter")
    desk.sees("unknown", "查不到")
    assert desk.swipes[1:] == ["swipe=12345678"]
    assert desk.heard()[-2:] == WAIT


def test_a_reader_that_ends_twice_hands_out_nothing_unseen(desk: Desk, card: Any) -> None:
    """Some readers end with two Enters: the second is not for the card before, nor for this one."""
    desk.keys.reads(card["card_number"], "Enter", "Enter")
    desk.sees("hand")
    desk.page.wait_for_timeout(500)
    desk.sees("hand")


def test_what_is_read_elsewhere_arrives_in_the_field(desk: Desk, card: Any) -> None:
    """In another field, on a button, after a click on nothing, after another tab."""
    page, number = desk.page, card["card_number"]
    page.click(".setup summary")
    for place in ("#desk", "#reader-length", "#event, input[name=event] >> nth=0", ".setup button"):
        before = page.input_value("#desk")
        page.focus(place)
        desk.keys.reads(number)
        desk.sees("hand")
        assert page.input_value("#desk") == before
        desk.has_focus()
        page.wait_for_timeout(2_050)
    page.mouse.click(8, 400)  # the margin
    desk.has_focus()
    page.evaluate("document.activeElement.blur()")
    desk.has_focus()
    other = page.context.new_page()
    other.goto("/staff/events")
    other.close()
    page.bring_to_front()
    desk.has_focus()


def test_what_is_typed_elsewhere_stays_there(desk: Desk, card: Any) -> None:
    page = desk.page
    page.click(".setup summary")
    page.focus("#desk")
    desk.keys.types("12345678")
    assert "12345678" in page.input_value("#desk")
    assert desk.swipes == []


def test_the_chinese_input_method_spoils_nothing(desk: Desk, booked: Any) -> None:
    desk.keys.composes("zhongguo", "中国")
    expect(desk.page.locator("#swipe")).to_have_value("ZHONGGUO")
    expect(desk.page.locator("#typing")).to_contain_text("中文输入法")
    desk.keys.reads(booked["card_number"])
    desk.sees("pay")
    assert desk.swipes == [f"swipe={booked['card_number']}"]


def test_two_desks_and_one_ticket(desk: Desk, staff_page: Callable[..., Page], card: Any) -> None:
    other = Desk(staff_page("manager", wide=True, javascript=True))
    other.page.goto("/desk")
    for each in (desk, other):
        each.keys.reads(card["card_number"])
        each.sees("hand")
    for each in (desk, other):
        each.presses("Enter")
    desk.sees("handed")
    other.sees("gone", "已经取走")
    assert other.heard()[-2:] == BAD


def test_a_card_left_without_recording_is_named(desk: Desk, card: Any) -> None:
    desk.keys.reads(card["card_number"])
    desk.sees("hand")
    desk.keys.reads("99999999999")
    desk.sees("unknown")
    expect(desk.page.locator(".unrecorded")).to_contain_text(card["card_number"][-4:])


def test_no_answer_is_repeated_with_the_same_key(desk: Desk, card: Any) -> None:
    """The network is cut after the hand-over was recorded, before its answer came, in a browser that keeps nothing."""
    desk.page.evaluate("delete window.deskAway")
    desk.keys.reads(card["card_number"])
    desk.sees("hand")
    desk.page.evaluate(LOSE_AN_ANSWER)
    desk.presses("Enter")
    desk.sees("no-answer", "没有回应")
    assert desk.page.evaluate("window.lost") == 200
    desk.presses("Enter")
    desk.sees("handed", "已发放 1 张票")


def test_a_forgotten_pin(desk: Desk, open_page: Callable[..., Page], card: Any) -> None:
    """The clerk ticks that they looked at the person; the one-time PIN opens the account, and must be changed."""
    desk.keys.reads(card["card_number"])
    desk.sees("hand")
    desk.page.click(".forgotten summary")
    desk.page.click(".forgotten button")
    desk.sees("hand")  # the browser asks for the tick first
    desk.page.check(".forgotten input[name=checked]")
    desk.page.click(".forgotten button")
    desk.sees("pin", "一次性密码")
    pin = desk.page.inner_text(".verdict .pin")
    assert pin not in desk.page.url
    member = open_page()
    sign_in(member, {**card, "pin": pin})
    expect(member).to_have_url(re.compile("/account"))
    desk.page.reload()
    assert pin not in desk.page.content()


def test_a_code_that_we_did_not_sign_is_called_so(desk: Desk) -> None:
    desk.keys.reads(f"7KQ2M9XH4T5W-1.ABCDEFGH-1.0.AAAAAAAA.{'A' * 103}")
    desk.sees("forged", "不是我们的码")
    assert desk.heard() == BAD


@pytest.mark.parametrize("state", ["shown", "handed", "undone"])
def test_a_reload_does_nothing_twice(desk: Desk, card: Any, state: str) -> None:
    desk.keys.reads(card["card_number"])
    desk.sees("hand")
    if state != "shown":
        desk.presses("Enter")
        desk.sees("handed")
    if state == "undone":
        desk.page.click(".recent button")
        desk.sees("undone", "已撤回")
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.method))
    desk.page.reload()
    assert "POST" not in asked
    desk.sees({"shown": "ready"}.get(state, state))
    desk.has_focus()
    assert card["card_number"] not in desk.page.url
    desk.keys.reads(card["card_number"])
    desk.sees("gone" if state == "handed" else "hand")
