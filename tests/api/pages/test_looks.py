"""Goal: what staff set about an event's look is what members and machines see of it, and an upload cannot do more.

Method: forms posted to a real API process over real servers; what comes out is read as a browser and a crawler read it.
"""

import io
import json
import re
from typing import Any

from PIL import Image

from tests.api.pages.test_pages import ENGLISH, OWN, says
from tests.support.house import HOUR_MS, House

QR = re.compile(r"/staff/events/[^/]+/poster\.svg")


def _upload(kind: str = "PNG") -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (800, 450), "teal").save(target, kind)
    return target.getvalue()


def _data(page: str) -> Any:
    match = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert match, page
    return json.loads(match[1])


async def test_a_picture_reaches_members_and_machines(house: House) -> None:
    event = house.publish(5, price=500)
    path = f"/staff/events/{event}/look"
    assert (await house.client.get(path, headers=house.staff())).status_code == 200
    sent = await house.client.post(
        path,
        data={"colour": "teal"},
        files={"picture": ("x.png", _upload(), "image/png")},
        headers=OWN | house.staff(),
    )
    assert sent.status_code == 303, sent.text
    await house.front.board.refresh()
    page = (await house.client.get(f"/events/{event}")).text
    assert 'data-colour="teal"' in page
    [small] = re.findall(r'<img class="cover" src="(/pictures/\w+/small)"', page)
    [large] = re.findall(r'property="og:image" content="http://test(/pictures/\w+/large)"', page)
    for address, kind in ((small, "image/webp"), (large, "image/jpeg")):
        picture = await house.client.get(address)
        assert picture.headers["content-type"] == kind
        assert "immutable" in picture.headers["cache-control"]
    assert small in (await house.client.get("/")).text
    says(await house.client.get("/pictures/unknown/small"), 404, "这里没有内容")
    says(await house.client.get(small.replace("small", "other")), 404, "这里没有内容")


async def test_an_event_is_data_that_machines_understand(house: House) -> None:
    title = "</script><script>alert(1)</script>"
    event = house.publish(5, price=1_250, title=title, venue="文化宫")
    await house.front.board.refresh()
    page = (await house.client.get(f"/events/{event}")).text
    data = _data(page)
    assert (data["@type"], data["name"], data["location"]["name"]) == ("Event", title, "文化宫")
    [offer] = data["offers"]
    assert (offer["price"], offer["priceCurrency"]) == ("12.50", "CNY")
    assert offer["availability"] == "https://schema.org/InStock"
    assert "<script>alert" not in page


async def test_a_refused_upload_says_why(quick_house: House) -> None:
    event = quick_house.publish(5)
    path = f"/staff/events/{event}/look"
    headers = OWN | quick_house.staff()
    for content, words in ((b"text", "无法识别这个图片文件"), (b"x" * 5_000_001, "图片超过 5 MB")):
        files = {"picture": ("x.png", content, "image/png")}
        answer = await quick_house.client.post(path, files=files, headers=headers)
        assert answer.status_code == 422
        assert words in answer.text
    large = {"picture": ("x.png", b"x" * 6_000_000, "image/png")}
    says(await quick_house.client.post(path, files=large, headers=headers), 413, "内容太长")
    says(await quick_house.client.post(path, data={"colour": "red"}, headers=headers), 415, "无法读取")
    foreign = {"sec-fetch-site": "cross-site"} | quick_house.staff()
    files = {"picture": ("x.png", _upload(), "image/png")}
    says(await quick_house.client.post(path, files=files, headers=foreign), 403, "不是从本站页面提交的")
    broken = headers | {"content-type": "multipart/form-data; boundary=x"}
    says(await quick_house.client.post(path, content=b"--y\r\n", headers=broken), 422, "请检查")


async def test_a_name_a_colour_and_a_picture_for_the_pages_of_an_organisation(house: House) -> None:
    event = house.publish(5)
    path, headers = "/staff/look", OWN | house.staff()
    look, picture = {"name": "示范区工会", "colour": "blue"}, {"picture": ("x.png", _upload(), "image/png")}
    sent = await house.client.post(path, data=look, files=picture, headers=headers)
    assert sent.status_code == 303, sent.text
    for members_page in ("/", f"/events/{event}"):
        page = (await house.client.get(members_page)).text
        assert ">示范区工会</a>" in page
        assert 'data-colour="blue"' in page
    assert 'value="示范区工会"' in (await house.client.get(path, headers=house.staff())).text
    assert 'property="og:image"' in page  # an event without a picture of its own has its organisation's
    assert "/pictures/" not in (await house.client.get("/")).text  # and no list repeats it
    bare = await house.client.post(path, data=look | {"bare": "1"}, files={"picture": b""}, headers=headers)
    assert bare.status_code == 303, bare.text
    assert "/pictures/" not in (await house.client.get(f"/events/{event}")).text
    wrong = {"picture": ("x.png", b"text", "image/png")}
    assert (
        "无法识别这个图片文件"
        in (await house.client.post(path, data=look, files=wrong, headers=headers)).text
    )
    long = await house.client.post(
        path, data={"name": "长" * 31, "colour": ""}, files={"picture": b""}, headers=headers
    )
    assert (long.status_code, "名称最多 30 个字" in long.text) == (422, True)


async def test_a_poster_opens_the_event(house: House) -> None:
    event = house.publish(5, opens_at=house.now + HOUR_MS)
    poster = await house.client.get(f"/staff/events/{event}/poster", headers=house.staff() | ENGLISH)
    assert f"http://test/events/{event}" in poster.text
    [code] = QR.findall(poster.text)
    assert (await house.client.get(code)).text.startswith("<svg")
    assert (await house.client.get(f"/staff/events/{event}/poster")).status_code == 303
    draft = house.draft(5)
    says(await house.client.get(f"/staff/events/{draft}/poster", headers=house.staff()), 404, "这里没有内容")
    other = house.staff(path="district.west")
    says(await house.client.get(f"/staff/events/{event}/look", headers=other), 404, "这里没有内容")
