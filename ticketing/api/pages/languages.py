"""Chinese and English: which one a request gets, and where its words come from.

English is the source text, so it needs no catalogue. Chinese is `web/locale/zh_CN/LC_MESSAGES/messages.po`,
compiled in memory, once in a process: there is no compiled file that could be stale.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Literal

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from starlette.requests import Request

COOKIE = "lang"
COOKIE_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True, eq=False)
class Language:
    """A language of the pages: `code` in our URLs, `tag` in HTML, `name` in itself."""

    code: Literal["zh", "en"]
    tag: str
    name: str
    locale: Locale
    words: NullTranslations


@cache
def load_languages(web: Path) -> dict[str, Language]:
    """The languages by code, the default one first. Raises `FileNotFoundError` without a catalogue."""
    chinese = Language("zh", "zh-Hans", "中文", Locale.parse("zh_CN"), _compile(catalogue_path(web)))
    english = Language("en", "en", "English", Locale("en", "GB"), NullTranslations())
    return {language.code: language for language in (chinese, english)}


def catalogue_path(web: Path) -> Path:
    """Where the Chinese words are."""
    return web / "locale" / "zh_CN" / "LC_MESSAGES" / "messages.po"


def choose(request: Request, languages: dict[str, Language]) -> Language:
    """The one asked for by `?lang=`, else by cookie, else by the browser; Chinese when in doubt."""
    asked = (request.query_params.get("lang"), request.cookies.get(COOKIE))
    return chosen(asked, request.headers.get("accept-language", ""), languages)


def chosen(asked: Iterable[str | None], accepted: str, languages: dict[str, Language]) -> Language:
    """The first of those `asked` for that there is, else by the browser's header."""
    for code in asked:
        if code in languages:
            return languages[code]
    return languages[_by_browser(accepted)]


def _by_browser(header: str) -> str:
    for preference in header.lower().split(","):  # browsers list them by preference
        tag = preference.partition(";")[0].strip()
        if tag.startswith("zh"):
            return "zh"
        if tag.startswith("en"):
            return "en"
    return "zh"


def _compile(path: Path) -> GNUTranslations:
    with path.open("rb") as source:
        catalogue = read_po(source, locale="zh_CN")
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)
