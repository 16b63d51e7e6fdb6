"""Goal: a page kept in pieces is, for whoever asks, the page as it was rendered with their own key in it.

Method: pages of any text around the hole, also ones longer than the window of deflate and ones whose second half
repeats the first, unpacked by another implementation of gzip and compared with the plain bytes.
"""

import gzip
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketing.api.answers import Answer
from ticketing.api.pages.kept import HOLE, PAGES_MAX, Kept, KeyedPage, WholePage
from ticketing.api.pages.site import new_key

PACKED = {b"accept-encoding": b"gzip, br"}
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=500)


def keyed(before: str, after: str) -> KeyedPage:
    return KeyedPage.of(Answer(200, (before + HOLE + after).encode(), ((b"x", b"y"),), is_page=True))


@given(TEXT, TEXT)
def test_a_key_fills_the_hole(before: str, after: str) -> None:
    page, key = keyed(before, after), new_key()
    plain, packed = page.answer({}, key), page.answer(PACKED, key)
    assert plain.body.decode() == before + key + after
    assert gzip.decompress(packed.body) == plain.body
    assert (b"content-encoding", b"gzip") in packed.headers
    assert (b"content-encoding", b"gzip") not in plain.headers


def test_what_repeats_is_compressed_across_the_hole_and_beyond_the_window() -> None:
    noise = random.Random(7)
    part = "".join(noise.choices("abcdefgh", k=20_000))
    page, key = keyed(part * 2 + '<input value="', '">' + part), new_key()
    packed = page.answer(PACKED, key).body
    assert gzip.decompress(packed) == page.answer({}, key).body
    alone = len(gzip.compress((part * 2).encode()))
    assert len(packed) < alone + 1_000  # the part after the hole is a reference to the one before


def test_two_who_ask_have_different_keys() -> None:
    page = keyed("a", "b")
    assert page.answer({}, new_key()).body != page.answer({}, new_key()).body
    assert len(new_key()) == len(HOLE)


@pytest.mark.parametrize("body", ["no hole", HOLE + "and" + HOLE])
def test_a_page_has_one_hole(body: str) -> None:
    with pytest.raises(ValueError, match="unpack"):
        KeyedPage.of(Answer(200, body.encode()))


def test_a_browser_that_has_the_page_is_told_so() -> None:
    page = WholePage.of(Answer(200, b"text", ((b"content-type", b"text/html"),), is_page=True))
    assert gzip.decompress(page.answer(PACKED).body) == page.answer({}).body == b"text"
    unchanged = page.answer({b"if-none-match": page.etag})
    assert (unchanged.status, unchanged.body, unchanged.is_page) == (304, b"", True)
    assert page.answer({b"if-none-match": b'W/"other"'}).status == 200


def test_a_page_is_rendered_once_for_each_state() -> None:
    kept: Kept[int] = Kept()
    made: list[int] = []

    def render() -> int:
        made.append(len(made))
        return made[-1]

    assert [kept.page("a", (state,), render) for state in (1, 1, 2, 2, 1)] == [0, 0, 1, 1, 2]
    for name in range(PAGES_MAX):
        kept.page(name, (), render)
    assert len(made) == 3 + PAGES_MAX
    assert kept.page(PAGES_MAX - 1, (), render) == made[-1]
