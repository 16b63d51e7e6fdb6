"""Goal: whatever a queue brings, the clerk is told what it is and has one way to do it, by mouse, by keys, by camera.

Method: the page with its script in a real Chromium, against the real demo: orders of several events, other unions' too,
half an order, an order's number in somebody else's hands, a reader that puts signs around the number, a camera that
films a code. axe-core reads every verdict, in both languages, light and dark.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.access import faults as whom_it_keeps_out
from tests.support.command import RunningInstance
from tests.support.desk import Desk
from tests.support.events import buy, make_event
from tests.support.keys import READER_MS

pytestmark = pytest.mark.slow

StaffPage = Callable[..., Page]

CAMERA = """text => {
  window.filmed = [text];
  window.BarcodeDetector = class {
    static async getSupportedFormats() { return ["qr_code"]; }
    async detect(video) { return video.videoWidth && window.filmed ? window.filmed.map(rawValue => ({rawValue})) : []; }
  };
  navigator.mediaDevices.getUserMedia = async () => {
    const canvas = document.createElement("canvas");
    const draw = () => canvas.getContext("2d").fillRect(0, 0, 9, 9);
    draw();
    setInterval(draw, 50);
    return canvas.captureStream();
  };
}"""
"""Chromium for Debian has no reader of codes of its own; the stream and everything around it are real."""


@pytest.fixture
def desk(staff_page: StaffPage) -> Desk:
    return Desk(staff_page("clerk", wide=True, javascript=True))


def test_some_now_the_rest_later(desk: Desk, demo: RunningInstance, card: Any) -> None:
    """Over two events in one swipe; what waits is not paid for, and what is paid for is paid once."""
    free, priced = (
        make_event(demo, 20, price=price, per_card_limit=3, payment_methods=methods, title=title)
        for price, methods, title in ((0, ["free"], "讲座"), (500, ["desk"], "话剧"))
    )
    buy(demo, free, card, 2)
    buy(demo, priced, card, 2, "desk")
    desk.keys.reads(card["card_number"])
    desk.sees("pay")
    boxes = desk.page.locator("input[name=ticket]")
    expect(boxes).to_have_count(5)  # with one of the evening classes
    expect(desk.page.locator(".total")).to_have_text("应收 ¥10.00")
    for number in (1, 2, 3, 4):
        boxes.nth(number).uncheck()
    expect(desk.page.locator(".total")).to_be_hidden()
    desk.has_focus()
    desk.presses("Enter")
    desk.sees("handed", "已发放 1 张票")
    desk.waits_out_the_swipe()
    desk.keys.reads(card["card_number"])
    desk.sees("pay")
    expect(boxes).to_have_count(4)
    boxes.nth(3).uncheck()
    desk.presses("F9")
    desk.sees("handed", "已发放 3 张票")
    expect(desk.page.locator(".verdict")).to_contain_text("已收 ¥10.00")
    desk.waits_out_the_swipe()
    desk.keys.reads(card["card_number"])
    desk.sees("hand", "请发 1 张票")


def test_a_colleague_brings_the_number(desk: Desk, demo: RunningInstance, card: Any) -> None:
    """Only this order, though its owner has more; the page says whose it is, and not by the whole name."""
    order = buy(demo, make_event(demo, 20, title="讲座"), card, 1)
    desk.keys.types(order["number"].lower(), "Enter")
    desk.sees("hand", "请发 1 张票")
    expect(desk.page.locator(".bearer")).to_contain_text("凭码代取")
    expect(desk.page.locator(".bearer")).to_contain_text("*")
    expect(desk.page.locator(".forgotten")).to_have_count(0)
    desk.presses("Enter")
    desk.sees("handed")
    desk.keys.reads(order["tickets"][0]["qr"])
    desk.sees("gone", "已经取走")


def test_a_picture_of_a_collected_ticket_brings_no_other(
    desk: Desk, demo: RunningInstance, card: Any
) -> None:
    order = buy(demo, make_event(demo, 20, per_card_limit=3), card, 2)
    desk.keys.reads(order["number"])
    desk.sees("hand")
    desk.page.uncheck("input[name=ticket] >> nth=1")
    desk.presses("Enter")
    desk.sees("handed", "已发放 1 张票")
    desk.keys.reads(order["tickets"][0]["qr"])
    desk.sees("gone")
    expect(desk.page.locator(".verdict")).to_contain_text("本订单还有 1 张票未取")
    desk.keys.reads(order["tickets"][1]["qr"])
    desk.sees("hand", "请发 1 张票")


def test_a_mistake_is_taken_back_though_somebody_else_stands_there(
    desk: Desk, demo: RunningInstance, card: Any
) -> None:
    desk.keys.reads(card["card_number"])
    desk.sees("hand")
    desk.presses("Enter")
    desk.sees("handed")
    desk.keys.reads("99999999999")
    desk.sees("unknown")
    undo = desk.page.locator(".recent button")
    expect(undo).to_have_text(re.compile(r"撤回 00:[0-5]\d"))
    desk.page.fill(".recent input[name=reason]", "拿错了票")
    undo.click()
    desk.sees("undone")
    expect(desk.page.locator(".recent")).to_have_count(0)
    desk.has_focus()
    desk.waits_out_the_swipe()
    desk.keys.reads(card["card_number"])
    desk.sees("hand")


def test_a_desk_serves_the_events_that_it_is_set_to(desk: Desk, demo: RunningInstance, card: Any) -> None:
    here, elsewhere = (make_event(demo, 20, title=title) for title in ("本场", "别场"))
    desk.keys.reads(card["card_number"])
    desk.sees("hand")
    desk.presses("Enter")  # what it has of the evening classes
    desk.sees("handed")
    desk.page.reload()
    desk.page.click(".setup summary")
    desk.page.check(f"input[name=event][value='{here['id']}']")
    desk.page.click(".setup button")
    expect(desk.page.locator(".setup summary")).to_contain_text("本场")

    desk.waits_out_the_swipe()
    desk.keys.reads(card["card_number"])
    desk.sees("nothing", "没有可取的票")
    buy(demo, elsewhere, card, 1)
    desk.waits_out_the_swipe()
    desk.heard()
    desk.keys.reads(card["card_number"])
    desk.sees("event", "不是本场活动")
    expect(desk.page.locator(".others")).to_contain_text("别场")
    assert desk.heard() == ["triangle", "triangle"]
    buy(demo, here, card, 1)
    desk.waits_out_the_swipe()
    desk.keys.reads(card["card_number"])
    desk.sees("hand", "请发 1 张票")
    expect(desk.page.locator(".others")).to_contain_text("别场")


def test_another_unions_tickets_are_not_this_desks(
    staff_page: StaffPage, demo: RunningInstance, card: Any
) -> None:
    """A sub-district's desk is told that, and nothing of what they are."""
    order = buy(demo, make_event(demo, 20, title="区里的讲座"), card, 1)
    street = Desk(staff_page("street-manager", wide=True, javascript=True))
    street.page.goto("/desk")
    for what in (card["card_number"], order["number"]):
        street.keys.reads(what)
        street.sees("desk", "不在本取票点")
        assert "讲座" not in street.page.inner_text("main")


