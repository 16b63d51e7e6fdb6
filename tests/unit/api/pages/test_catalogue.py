"""Goal: every text that a page can show exists in Chinese, and every refusal says what to do.

Method: the texts are extracted from templates and code as `scripts/messages` does it, and held against the
catalogue; the tables of sentences are held against the closed lists they are for.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from ticketing.api.pages import event_words, names, report_words
from ticketing.api.pages.headings import HEADINGS
from ticketing.api.pages.languages import catalogue_path, load_languages
from ticketing.errors import Code
from ticketing.resources import package_files

ROOT = Path(__file__).parents[4]
WEB = package_files("web")
KEYWORDS: dict[str, Any] = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def _texts() -> list[tuple[str, ...]]:
    with (WEB / "locale" / "babel.cfg").open() as mapping:
        methods, options = parse_mapping_cfg(mapping)  # type: ignore[no-untyped-call]
    found = extract_from_dir(ROOT, methods, options, keywords=KEYWORDS)
    return [(text,) if isinstance(text, str) else tuple(text) for _, _, text, _, _ in found]


def _chinese(catalogue: Catalog, text: str) -> str:
    message = catalogue.get(text)
    return _only(message.string) if message else ""


def _only(string: str | tuple[str, ...] | list[str] | None) -> str:
    """The one form of a Chinese text: the language has no plural."""
    return string if isinstance(string, str) else "".join(string or ())


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with catalogue_path(WEB).open("rb") as source:
        return read_po(source, locale="zh_CN")


def test_every_text_has_its_chinese(catalogue: Catalog) -> None:
    texts = _texts()
    assert len(texts) > 200
    assert [text for text, *_ in texts if not _chinese(catalogue, text)] == []


def test_the_catalogue_has_nothing_that_no_page_says(catalogue: Catalog) -> None:
    used = {singular for singular, *_ in _texts()}
    known = {
        message.id if isinstance(message.id, str) else message.id[0] for message in catalogue if message.id
    }
    assert known - used == set()


def test_a_translation_keeps_the_facts(catalogue: Catalog) -> None:
    for message in catalogue:
        english = message.id if isinstance(message.id, str) else message.id[-1]
        assert set(PLACEHOLDER.findall(english)) == set(PLACEHOLDER.findall(_only(message.string))), english


def test_a_gap_would_be_seen(catalogue: Catalog) -> None:
    """The control: a text that nobody has translated is missing."""
    assert not _chinese(catalogue, "A text that no page has.")


def test_every_refusal_says_what_to_do_in_both_languages() -> None:
    chinese, english = load_languages(WEB).values()
    facts = names.refusal_facts({"retry_after_ms": 2_500, "limit": 3, "used": 2})
    for code in Code:
        for sentences in (names.REFUSALS, names.REFUSALS_AT_BOOKING, names.REFUSALS_AT_DESK):
            spoken = [language.words.gettext(sentences[code]) % facts for language in (chinese, english)]
            assert spoken[0] != spoken[1], code
            assert spoken[0].endswith("。"), code
            assert spoken[1].endswith("."), code


@pytest.mark.parametrize(
    "words",
    [
        names.STATUSES,
        names.STATUS_SENTENCES,
        names.HOLD_SENTENCES,
        names.PAYMENT_SENTENCES,
        names.ROLES,
        names.DONE,
        names.FAULTS,
        names.REFUSAL_NAMES,
        event_words.COLOURS,
        event_words.KINDS,
        report_words.REPORTS,
        report_words.SETTLEMENT_LINES,
        HEADINGS,
    ],
)
def test_every_name_is_chinese_in_chinese(words: dict[str, str]) -> None:
    chinese = load_languages(WEB)["zh"].words
    for name, text in words.items():
        assert re.search(r"[\u4e00-\u9fff]", chinese.gettext(text)), name
