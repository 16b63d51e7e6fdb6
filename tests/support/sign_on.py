"""A house with a sign-in provider, as the browser of somebody who works there sees both."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx2
from pydantic import SecretStr

from tests.support.house import House
from tests.support.provider import CLIENT_ID, CLIENT_SECRET, Provider
from ticketing.settings import Settings

PASSWORD = "correct horse battery"
LEAVE, BACK = "/staff/login/provider", "/staff/login/provider/back"
LINK = "/staff/account/provider"
ENGLISH, OWN = {"accept-language": "en"}, {"sec-fetch-site": "same-origin"}


def with_provider(settings: Settings, provider: Provider, **more: Any) -> Settings:
    named = {
        "oidc_issuer": provider.issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": SecretStr(CLIENT_SECRET),
        "oidc_name": "Union ID",
        "public_url": "http://test",
    }
    return settings.model_copy(update=named | more)


class Door:
    """The house as somebody's browser sees it, and the provider."""

    def __init__(self, house: House, provider: Provider) -> None:
        self.house = house
        self.provider = provider
        provider.now = lambda: house.services.clock.now_ms() // 1000
        for name in ("clara", "david"):
            house.services.staff.add_staff(name, "clerk", "east", PASSWORD)

    async def get(self, path: str) -> httpx2.Response:
        return await self.house.client.get(path, headers=ENGLISH)

    async def post(self, path: str, **fields: str) -> httpx2.Response:
        headers = OWN | ENGLISH | {"content-type": "application/x-www-form-urlencoded"}
        return await self.house.client.post(path, data=fields, headers=headers)

    async def sign_in(self, name: str = "clara") -> None:
        entered = await self.post("/staff/login", username=name, password=PASSWORD, next="")
        assert entered.headers["location"] == "/desk"

    def forget(self) -> None:
        """Go on in a browser that has no cookie."""
        self.house.client.cookies.clear()
        self.house.services.revocations.refresh()

    async def link(self, name: str = "clara") -> httpx2.Response:
        """Sign in by password, link, and close the browser; what the way back answered."""
        await self.sign_in(name)
        shown = await self.post(LINK, password=PASSWORD)
        assert shown.status_code == 200, shown.text
        url = shown.text.split('href="' + self.provider.issuer)[1].split('"')[0].replace("&amp;", "&")
        came = await self.get(self.provider.agree(self.provider.issuer + url))
        self.forget()
        return came

    async def leave(self, after: str = "") -> str:
        """Go to the provider and agree there; where that leads back to."""
        left = await self.get(f"{LEAVE}?{urlencode({'next': after})}")
        assert left.status_code == 303, left.text
        return self.provider.agree(left.headers["location"])

    async def enter(self, after: str = "") -> httpx2.Response:
        """The whole way."""
        return await self.get(await self.leave(after))

    async def leads_in(self) -> None:
        """The control: who goes the whole way is in."""
        self.forget()
        entered = await self.enter()
        assert (entered.status_code, entered.headers["location"]) == (303, "/desk"), entered.text
        assert (await self.get("/staff/account")).status_code == 200
        self.forget()

    def later(self, ms: int) -> None:
        """Let time go on."""
        clock = self.house.services.clock
        clock.observe(clock.now_ms() + ms)


@asynccontextmanager
async def opened(settings: Settings, provider: Provider, **more: Any) -> AsyncIterator[Door]:
    async with House.open(with_provider(settings, provider, **more)) as house:
        yield Door(house, provider)
