"""A list of cards is followed by its page alone: checked, imported and found again, without a reload by hand.

Goal: with JavaScript the bar moves and the outcome appears by itself, also after a reload in the middle and from the
list of lists. Method: a manager's browser, a running demo and its real worker. Without JavaScript: tests/api/pages.
"""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

PATIENCE_MS = 60_000  # a worker and the process it starts, on a busy machine
_lists = itertools.count(1)


def test_a_list_is_followed_to_its_end(staff_page: Callable[..., Page], card: Any, tmp_path: Path) -> None:
    number, file = next(_lists), tmp_path / "五月.csv"
    rows = "".join(f"0099{number}{n:06},会员{n},{card['organisation']},{n:06}\n" for n in range(3_000))
    file.write_text(f"card_number,name,organisation,pin\n{rows}12,张伟,x,0246\n", encoding="utf-8")
    page = staff_page("admin", language="zh", javascript=True)
    page.goto("/staff/imports")
    page.set_input_files("#file", str(file))
    page.get_by_role("button", name="检查名单").click()
    page.wait_for_url("**/staff/imports/*")
    page.reload()
    start = page.get_by_role("button", name="导入 3,000 行")
    expect(start).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("tbody")).to_contain_text("卡号必须是 6 到 32 位数字")
    start.click()
    page.goto("/staff/imports")
    page.get_by_role("link", name="五月.csv").first.click()
    expect(page.get_by_role("heading", name="已导入", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("dl.figures")).to_contain_text("3,000")
