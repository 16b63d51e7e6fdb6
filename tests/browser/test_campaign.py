"""Goal: a manager takes a campaign from nothing to its settlement by the pages alone, and every yuan can be followed.

Method: one journey. The manager's browser admits a venue, imports a list of cards, makes an event of a template,
previews and publishes it and watches it live; the people of that list come as the crowd of the rehearsals (Locust, a
process of its own) and find more tickets in mid-sale; a clerk hands some out. Then every ticket that the crowd was told
of is in the file of the orders, and the settlement is what that file adds up to.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from loadtests.plan import RAISED
from loadtests.records import read_records
from tests.support.command import RunningInstance
from tests.support.processes import wait_for
from tests.support.steps import broken_rules
from ticketing.api.pages.formats import write_form_time
from ticketing.clock import ZONE
from ticketing.rehearsal import crowd
from ticketing.rehearsal.scenarios import Habits

pytestmark = pytest.mark.slow

PATIENCE_MS, PATIENCE = 60_000, 60.0  # a worker, a crowd and the processes they start, on a busy machine
COMING, LATER, PHONES = 16, 30, 8
STOCK, MORE, LIMIT = 20, 12, 3
VENUE, CONTRACT = "群星影院", "合字 2026-017 号"
QUOTAS = "名称\t票价\t原价\t票数\n周六 19:30 一号厅\t5\t40\t10\n周六 19:30 二号厅\t5\t65\t10"
PRICE, FACE = 500, {"周六 19:30 一号厅": 4_000, "周六 19:30 二号厅": 6_500}
HABITS = Habits(
    share=1.0,
    wants={1: 0.2, 2: 0.4, 3: 0.4},
    looks_only=0.0,
    hangs_up=0.0,  # whoever hangs up does not know their tickets
    walks_away=0.0,
    double_taps=0.3,
    pause=(0.0, 0.05),
)

Row = dict[str, str]


def test_a_campaign_from_its_draft_to_its_settlement(
    staff_page: Callable[..., Page], demo: RunningInstance, card: Any, tmp_path: Path
) -> None:
    page = staff_page("manager", wide=True, javascript=True)
    admit_venue(page)
    people = import_people(page, card["organisation"], tmp_path / "新会员.csv")
    event_id = publish(page)
    with coming(tmp_path, demo, event_id, people) as arrived:
        watch_and_raise(page, event_id, tmp_path / RAISED)
        assert wait_for(lambda: not arrived.gathered, PATIENCE)
        arrived.check()
    orders = download(page, tmp_path, f"/staff/events/{event_id}", "orders.csv")
    told = {code for record in read_records(tmp_path) for code in record.codes or ()}
    assert {row["ticket_code"] for row in orders} == told
    assert len(orders) == STOCK + MORE

    collected = hand_out(staff_page("clerk", wide=True), people, orders)
    orders = download(page, tmp_path, f"/staff/events/{event_id}", "orders.csv")
    states = Counter(row["status"] for row in orders)
    assert states == {"collected": collected, "issued": len(orders) - collected}
    settle(page, tmp_path, event_id, orders)


def admit_venue(page: Page) -> None:
    page.get_by_text("更多", exact=True).click()
    page.get_by_role("link", name="场馆").click()
    page.get_by_label("名称").fill(VENUE)
    page.get_by_label("合同编号").fill(CONTRACT)
    page.get_by_role("button", name="准入").click()
    expect(page.get_by_role("heading", name=VENUE)).to_be_visible()
    assert broken_rules(page) == []


def import_people(page: Page, organisation: str, file: Path) -> list[Row]:
    """New members with cards, from a list; as its lines."""
    people = [
        {"card_number": f"77{n:08}", "name": f"新会员{n}", "organisation": organisation, "pin": f"31{n:04}"}
        for n in range(COMING + LATER)
    ]
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, people[0])
        writer.writeheader()
        writer.writerows(people)
    page.get_by_text("更多", exact=True).click()
    page.get_by_role("link", name="卡片名单").click()
    page.set_input_files("#file", str(file))
    page.get_by_role("button", name="检查名单").click()
    page.get_by_role("button", name=f"导入 {len(people)} 行").click(timeout=PATIENCE_MS)
    expect(page.get_by_role("heading", name="已导入", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    return people


def publish(page: Page) -> str:
    """An event of a template, with the venue and quotas of this test, checked, seen and published; its id."""
    page.get_by_role("link", name="活动", exact=True).click()
    page.get_by_role("link", name="用模板新建").click()
    page.check("input[value=cinema]")
    page.fill("#title", "五元看大片：群星专场")
    page.fill("#starts_at", write_form_time(datetime.now(ZONE) + timedelta(days=6)))
    page.get_by_role("button", name="生成草稿").click()
    event_id = page.url.rpartition("/")[2].partition("?")[0]
    page.get_by_role("link", name="批量票额表").click()
    page.fill("#text", QUOTAS)
    page.get_by_role("button", name="看一看").click()
    page.get_by_role("button", name="写入全部 2 个票额").click()
    page.get_by_role("link", name="修改活动").click()
    page.fill("#venue", VENUE)
    page.select_option("#venue_id", label=VENUE)
    page.fill("#reason", "定在群星影院")
    page.get_by_role("button", name="保存修改").click()
    expect(page.get_by_text("一发布就开始订票。")).to_be_visible()
    expect(page.get_by_text("须改正")).to_have_count(0)
    page.get_by_role("link", name="按会员看到的样子预览").click()
    expect(page.get_by_role("heading", name="五元看大片：群星专场")).to_be_visible()
    page.get_by_role("link", name="回到草稿").click()
    page.click("details:has(form[action$='/publish']) summary")
    page.fill("#reason-publish", "开始订票")
    page.click("form[action$='/publish'] button")
    expect(page.locator(".badge").first).to_have_text("订票中")
    return event_id


@contextmanager
def coming(
    directory: Path, demo: RunningInstance, event_id: str, people: Sequence[Row]
) -> Iterator[crowd.Crowd]:
    """These people, signed in with the PINs of their list, as the crowd of a rehearsal."""
    with httpx2.Client(base_url=demo.base_url, timeout=30, trust_env=False) as client:
        logins = ({name: each[name] for name in ("card_number", "pin")} for each in people)
        tokens = [client.post("/api/v1/sessions", json=login).json()["token"] for login in logins]
        shown = client.get(f"/api/v1/events/{event_id}").json()
    crowd.write_sessions(directory, enumerate(tokens, 1))
    plan = crowd.Plan(
        scenario="campaign",
        title=shown["title"],
        base_url=demo.base_url,
        event_id=event_id,
        opens_at=int(datetime.fromisoformat(shown["opens_at"]).timestamp() * 1000),
        quotas=[{"id": each["id"], "name": each["name"], "capacity": STOCK} for each in shown["quotas"]],
        per_card_limit=LIMIT,
        payment_method="desk",
        hold_seconds=300,
        raised=True,
        cards=COMING,
        users=PHONES,
        processes=1,
        seconds_max=10**9,  # after an opening that was yesterday: they go when all is sold
        seed=7,
        crowd=HABITS,
    )
    with crowd.gather(directory, plan) as people_there:
        yield people_there


def watch_and_raise(page: Page, event_id: str, raised: Path) -> None:
    """See the tickets go without a reload, add some on the event's page, and see those go."""
    page.get_by_role("link", name="实时查看").click()
    page.evaluate("window.kept = true")
    expect(tile(page, "剩余")).to_have_text("0", timeout=PATIENCE_MS)
    expect(tile(page, "已售")).to_have_text(str(STOCK), timeout=PATIENCE_MS)
    assert page.evaluate("window.kept"), "the page is the same, only its numbers are new"
    page.locator("header.heading a").click()
    page.select_option("#raise-quota", label="周六 19:30 二号厅 (10)")
    page.fill("#raise-now", str(MORE))
    page.fill("#raise-reason", "影院加座")
    page.get_by_role("button", name="加票").click()
    expect(page.locator("[role=status]")).to_be_visible()
    raised.touch()
    page.get_by_role("link", name="实时查看").click()
    expect(tile(page, "已售")).to_have_text(str(STOCK + MORE), timeout=PATIENCE_MS)
    expect(tile(page, "剩余")).to_have_text("0")
    expect(tile(page, "尚未入账")).to_have_text("0", timeout=PATIENCE_MS)