def test_what_the_reader_puts_around_a_number(desk: Desk, card: Any) -> None:
    page, number = desk.page, card["card_number"]
    page.click(".setup summary")
    for wrong in ("length", "prefix"):
        page.fill(f"#reader-{wrong}", {"length": "5", "prefix": "卡"}[wrong])
        page.click(".setup button")
        expect(page.locator(f"#about-{wrong}")).to_have_class("wrong")
        page.fill(f"#reader-{wrong}", "")
    page.fill("#reader-prefix", ";")
    page.fill("#reader-suffix", "?")
    page.fill("#reader-length", str(len(number)))
    page.click(".setup button")
    expect(page.locator("main > .message")).to_contain_text("已保存")
    desk.keys.reads(f";{number}?")
    desk.sees("hand")
    desk.keys.reads(f";{number[1:]}?")
    desk.sees("unread", "没有读清")
    desk.waits_out_the_swipe()
    desk.keys.types(
        f";{number}?", ms=READER_MS
    )  # a reader that sends no Enter: so many characters are a card
    desk.sees("hand")


def test_the_camera_reads_a_code(desk: Desk, demo: RunningInstance, card: Any) -> None:
    order = buy(demo, make_event(demo, 20), card, 1)
    desk.page.evaluate(CAMERA, order["tickets"][0]["qr"])
    desk.page.click("#camera")
    desk.sees("hand", "请发 1 张票")
    assert len(desk.swipes) == 1
    desk.page.wait_for_timeout(2_500)
    assert len(desk.swipes) == 1  # the code is still before the camera
    desk.page.evaluate("window.filmed = null")
    desk.page.click("#viewfinder button")
    expect(desk.page.locator("#viewfinder")).to_be_hidden()
    desk.has_focus()


