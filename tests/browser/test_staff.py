"""Goal: staff put a campaign on sale, raise a quota in the middle of it, and see only what is theirs.

Method: a manager's browser without JavaScript against the demo; each test makes an event of its own, and what
members see is read in a second browser.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.processes import wait_for
from tests.support.steps import sideways_scroll
from ticketing.api.pages.formats import write_form_time
from ticketing.clock import ZONE

pytestmark = pytest.mark.slow

SEEN_SECONDS = 10.0
"""Texts reach members within a second; a busy machine may take longer."""

OpenPage = Callable[..., Page]
StaffPage = Callable[..., Page]


def _draft(page: Page, title: str, **changes: str) -> str:
    """Fill in and send the form for a new event; its id."""
    now = datetime.now(ZONE)
    fields = {
        "title": title,
        "venue": "工人文化宫",
        "opens_at": write_form_time(now - timedelta(minutes=5)),
        "closes_at": write_form_time(now + timedelta(days=2)),
        "starts_at": write_form_time(now + timedelta(days=3)),
        "per_card_limit": "2",
        "quota.0.name": "周六下午场",
        "quota.0.capacity": "30",
        "quota.0.price": "12.50",
        "quota.1.name": "周日下午场",
        "quota.1.capacity": "40",
    } | changes
    page.goto("/staff/events/new")
    for name, value in fields.items():
        page.fill(f"[id='{name}']", value)
    page.click("main form > button[type=submit]:visible")
    return page.url.rpartition("/")[2].partition("?")[0]


def _act(page: Page, verb: str, reason: str = "试一试") -> None:
    page.click(f"details:has(form[action$='/{verb}']) summary")
    page.fill(f"#reason-{verb}", reason)
    page.click(f"form[action$='/{verb}'] button")


def _figures(page: Page, quota: str) -> list[str]:
    return page.locator(f"tr:has-text('{quota}') td").all_inner_texts()


def test_created_published_raised_paused_and_closed(staff_page: StaffPage, open_page: OpenPage) -> None:
    page, member = staff_page("manager", wide=True), open_page()
    event_id = _draft(page, "亲子儿童剧《三只小猪》")
    expect(page.locator("[role=status]")).to_have_text("草稿已保存。")
    unseen = member.goto(f"/events/{event_id}")
    assert unseen is not None
    assert unseen.status == 404

    _act(page, "publish")
    expect(page.locator(".badge").first).to_have_text("订票中")
    member.goto(f"/events/{event_id}")
    expect(member.locator("main")).to_contain_text("¥12.50")
    expect(member.locator("main")).to_contain_text("余 30 张")

    page.select_option("#quota_id", label="周六下午场 (30)")
    page.fill("#capacity", "55")
    page.fill("#capacity-reason", "加座")
    page.click("form[action$='/capacity'] button")
    expect(page.locator("[role=status]")).to_have_text("票额已调整。")
    assert _figures(page, "周六下午场") == ["55", "0", "55", "0", "0", "0"]

    _act(page, "pause")
    expect(page.locator(".badge").first).to_have_text("已暂停")
    _act(page, "resume")
    expect(page.locator(".badge").first).to_have_text("订票中")
    _act(page, "close")
    expect(page.locator(".badge").first).to_have_text("已结束")
    expect(page.locator("form[action$='/capacity']")).to_have_count(0)


def test_a_quota_is_added_in_mid_sale(staff_page: StaffPage) -> None:
    page = staff_page("manager")
    _draft(page, "瑜伽班")
    _act(page, "publish")
    page.fill("#name", "加开一班")
    page.fill("#new-capacity", "33")
    page.fill("#quota-reason", "报名踊跃")
    page.click("form[action$='/quotas'] button")
    expect(page.locator("[role=status]")).to_have_text("票额已增加。")
    assert page.locator("tr:has-text('加开一班') td").first.inner_text() == "33"


def test_wrong_fields_are_named_and_nothing_typed_is_lost(staff_page: StaffPage) -> None:
    page = staff_page("manager", language="en")
    early = write_form_time(datetime.now(ZONE) - timedelta(days=30))
    _draft(page, "Choir", closes_at=early, **{"quota.0.price": "5.005"})
    expect(page.locator("[id='quota.0.price-wrong']")).to_have_text("Please give a price such as 5 or 12.50.")
    assert page.input_value("#title") == "Choir"
    page.fill("[id='quota.0.price']", "5")
    page.click("main form > button[type=submit]:visible")
    expect(page.locator("#closes_at-wrong")).to_have_text("This must be after the opening of the booking.")


def test_a_text_is_changed_in_mid_sale(staff_page: StaffPage, open_page: OpenPage) -> None:
    page, member = staff_page("manager", wide=True), open_page()
    event_id = _draft(page, "书法班")
    _act(page, "publish")
    page.click(f"a[href='/staff/events/{event_id}/edit']")
    page.fill("#notice", "请自带毛笔")
    page.fill("#reason", "老师的要求")
    page.click("main form > button[type=submit]:visible")
    expect(page.locator("[role=status]")).to_have_text("活动已修改。")

    def told() -> bool:
        member.goto(f"/events/{event_id}")
        return "请自带毛笔" in member.inner_text("main")

    assert wait_for(told, SEEN_SECONDS)

    page.goto(f"/staff/events/{event_id}/edit")
    page.fill("#opens_at", write_form_time(datetime.now(ZONE) + timedelta(hours=1)))
    page.fill("#reason", "试一试")
    page.click("main form > button[type=submit]:visible")
    expect(page.locator("#opens_at-wrong")).to_have_text("订票已开始，此项不能再改。")


def test_a_neighbour_sees_nothing_of_it(staff_page: StaffPage) -> None:
    event_id = _draft(staff_page("manager"), "区里的活动")
    neighbour = staff_page("street-manager")
    answer = neighbour.goto(f"/staff/events/{event_id}")
    assert answer is not None
    assert answer.status == 404


def test_who_only_reads_is_offered_no_act(staff_page: StaffPage, campaign: Callable[[str], Any]) -> None:
    page = staff_page("auditor")
    page.goto(f"/staff/events/{campaign('five-yuan-cinema')['id']}")
    expect(page.locator("#numbers")).to_be_visible()
    expect(page.locator("main form")).to_have_count(0)
    answer = page.goto("/staff/events/new")
    assert answer is not None
    assert answer.status == 403


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("wide", [False, True])
def test_nothing_scrolls_sideways(
    staff_page: StaffPage, campaign: Callable[[str], Any], language: str, wide: bool
) -> None:
    page = staff_page("manager", language=language, wide=wide)
    event_id = campaign("evening-classes")["id"]
    for path in ("", "/new", f"/{event_id}", f"/{event_id}/edit"):
        page.goto(f"/staff/events{path}")
        assert sideways_scroll(page) == 0, path
