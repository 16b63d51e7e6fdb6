"""Security 1: a card number is nowhere in clear: not in SQL, Redis, jobs, logs, files, addresses or answers.

Goal: who reads a disk, a backup, a log or a queue learns no card number, also not by trying out plain hashes.
Method: a running demo. Everything that takes a card number is done, right and wrong, while the queue's jobs are
watched; then everything the instance keeps or has said is searched for the numbers, their usual encodings and
their plain hashes. A search for what must be there shows that it looks in the right places.
"""

import base64
import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from threading import Event, Thread
from typing import Any

import pytest
import redis

from tests.security.conftest import Site
from tests.support.command import RunningInstance, ticketing
from tests.support.processes import wait_for

HASHES = (hashlib.md5, hashlib.sha1, hashlib.sha256, hashlib.sha512)
IMPORTED = "9876543210987654"


class Jobs:
    """What RQ was asked to do while this watched: every job's data, unpacked."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = Event()
        self.seen: set[bytes] = set()
        self._thread = Thread(target=self._watch)

    def __enter__(self) -> "Jobs":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        with redis.Redis.from_url(self._url) as client:
            while not self._over.is_set():
                for key in client.scan_iter("rq:job:*"):
                    data: Any = client.hget(key, "data")
                    if data:
                        self.seen.add(zlib.decompress(data))


def _redis_url(instance: RunningInstance) -> str:
    return (instance.data_dir / "valkey.url").read_text()


def _everything_in_redis(url: str) -> Iterator[bytes]:
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter("*"):
            yield key
            read: Any = {
                b"string": client.get,
                b"hash": client.hgetall,
                b"zset": lambda key: client.zrange(key, 0, -1),
                b"set": client.smembers,
                b"list": lambda key: client.lrange(key, 0, -1),
                b"stream": client.xrange,
            }[client.type(key)]
            yield repr(read(key)).encode()


def _everything_in_sql(instance: RunningInstance) -> Iterator[bytes]:
    with closing(sqlite3.connect(instance.data_dir / "ticketing.sqlite3")) as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        for name in names:
            for row in connection.execute(f'SELECT * FROM "{name}"'):
                yield from (value if isinstance(value, bytes) else str(value).encode() for value in row)


def _files(instance: RunningInstance) -> Iterator[bytes]:
    """All but the list of the demo's accounts, which it hands out on purpose."""
    for file in instance.data_dir.rglob("*"):
        if file.is_file() and file.name != "demo.json":
            yield file.read_bytes()


def _forms_of(number: str) -> set[bytes]:
    plain = number.encode()
    grouped = " ".join(number[start : start + 4] for start in range(0, len(number), 4)).encode()
    hashed = {one(plain) for one in HASHES}
    digests = {each.digest() for each in hashed} | {each.hexdigest().encode() for each in hashed}
    return {plain, grouped, plain.hex().encode(), base64.b64encode(plain).rstrip(b"=")} | digests


@pytest.fixture
def lived(site: Site, demo: RunningInstance) -> tuple[list[str], set[bytes], str]:
    """Everything that takes a card number was done: the numbers, the jobs seen meanwhile, an order's id."""
    cards = [site.card() for _ in range(4)]
    buyer, lost, walker, guessed = cards
    with Jobs(_redis_url(demo)) as jobs:
        member = site.member(buyer)
        held = site.hold(member).json()
        order = site.http.post(
            f"/api/v1/holds/{held['id']}/confirm", json={"payment": {"method": "desk"}}, headers=member
        ).json()
        _sign_in_on_pages_and_wrongly(site, buyer, guessed)
        _at_the_desk_and_in_the_office(site, walker, lost)
        _import(demo)
        path = f"/api/v1/orders/{order['id']}"
        assert wait_for(lambda: site.http.get(path, headers=member).json()["recorded_at"], 30)
    return [card["card_number"] for card in cards] + [IMPORTED], jobs.seen, order["id"]