def test_a_reader_of_codes_that_cannot_be_loaded_is_told(desk: Desk) -> None:
    desk.page.evaluate("delete window.BarcodeDetector")
    desk.page.evaluate("document.getElementById('camera').dataset.reader = '/static/gone.js'")
    desk.page.click("#camera")
    expect(desk.page.locator("#typing")).to_contain_text("读码组件无法载入")
    expect(desk.page.locator("#viewfinder")).to_be_hidden()


def test_by_keys_alone(desk: Desk, demo: RunningInstance, card: Any) -> None:
    """From the field to a box, off with its tick, on to the button; Enter in a box chooses no way to pay."""
    event = make_event(demo, 20, price=500, per_card_limit=3, payment_methods=["desk"])
    desk.keys.types(buy(demo, event, card, 2, "desk")["number"], "Enter")
    desk.sees("pay")
    box = desk.page.locator("input[name=ticket] >> nth=0")
    _tab_to(desk.page, box)
    desk.page.keyboard.press("Space")
    expect(box).not_to_be_checked()
    expect(box).to_be_focused()
    desk.page.keyboard.press("Enter")
    expect(desk.page.locator(".verdict .more")).to_contain_text("需要付款")
    _tab_to(desk.page, desk.page.locator("button[value=cash]"))
    desk.page.keyboard.press("Enter")
    desk.sees("handed", "已发放 2 张票")
    desk.has_focus()


def _tab_to(page: Page, target: Locator) -> None:
    for _ in range(20):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail("the tabulator does not come there")


@pytest.mark.parametrize(
    ("wide", "scheme", "language"),  # every two of them meet
    [(False, "light", "zh"), (False, "dark", "en"), (True, "light", "en"), (True, "dark", "zh")],
)
def test_every_verdict_can_be_read_by_everybody(
    staff_page: StaffPage, demo: RunningInstance, card: Any, language: str, scheme: Any, wide: bool
) -> None:
    desk = Desk(staff_page("clerk", language=language, wide=wide, javascript=True))
    desk.page.emulate_media(color_scheme=scheme)
    event = make_event(demo, 20, price=500, per_card_limit=3, payment_methods=["desk"])
    order = buy(demo, event, card, 2, "desk")
    faults = {"ready": whom_it_keeps_out(desk.page)}
    for what, kind in ((card["card_number"], "pay"), (order["number"], "pay"), ("99999999999", "unknown")):
        desk.keys.reads(what)
        desk.sees(kind)
        faults[f"{kind} {what}"] = whom_it_keeps_out(desk.page)
    desk.keys.reads(order["tickets"][0]["qr"])
    desk.sees("pay")
    desk.presses("F8")
    desk.sees("handed")
    faults["handed"] = whom_it_keeps_out(desk.page)
    desk.keys.reads(order["tickets"][1]["qr"])
    desk.sees("gone")
    faults["gone"] = whom_it_keeps_out(desk.page)
    desk.page.click(".setup summary")
    faults["setup"] = whom_it_keeps_out(desk.page)
    assert {state: found for state, found in faults.items() if found} == {}
