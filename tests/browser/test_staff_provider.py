"""Goal: somebody links their account to the provider and signs in by it, in a browser that keeps to every rule of ours.

Method: a real Chromium, an instance of its own and a provider on another site, so that the content policy, `SameSite`
and redirects between sites are the browser's to judge; axe looks at each page on the way.
"""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.access import faults
from tests.support.browser import visitor
from tests.support.command import running, ticketing
from tests.support.provider import CLIENT_ID, CLIENT_SECRET, running_provider
from ticketing.services.single_sign_on import CALLBACK_PATH

pytestmark = pytest.mark.slow


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A browser at an instance that knows a provider; `localhost` and 127.0.0.1 are different sites."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = f"http://127.0.0.1:{port}"
    with running_provider("localhost") as provider:
        provider.back = own + CALLBACK_PATH
        settings = {
            "TICKETING_PUBLIC_URL": own,
            "TICKETING_OIDC_ISSUER": provider.issuer,
            "TICKETING_OIDC_CLIENT_ID": CLIENT_ID,
            "TICKETING_OIDC_CLIENT_SECRET": CLIENT_SECRET,
            "TICKETING_OIDC_NAME": "工会统一登录",
        }
        with running("up", tmp_path / "data", ["--port", str(port)], settings=settings):
            context = visitor(browser, own, javascript=True)
            yield context.new_page()
            context.close()


def test_linking_and_signing_in(page: Page, tmp_path: Path) -> None:
    more = ("--role", "manager", "--organisation", "district", "--root-name", "区总工会", "--json")
    added = ticketing("staff", "add", "wang", *more, "--data-dir", str(tmp_path / "data"))
    password = json.loads(added.stdout)["password"]
    page.goto("/staff/login")
    seen = {"sign-in": faults(page)}
    page.fill("#username", "wang")
    page.fill("#password", password)
    page.click("main form button")
    page.goto("/staff/account")
    seen["not linked"] = faults(page)
    page.fill("#link-password", password)
    page.click("text=关联 >> nth=-1")
    onward = page.locator("text=前往 工会统一登录")
    expect(onward).to_be_visible()
    seen["going on"] = faults(page)
    onward.click()
    page.click("text=Agree")
    expect(page.locator("text=账号已关联")).to_be_visible()
    seen["linked"] = faults(page)
    page.click("text=退出登录")
    page.goto("/staff/login?next=/staff/venues")
    page.click("text=用 工会统一登录 登录")
    page.click("text=Agree")
    page.wait_for_url("**/staff/venues")
    page.go_back()
    page.click("text=Agree")  # the same answer once more
    expect(page.locator("[role=alert]")).to_contain_text("请重新开始")
    seen["refused"] = faults(page)
    assert not any(seen.values()), seen