def _sign_in_on_pages_and_wrongly(site: Site, card: dict[str, str], guessed: dict[str, str]) -> None:
    number = card["card_number"]
    own = {"sec-fetch-site": "same-origin"}
    form = {"card_number": number, "pin": card["pin"]}
    assert site.http.post("/login", data=form, headers=own).status_code == 303
    site.http.cookies.clear()
    site.http.post("/api/v1/sessions", json={"card_number": guessed["card_number"], "pin": "000000"})
    site.http.post("/api/v1/sessions", json={"card_number": guessed["card_number"], "pin": 7, "x": number})
    site.http.post("/api/v1/sessions", content=b'{"card_number": "%s", "pin"' % number.encode())
    site.http.get(f"/login?card_number={number}&pin=1")  # a browser that lost the form's method
    site.http.get(f"/api/v1/events/{number}")


def _at_the_desk_and_in_the_office(site: Site, walker: dict[str, str], lost: dict[str, str]) -> None:
    clerk, manager, event = site.staff("clerk"), site.staff("manager"), site.event()
    swiped = site.http.post("/api/v1/desk/swipes", json={"card_number": walker["card_number"]}, headers=clerk)
    assert swiped.status_code == 200
    items = [{"quota_id": event["quotas"][0]["id"], "quantity": 1}]
    sale = {"card_number": walker["card_number"], "event_id": event["id"], "items": items, "desk": "1"}
    paid = sale | {"payment": {"method": "cash"}}
    headers = clerk | {"Idempotency-Key": walker["card_number"][-6:]}
    assert site.http.post("/api/v1/desk/sales", json=paid, headers=headers).status_code == 201
    act = {"card_number": lost["card_number"], "reason": "lost"}
    assert site.http.post("/api/v1/staff/cards/reset-pin", json=act, headers=manager).status_code == 200
    assert site.http.post("/api/v1/staff/cards/block", json=act, headers=manager).status_code in (200, 204)


def _import(demo: RunningInstance) -> None:
    file = demo.data_dir.with_name("cards.csv")
    lines = [f"{IMPORTED},张三,street-01,135790", f"{IMPORTED},twice,street-01,135790", "12,李四,street-01,1"]
    file.write_text("card_number,name,organisation,pin\n" + "\n".join(lines) + "\n")
    done = ticketing("cards", "import", str(file), "--data-dir", str(demo.data_dir))
    assert (done.returncode, IMPORTED in done.stdout + done.stderr) == (1, False), done.stdout + done.stderr


def test_01_no_card_number_is_kept_or_said_anywhere(
    site: Site, demo: RunningInstance, lived: tuple[list[str], set[bytes], str]
) -> None:
    numbers, jobs, order_id = lived
    places = {
        "files": list(_files(demo)),
        "SQL": list(_everything_in_sql(demo)),
        "Redis": list(_everything_in_redis(_redis_url(demo))),
        "jobs": list(jobs),
        "log": [demo.said().encode()],
        "answers": [text.encode() for text in site.heard],
    }
    found = [
        (place, number)
        for place, values in places.items()
        for number in numbers
        for form in _forms_of(number)
        if any(form in value for value in values)
    ]
    assert found == []
    # And it does look where things are.
    for place in ("files", "SQL", "Redis", "answers"):
        assert any(order_id.encode() in value for value in places[place]), place
    assert any(b"ticketing.queue.jobs" in value for value in places["jobs"])
    assert places["log"] != [b""]


def test_01_no_call_of_the_contract_has_a_card_number_in_its_address(site: Site) -> None:
    document = site.http.get("/openapi.json").json()
    named = [
        parameter["name"]
        for path in document["paths"].values()
        for call in path.values()
        for parameter in call.get("parameters", [])
        if parameter["in"] != "header"
    ]
    assert named
    assert not [name for name in named if ("card" in name or "pin" in name) and name != "card_id"]
    assert "card_number" in json.dumps(document["components"]), "it is in bodies"


def test_01_what_is_shown_is_masked(site: Site) -> None:
    card = site.card()
    shown = site.login(card).json()["member"]["card_masked"]
    assert shown.endswith(card["card_number"][-4:])
    assert sum(character.isdigit() for character in shown) == 4
