"""Security 5: what browsers are told: run nothing but our own files, be framed by nobody, guess no types.

Goal: no answer of any kind goes out without the headers that protect it, and no page carries script in its text.
Method: the running demo's pages, calls, files and errors, signed in and not; the policy is read as a browser would.
"""

import re

import pytest

from tests.security.conftest import Open, Site

PAGES = ("/", "/login", "/staff/login", "/orders", "/account", "/staff/events", "/desk", "/nothing-here")
CALLS = (
    "/api/v1/events",
    "/api/v1/events/none",
    "/api/v1/me",
    "/healthz",
    "/openapi.json",
    "/api/v1/nothing",
)
INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/ld\+json\")|\son\w+=|javascript:", re.IGNORECASE
)
HELD_BY_A_HASH = re.compile(r"'(sha256-[\w+/=]+|nonce-[\w+/=-]+)'")


def _policy(headers: object) -> dict[str, list[str]]:
    parts = [part.split() for part in str(headers).split(";") if part.strip()]
    return {part[0]: part[1:] for part in parts}


@pytest.mark.parametrize("path", PAGES)
def test_05_a_page_runs_our_own_files_and_is_framed_by_nobody(site: Site, path: str) -> None:
    card, account = site.card(), next(each for each in site.demo["staff"] if each["role"] == "admin")
    own = {"sec-fetch-site": "same-origin"}
    site.http.post("/login", data={"card_number": card["card_number"], "pin": card["pin"]}, headers=own)
    site.http.post("/staff/login", data={k: account[k] for k in ("username", "password")}, headers=own)
    answer = site.http.get(path, follow_redirects=True)
    policy = _policy(answer.headers["content-security-policy"])
    assert policy["default-src"] == ["'none'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert policy["base-uri"] == ["'none'"]
    assert policy["form-action"] == ["'self'"]
    for directive, sources in policy.items():
        assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "http:", "https:", "data:"} & set(sources) - (
            {"data:"} if directive == "img-src" else set()
        ), directive
        foreign = [one for one in sources if not one.startswith("'") and one != "data:"]
        assert not foreign, directive
    assert not [one for one in policy.get("script-src", []) if HELD_BY_A_HASH.match(one)]
    assert not INLINE.search(answer.text), INLINE.search(answer.text)


@pytest.mark.parametrize("path", [*PAGES, *CALLS])
def test_05_every_answer_is_taken_for_what_it_says_it_is(site: Site, path: str) -> None:
    for answer in (site.http.get(path), site.http.post(path, content=b"{"), site.http.request("TRACE", path)):
        assert answer.headers["x-content-type-options"] == "nosniff", answer
        assert answer.headers.get("server") in (None, "uvicorn")
        assert "x-powered-by" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers, "no other site may read it"
        assert "traceback" not in answer.text.lower()


@pytest.mark.parametrize("path", PAGES)
def test_05_pages_tell_other_sites_nothing_of_where_one_was(site: Site, path: str) -> None:
    answer = site.http.get(path)
    assert answer.headers["referrer-policy"] in ("same-origin", "no-referrer")
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("url", "told"),
    [("https://tickets.example.org", True), ("http://tickets.example.org", False), (None, False)],
)
async def test_05_where_tls_ends_browsers_are_told_to_stay_on_it(
    opened: Open, url: str | None, told: bool
) -> None:
    async with opened(public_url=url) as house:
        headers = (await house.client.get("/")).headers
        assert ("strict-transport-security" in headers) is told


def test_05_what_is_of_one_person_is_kept_by_nobody_on_the_way(site: Site) -> None:
    member = site.member(site.card())
    for path in ("/api/v1/me", "/api/v1/orders"):
        assert "no-store" in site.http.get(path, headers=member).headers["cache-control"]
    card = site.card()
    own = {"sec-fetch-site": "same-origin"}
    site.http.post("/login", data={"card_number": card["card_number"], "pin": card["pin"]}, headers=own)
    for path in ("/account", "/orders"):
        caching = site.http.get(path).headers["cache-control"]
        assert "no-store" in caching or "private" in caching, path
