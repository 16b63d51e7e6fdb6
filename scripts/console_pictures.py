"""The staff console, for `scripts.screenshots`: a campaign from its template to its reports, in a demo of its own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page

from scripts import console_campaign as campaign
from tests.support.browser import DESKTOP, visitor
from tests.support.command import RunningInstance, running
from tests.support.processes import wait_for
from ticketing.api.pages.formats import write_form_time
from ticketing.clock import ZONE

Shots = Iterator[tuple[str, bytes]]
PATIENCE_MS, PATIENCE = 30_000, 120.0
MARGIN = 12
REPORTS = {
    "settlement": "main",
    "participation": "#organisation ~ .scroll table",
    "demand": "main table",
}
IN_FULL_SWING, LATER_ON = 150, 260  # tickets sold when the sale is looked at


def shots(browser: Browser, language: str) -> Shots:
    """Every picture of the console in a language, by name."""
    with tempfile.TemporaryDirectory() as folder, running("demo", Path(folder) / "data") as demo:
        console = Console(browser, demo, language)
        yield from console.cards()
        yield from console.making()
        yield from console.selling(Path(folder) / "crowd")
        yield from console.answering()
        console.page.context.close()


class Console:
    """A manager's browser, and what they do there."""

    def __init__(self, browser: Browser, demo: RunningInstance, language: str) -> None:
        self._demo = demo
        self._words = campaign.WORDS[language]
        self._event = ""
        context = visitor(browser, demo.base_url, language=language, wide=True, javascript=True)
        context.set_default_timeout(PATIENCE_MS)
        self.page = context.new_page()
        account = next(each for each in demo.demo["staff"] if each["username"] == "manager")
        self.page.goto("/staff/login")
        self.page.fill("#username", account["username"])
        self.page.fill("#password", account["password"])
        self.page.click("main form button")

    def cards(self) -> Shots:
        """A list of cards: checked, under way, done but for its mistakes."""
        page, places = self.page, sorted({each["organisation"] for each in self._demo.demo["cards"]})
        page.goto("/staff/imports")
        file = {"name": self._words.list_name, "mimeType": "text/csv"}
        page.set_input_files("#file", [{**file, "buffer": campaign.card_list(places)}])  # type: ignore[list-item]
        page.click("main form button")
        page.click("form[action$='/start'] button")
        _until(page, "document.querySelector('progress')?.value > 0")
        yield "cards-progress", _down_to(page, "#live")
        page.wait_for_selector("#live table")
        yield "cards-refused", _down_to(page, "#live")

    def making(self) -> Shots:
        """A draft of a template, with its venue and its quotas, looked over before it is published."""
        page, words = self.page, self._words
        venue = self._admit_venues()
        page.goto("/staff/templates")
        page.check("input[value=cinema]")
        page.fill("#title", words.event)
        page.fill("#starts_at", _at(days=6, hour=14))
        yield "template", _down_to(page, "main form")
        page.click("main form button")
        self._event = page.url.partition("?")[0]
        page.goto(f"{self._event}/quotas/table")
        page.fill("#text", words.quotas)
        page.click("main form button")
        yield "quota-table", _down_to(page, "section form")
        page.click("section form button")
        page.goto(f"{self._event}/edit")
        page.fill("#venue", words.venue)
        page.select_option("#venue_id", venue)
        page.fill("#opens_at", write_form_time(datetime.now(ZONE)))
        page.fill("#reason", words.venue)
        page.click("main form > button:visible")
        yield "check", _down_to(page, "section[aria-labelledby=numbers]")

    def _admit_venues(self) -> str:
        office, words = campaign.Office(self._demo, "manager"), self._words
        venue = office.post(
            "/staff/venues", name=words.venue, contact=words.contact, contract_number=words.contract
        )
        other = office.post("/staff/venues", name=words.other_venue)
        office.post(f"/staff/venues/{other['id']}/suspend", reason=words.fell_short)
        return str(venue["id"])

    def selling(self, directory: Path) -> Shots:
        """The sale while a crowd buys: the event's page with more tickets, the live numbers, the wall, the curve."""
        page, tokens = self.page, campaign.sign_in(self._demo)
        page.click("details:has(form[action$='/publish']) summary")
        page.fill("#reason-publish", self._words.publish)
        page.click("form[action$='/publish'] button")
        page.wait_for_selector(".badge.open")
        event_id = self._event.rpartition("/")[2]
        with campaign.coming(directory, self._demo, event_id, tokens) as crowd:
            self._watch(IN_FULL_SWING)
            self._raise()
            yield "event", _down_to(page, "section.columns:has(#waves)")
            with self._colleague() as wall:
                self._watch(LATER_ON)
                yield "live", page.screenshot(full_page=True)
                yield "wall", wall.screenshot()
            assert wait_for(lambda: not crowd.gathered, PATIENCE)
            crowd.check()
        page.goto(f"{self._event}/curve?span=minutes")
        yield "curve", page.screenshot(full_page=True)

    def _watch(self, sold: int) -> None:
        self.page.goto(f"{self._event}/live")
        seen = f"parseInt(document.querySelectorAll('dl.tiles dd')[1].textContent.replace(',', '')) >= {sold}"
        _until(self.page, seen)

    def _raise(self) -> None:
        page = self.page
        page.goto(self._event)
        page.select_option("#raise-quota", index=2)
        page.fill("#raise-now", "60")
        page.click("form[action$='/raise'] summary")
        page.fill("[name='wave.0.at']", _at(days=1, hour=12))
        page.fill("[name='wave.0.quantity']", "120")
        page.fill("#raise-reason", self._words.more)
        page.click("form[action$='/raise'] > button")
        page.wait_for_selector("#waves")

    @contextmanager
    def _colleague(self) -> Iterator[Page]:
        """The same manager at the screen in the hall."""
        page = self.page.context.new_page()
        page.goto(f"{self._event}/wall")
        yield page
        page.close()

    def answering(self) -> Shots:
        """Afterwards: what is owed, who used their card, how many came too late, who did what."""
        page = self.page
        campaign.hand_out(self._demo, self._event.rpartition("/")[2])
        for name, ends in REPORTS.items():
            page.goto(f"/staff/reports/{name}?first={_day()}&last={_day()}")
            yield name, _down_to(page, ends)
        page.goto(f"/staff/budgets/{self._budget()}")
        yield "budget", _down_to(page, "main table")
        page.goto("/staff/trail")
        yield "trail", page.screenshot()
        page.goto("/staff/venues")
        yield "venues", _down_to(page, "main table")
        page.goto("/staff/accounts")
        yield "accounts", _down_to(page, "main table")
        yield "integration", self._integration()

    def _budget(self) -> str:
        office = campaign.Office(self._demo, "manager")
        budget = office.post("/staff/budgets", name=self._words.budget, amount=campaign.BUDGET)["budget_id"]
        office.put(f"/staff/budgets/{budget}/events/{self._event.rpartition('/')[2]}")
        return str(budget)

    def _integration(self) -> bytes:
        office, words = campaign.Office(self._demo, "manager"), self._words
        office.post("/staff/tokens", name=words.program, scopes=["stats:read", "events:read"])
        url = "https://members.example.org/told"
        office.post("/staff/webhooks", url=url, events=["order.confirmed", "event.sold_out"])
        self.page.goto("/staff/integration")
        self.page.click("section[aria-labelledby=tokens] summary")
        return self.page.screenshot(full_page=True)


def _until(page: Page, script: str) -> None:
    """Not by `wait_for_function`, which the site's content policy refuses."""
    assert wait_for(lambda: bool(page.evaluate(script)), PATIENCE), script


def _at(days: int, hour: int) -> str:
    return write_form_time((datetime.now(ZONE) + timedelta(days=days)).replace(hour=hour, minute=0))


def _day() -> str:
    return datetime.now(ZONE).date().isoformat()


def _down_to(page: Page, selector: str) -> bytes:
    """The page from its top to the end of what is named."""
    page.wait_for_load_state("load")
    page.evaluate("document.activeElement.blur()")
    box = page.locator(selector).last.bounding_box()
    assert box is not None, selector
    height = box["y"] + box["height"] + page.evaluate("scrollY") + MARGIN
    return page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": DESKTOP["width"], "height": height})
