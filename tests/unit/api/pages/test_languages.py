"""Goal: each visitor is spoken to in their language: Chinese when in doubt.

Method: requests with every way to ask for a language, alone and against each other.
"""

import pytest
from starlette.requests import Request

from ticketing.api.pages.languages import choose, load_languages
from ticketing.resources import package_files

LANGUAGES = load_languages(package_files("web"))


def _request(query: str = "", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request(
        {"type": "http", "method": "GET", "path": "/", "query_string": query.encode(), "headers": raw}
    )


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ("", {}, "zh"),
        ("", {"accept_language": "en-GB,en;q=0.9,zh;q=0.5"}, "en"),
        ("", {"accept_language": "zh-CN,zh;q=0.9,en;q=0.8"}, "zh"),
        ("", {"accept_language": "fr-FR,en;q=0.5"}, "en"),
        ("", {"accept_language": "fr-FR"}, "zh"),
        ("", {"accept_language": ",;q=,"}, "zh"),
        ("", {"cookie": "lang=en", "accept_language": "zh-CN"}, "en"),
        ("lang=zh", {"cookie": "lang=en", "accept_language": "en"}, "zh"),
        ("lang=fr", {"cookie": "lang=en"}, "en"),
        ("lang=<b>", {"cookie": "lang=../../x"}, "zh"),
    ],
)
def test_the_address_then_the_cookie_then_the_browser(
    query: str, headers: dict[str, str], expected: str
) -> None:
    assert choose(_request(query, **headers), LANGUAGES).code == expected


def test_chinese_comes_first() -> None:
    assert list(LANGUAGES) == ["zh", "en"]
    assert LANGUAGES["zh"].words.gettext("Events") == "活动"
    assert LANGUAGES["en"].words.ngettext("%(num)s ticket", "%(num)s tickets", 1) == "%(num)s ticket"
