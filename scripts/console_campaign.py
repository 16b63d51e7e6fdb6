"""The campaign that the console's pictures show: its words in both languages, its list of cards, its crowd, its desk.

Everything is done over HTTP against a running demo; the crowd is that of the rehearsals (Locust, a process of its own).
"""

import csv
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
from msgspec import Struct

from tests.support.command import RunningInstance
from ticketing.rehearsal import crowd
from ticketing.rehearsal.scenarios import Habits

COMING, LATER, PHONES, SEED = 270, 120, 6, 11  # who comes later takes what is left in the end
HABITS = Habits(
    share=1.0,
    wants={1: 0.3, 2: 0.4, 3: 0.3},
    looks_only=0.1,
    hangs_up=0.0,
    walks_away=0.0,
    releases=0.05,
    double_taps=0.1,
    comes_again=0.5,
    pause=(0.05, 0.4),
)
BUDGET = 32_000_00  # fen
COLLECTED = 45  # members who come to the desk
LINES, MISTAKES = 12_000, 9


class Words(Struct, frozen=True):
    """What staff type in a language."""

    event: str
    venue: str
    contact: str
    contract: str
    other_venue: str
    fell_short: str
    quotas: str
    more: str
    publish: str
    list_name: str
    program: str
    budget: str


WORDS = {
    "zh": Words(
        event="五元看大片：五一专场",
        venue="群星影院",
        contact="服务台 010-5550 0117",
        contract="合字 2026-017 号",
        other_venue="东方剧场",
        fell_short="连续两次未按约定留座",
        quotas="时间\t名称\t票价\t原价\t票数\n"
        "14:00\t下午场 一号厅\t5\t40\t120\n14:20\t下午场 二号厅\t5\t40\t90\n"
        "19:00\t晚场 一号厅\t5\t65\t120\n19:30\t晚场 二号厅\t5\t65\t90",
        more="影院加座",
        publish="五一专场开始订票",
        list_name="五月新卡.csv",
        program="大厅屏幕",
        budget="2027 年五一活动",
    ),
    "en": Words(
        event="Films for five yuan: May Day",
        venue="Star Cinema",
        contact="Box office 010-5550 0117",
        contract="2026-017",
        other_venue="Orient Theatre",
        fell_short="Twice without the seats that were agreed",
        quotas="Time\tName\tPrice\tFace price\tTickets\n"
        "14:00\tAfternoon, hall 1\t5\t40\t120\n14:20\tAfternoon, hall 2\t5\t40\t90\n"
        "19:00\tEvening, hall 1\t5\t65\t120\n19:30\tEvening, hall 2\t5\t65\t90",
        more="The cinema gives more seats",
        publish="Booking for May Day begins",
        list_name="cards-may.csv",
        program="Screen in the hall",
        budget="May Day 2027",
    ),
}


class Office:
    """A member of staff at their own program."""

    def __init__(self, demo: RunningInstance, username: str) -> None:
        account = next(each for each in demo.demo["staff"] if each["username"] == username)
        self.http = httpx2.Client(base_url=demo.base_url, timeout=60, trust_env=False)
        login = {"username": username, "password": account["password"]}
        token = self.http.post("/api/v1/staff/sessions", json=login).json()["token"]
        self.http.headers["authorization"] = f"Bearer {token}"

    def put(self, path: str) -> None:
        """Say that it is so."""
        assert self.http.put(f"/api/v1{path}").is_success

    def post(self, path: str, **wish: Any) -> Any:
        """What the call answers."""
        headers = {
            "idempotency-key": f"{path} {sorted(wish.items())}".encode("ascii", "replace").decode()[:200]
        }
        answer = self.http.post(f"/api/v1{path}", json=wish, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


def card_list(organisations: Sequence[str]) -> bytes:
    """New members with cards, and some lines as they go wrong."""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(("card_number", "name", "organisation", "pin"))
    for number in range(LINES - MISTAKES):
        place = organisations[number % len(organisations)]
        lines.writerow(
            (
                f"88{number:08}",
                f"{'李王张刘陈杨赵黄'[number % 8]}{'敏静丽强磊军洋勇'[number // 8 % 8]}",
                place,
                "135790",
            )
        )
    known = organisations[0]
    lines.writerows(
        [
            ("6.22E+15", "周芳", known, "135790"),
            ("8800000001", "吴刚", known, "135790"),
            ("8900000001", "郑洁", "十号街道总工会", "135790"),
            ("8900000002", "", known, "135790"),
            ("8900000003", "冯涛", known, "12"),
            ("8900000004", "褚玲", known, ""),
            ("12345", "卫东", known, "135790"),
            ("8900000005", "蒋敏", "", "135790"),
            ("89000000O6", "沈杰", known, "135790"),
        ]
    )
    return text.getvalue().encode()


def sign_in(demo: RunningInstance) -> list[str]:
    """Sessions of the demo's first cards."""
    with httpx2.Client(base_url=demo.base_url, timeout=60, trust_env=False) as client:

        def token(card: Any) -> str:
            login = {name: card[name] for name in ("card_number", "pin")}
            return str(client.post("/api/v1/sessions", json=login).json()["token"])

        with ThreadPoolExecutor(4) as hands:
            return list(hands.map(token, demo.demo["cards"][: COMING + LATER]))


@contextmanager
def coming(
    directory: Path, demo: RunningInstance, event_id: str, tokens: Sequence[str]
) -> Iterator[crowd.Crowd]:
    """These members, all wanting tickets of one event."""
    with httpx2.Client(base_url=demo.base_url, timeout=30, trust_env=False) as client:
        shown = client.get(f"/api/v1/events/{event_id}").json()
    directory.mkdir()
    crowd.write_sessions(directory, enumerate(tokens, 1))
    plan = crowd.Plan(
        scenario="pictures",
        title=shown["title"],
        base_url=demo.base_url,
        event_id=event_id,
        opens_at=int(datetime.fromisoformat(shown["opens_at"]).timestamp() * 1000),
        quotas=[{"id": each["id"], "name": each["name"], "capacity": 0} for each in shown["quotas"]],
        per_card_limit=shown["per_card_limit"],
        payment_method="desk",
        hold_seconds=300,
        raised=False,
        cards=COMING,
        users=PHONES,
        processes=1,
        seconds_max=10**9,  # after an opening that is past: they go when all have been there
        seed=SEED,
        crowd=HABITS,
    )
    with crowd.gather(directory, plan) as people:
        yield people


def hand_out(demo: RunningInstance, event_id: str) -> None:
    """What some members have of an event, paid in cash at the desk."""
    desk, done = Office(demo, "clerk"), 0
    for card in demo.demo["cards"]:
        waiting = desk.post("/desk/swipes", card_number=card["card_number"])["orders"]
        for order in (each for each in waiting if each["event_id"] == event_id):
            wish = {"order_id": order["id"], "desk": "1", "payment": {"method": "cash"}}
            desk.post("/desk/pickups", **wish)
            done += 1
        if done >= COLLECTED:
            return
