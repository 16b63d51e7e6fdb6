"""A list of cards goes over the pages and the API as an office sends it.

Goal: checked first, found again, imported by a real worker process, the refused lines taken away and sent back mended;
a file that cannot be a list is refused in words, and a neighbour's list does not exist. Method: forms and calls to a
real API process over real servers, without JavaScript; one real worker, killed while it works.
"""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.api.pages.test_pages import ENGLISH, OWN
from tests.support.house import House
from tests.support.workers import Start, start
from ticketing.services.import_work import ImportWork

__all__ = ["start"]
HEADER = "卡号,姓名,工会组织,初始密码"
PAGE, CALLS = "/staff/imports", "/api/v1/staff/imports"


async def send(house: House, content: bytes, role: str = "manager", path: str = "district") -> Any:
    files = {"file": ("五月.csv", content, "text/csv")}
    return await house.client.post(PAGE, files=files, headers=OWN | ENGLISH | house.staff(role, path))


def shows(page: Any, status: int, *words: str) -> None:
    assert page.status_code == status, page.text
    for text in words:
        assert text in page.text, (text, page.text)


def work(house: House) -> None:
    services = house.services
    ImportWork(services.sessions, services.keyring, services.clock).run()


async def test_a_list_is_checked_imported_and_mended(house: House) -> None:
    content = f"{HEADER}\n0063300001,张伟,东街道工会,000246\n0063300002,李四,北街道工会,000246\n".encode(
        "gbk"
    )
    sent = await send(house, content)
    assert sent.status_code == 303, sent.text
    page = sent.headers["location"]
    staff = ENGLISH | house.staff()
    shows(waiting := await house.client.get(page, headers=staff), 200, "Being checked", "<progress")
    assert f'content="3;url={page}"' in waiting.text  # without JavaScript it comes again by itself
    await asyncio.to_thread(work, house)
    checked = await house.client.get(page, headers=staff)
    shows(
        checked,
        200,
        "Checked, nothing imported yet",
        "Import 1 line",
        "There is no such organisation",
        "李四",
    )
    assert "0063300002" not in checked.text
    assert "http-equiv" not in checked.text
    shows(await house.client.get(PAGE, headers=staff), 200, "五月.csv", "somebody")
    assert (await house.client.post(f"{page}/start", data={}, headers=OWN | staff)).status_code == 303
    await asyncio.to_thread(work, house)
    shows(await house.client.get(f"{page}/progress", headers=staff), 200, "Imported")
    link = f"/api/v1{page}/refused"
    book = await house.client.get(f"{link}.xlsx", headers=house.staff())
    back = await send(house, book.content)
    await asyncio.to_thread(work, house)
    shows(
        await house.client.get(back.headers["location"], headers=staff), 200, "There is no such organisation"
    )
    table = (await house.client.get(f"{link}.csv", headers=house.staff())).text
    assert "0063300002,李四,北街道工会,000246,,,3,您管辖的范围内没有这个工会组织" in table
    mended = await send(house, table.replace("北街道", "西街道").encode())
    early = await house.client.post(f"{mended.headers['location']}/drop", data={}, headers=OWN | staff)
    assert early.status_code == 422
    await asyncio.to_thread(work, house)
    shows(await house.client.get(mended.headers["location"], headers=staff), 200, "Import 1 line")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "This file is empty"),
        (b"x" * 33 * 1024 * 1024, "larger than 32 MB"),
    ],
    ids=["empty", "large"],
)
async def test_what_can_be_no_list_is_refused_at_once(house: House, content: bytes, text: str) -> None:
    shows(await send(house, content), 422, text)


async def test_a_list_of_other_columns_is_refused_in_words(house: House) -> None:
    sent = await send(house, b"name,phone\n1,2\n")
    await asyncio.to_thread(work, house)
    page = await house.client.get(sent.headers["location"], headers=ENGLISH | house.staff())
    shows(page, 200, "The first line must name the columns. Missing: card_number, organisation, pin.")


async def test_a_neighbour_sees_nothing_and_other_roles_may_not(house: House) -> None:
    page = (await send(house, HEADER.encode(), path="district.west")).headers["location"]
    east = house.staff("admin", "district.east")
    assert page not in (await house.client.get(PAGE, headers=east)).text
    for path in (page, f"{page}/progress"):
        assert (await house.client.get(path, headers=east)).status_code == 404
    for verb in ("start", "drop"):
        assert (await house.client.post(f"{page}/{verb}", data={}, headers=OWN | east)).status_code == 404
    for role in ("clerk", "auditor"):
        assert (await send(house, HEADER.encode(), role)).status_code == 403
        assert (await house.client.get(PAGE, headers=house.staff(role))).status_code == 403
    assert (
        await house.client.post(f"{page}/start", data={}, headers=house.staff())
    ).status_code == 403  # no origin


async def test_the_same_by_calls_alone(house: House) -> None:
    staff = house.staff()
    take = "/api/v1/staff/cards/import"
    content = f"{HEADER}\n0063300001,张伟,east,000246\n12,李四,east,0246\n".encode()
    typed = staff | {"content-type": "text/csv"}
    sent = await house.client.post(f"{take}?check=true&file_name=may.csv", content=content, headers=typed)
    assert sent.status_code == 202
    address = f"{CALLS}/{sent.json()['id']}"
    await asyncio.to_thread(work, house)
    checked = (await house.client.get(address, headers=staff)).json()
    assert (checked["state"], checked["file_name"], checked["added"]) == ("checked", "may.csv", 1)
    assert checked["refusals"] == [{"line": 3, "reason": "card_number must be 6 to 32 digits"}]
    assert (await house.client.post(f"{address}/start", headers=staff)).json()["state"] == "importing"
    await asyncio.to_thread(work, house)
    assert (await house.client.get(CALLS, headers=staff)).json()["imports"][0]["state"] == "imported"
    for kind, status in (({"content-type": "image/png"}, 415), ({}, 415)):
        assert (await house.client.post(take, content=b"x", headers=staff | kind)).status_code == status
    assert (await house.client.post(take, content=b"", headers=typed)).status_code == 422
    assert (await house.client.post(f"{take}?check=maybe", content=content, headers=typed)).status_code == 422


def _at_work(worker: Any) -> int | None:
    """The process that a worker has started for a list."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if b"\0cards\0work\0" in command and int(parent) == worker.pid:
                return int(entry.name)
    return None


async def test_a_real_worker_imports_and_goes_on_after_a_kill(house: House, start: Start) -> None:
    """The process that works is killed in the middle; its worker starts another, which adds what is missing."""
    lines = "".join(f"00634{n:07},会员{n},east,{n:06}\n" for n in range(12_000))
    worker = await asyncio.to_thread(start)
    services, staff = house.services, house.claims("staff", 1, "district", role="manager")
    import_id = services.imports.send(staff, "x.csv", f"{HEADER}\n{lines}".encode(), check=False)
    killed, until = False, time.monotonic() + 90
    row = services.imports.get(staff, import_id)
    while row.state != "imported" and time.monotonic() < until:
        process = _at_work(worker)
        if not killed and row.done and process is not None:
            os.kill(process, signal.SIGKILL)
            killed = True
        await asyncio.sleep(0.05)
        row = services.imports.get(staff, import_id)
    assert (row.state, row.done, row.added, killed) == ("imported", 12_000, 12_000, True)
