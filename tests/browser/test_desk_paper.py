"""Goal: what a desk prints is whole and readable on every paper, on one strip or sheet, and its QR codes are read.

Method: a hand-over on the real page; Chromium makes a PDF of each paper, whose pages are counted and measured, and an
independent reader reads the QR codes from a picture of it. The page prints by itself from its frame.
"""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from tests.support.command import RunningInstance
from tests.support.desk import Desk
from tests.support.events import buy, make_event

pytestmark = pytest.mark.slow

StaffPage = Callable[..., Page]

PRINTED = """
window.print = function () { window.top.printed = (window.top.printed || 0) + 1; };
"""
BEYOND = """() => Array.from(document.querySelectorAll("main *")).filter(part =>
  part.getBoundingClientRect().right > document.body.getBoundingClientRect().right + 0.5
  || part.scrollWidth > Math.ceil(part.getBoundingClientRect().width) + 1).map(part => part.outerHTML.slice(0, 99))"""


def handed(desk: Desk, demo: RunningInstance, card: Any) -> str:
    """Two tickets with a long title and a price are handed out and paid."""
    title = "职工文化惠民·交响音乐会《黄河大合唱》Symphony Concert with a Long Title"
    event = make_event(
        demo, 20, price=500, face_price=18_000, per_card_limit=3, payment_methods=["desk"], title=title
    )
    order = buy(demo, event, card, 2, "desk")
    desk.keys.reads(order["number"])
    desk.sees("pay")
    desk.page.wait_for_timeout(400)
    desk.page.keyboard.press("F8")
    desk.sees("handed")
    return str(order["number"])


def set_paper(page: Page, paper: str, *, at_once: bool = False) -> None:
    page.goto("/desk")
    page.click(".setup summary")
    page.check(f"input[name=paper][value='{paper}']")
    page.set_checked("input[name=prints]", at_once)
    with page.expect_navigation():
        page.click(".setup form button")


def printed(page: Page, times: int) -> None:
    for _ in range(100):
        if page.evaluate("window.printed || 0") == times:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"printed {page.evaluate('window.printed')} times, not {times}")


def test_it_is_printed_by_itself_and_once_more_as_a_copy(
    staff_page: StaffPage, demo: RunningInstance, card: Any
) -> None:
    page = staff_page("clerk", wide=True, javascript=True)
    page.context.add_init_script(PRINTED)
    set_paper(page, "58", at_once=True)
    handed(Desk(page), demo, card)
    printed(page, 1)
    paper = page.frame("paper")
    assert paper
    for words in ("取票凭条", "现金", "¥10.00", "票面价 ¥180.00"):
        expect(paper.locator("main")).to_contain_text(words)
    expect(paper.locator(".copy")).to_have_count(0)
    expect(page.locator("#swipe")).to_be_focused()
    page.wait_for_timeout(400)  # a key sooner than this was meant for what stood there before
    page.keyboard.press("F10")
    printed(page, 2)
    expect(paper.locator(".receipt .copy")).to_have_text("副本 1")
    expect(page.locator("#swipe")).to_be_focused()


def test_every_paper_holds_all_of_it_on_one_page_and_its_codes_are_read(
    staff_page: StaffPage, demo: RunningInstance, card: Any
) -> None:
    page = staff_page("clerk", wide=True, javascript=True)
    page.context.add_init_script(PRINTED)
    desk = Desk(page)
    number = handed(desk, demo, card)
    for paper, width in (("58", 58), ("80", 80), ("a4", 210)):
        set_paper(page, paper)
        desk.keys.reads(number)
        desk.sees("gone")
        sheet = paper_of(page)
        pdf = sheet.pdf(prefer_css_page_size=True)
        assert len(re.findall(rb"/Type /Page\b", pdf)) == 1
        wide = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ", pdf)[0]
        assert abs(float(wide) * 25.4 / 72 - width) < 0.5
        assert sheet.evaluate(BEYOND) == []
        shown = sheet.screenshot(full_page=True)
        read = sorted(found.text for found in zxingcpp.read_barcodes(Image.open(io.BytesIO(shown))))
        codes = sorted(code.replace(" ", "") for code in sheet.locator(".ticket .code").all_text_contents())
        assert [text.partition(".")[0] for text in read] == codes
        sheet.close()


def paper_of(page: Page) -> Page:
    """What the print button asks for, in a window of its own."""
    with page.expect_popup() as opened:
        page.evaluate("document.querySelector('form[data-paper]').submit()")
    opened.value.wait_for_load_state()
    opened.value.emulate_media(media="print")
    return opened.value