def tile(page: Page, name: str) -> Any:
    return page.locator("dl.tiles div", has=page.get_by_text(name, exact=True)).locator("dd")


def download(page: Page, directory: Path, path: str, ending: str) -> list[Row]:
    """The rows of a file that a page offers."""
    page.goto(path)
    with page.expect_download() as waiting:
        page.locator(f"a[download][href*='{ending}']").click()
    file = directory / "taken.csv"
    waiting.value.save_as(file)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def hand_out(desk: Page, people: Sequence[Row], orders: Sequence[Row]) -> int:
    """The tickets of three people, paid in cash; how many they were."""
    names = list(dict.fromkeys(row["member"] for row in orders))[:3]
    for name in names:
        desk.goto("/desk")
        desk.fill("#swipe", next(each["card_number"] for each in people if each["name"] == name))
        desk.click("form.swipe button")
        desk.click("form[action='/desk/pickups'] button[value=cash]")
        mine = sum(row["member"] == name for row in orders)
        expect(desk.locator(".verdict.good .word")).to_have_text(f"已发放 {mine} 张票")
    return sum(row["member"] in names for row in orders)


def settle(page: Page, directory: Path, event_id: str, orders: Sequence[Row]) -> None:
    """The venue is owed the face price of what was collected, and all lines are all orders."""
    collected = [row for row in orders if row["status"] == "collected"]
    owed, paid = sum(FACE[row["quota"]] for row in collected), PRICE * len(collected)
    page.get_by_role("link", name="报表").click()
    expect(page.get_by_role("heading", name="结算", exact=True)).to_be_visible()
    line = page.locator("section[aria-labelledby=venues] tr", has_text=VENUE)
    cells = [line.locator("th").inner_text(), *line.locator("td").all_inner_texts()]
    assert cells == [VENUE, CONTRACT, str(len(collected)), *map(yuan, (owed, paid, owed - paid))]
    expect(page.get_by_text("与这些活动的订单金额一致")).to_be_visible()
    assert broken_rules(page) == []  # only here has it lines to look at

    rows = [
        row for row in download(page, directory, page.url, "settlement.csv") if row["event_id"] == event_id
    ]
    assert sum(int(row["face_total"]) for row in rows if row["state"] == "collected") == owed
    assert sum(int(row["member_total"]) for row in rows) == sum(int(row["price"]) for row in orders)
    assert sum(int(row["tickets"]) for row in rows) == len(orders)


def yuan(fen: int) -> str:
    return f"¥{fen / 100:,.2f}"
