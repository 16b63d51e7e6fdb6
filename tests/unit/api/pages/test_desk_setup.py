"""Goal: a desk reads cards and not halves of them, whatever its reader puts around a number.

Method: settings, forms and cookies as values, ours and others'; a name as it may be shown beside a queue.
"""

from urllib.parse import quote

import pytest
from starlette.requests import Request

from tests.support.office import claims
from ticketing.api.pages.desk_setup import Setup, read_setup, setup_of
from ticketing.api.pages.forms import Form
from ticketing.api.views import masked_name
from ticketing.errors import Refusal

CARD = "620000002026000100"


@pytest.mark.parametrize(
    ("setup", "typed", "read"),
    [
        (Setup(), f"  {CARD} ", CARD),
        (Setup(prefix=";", suffix="?"), f";{CARD}?", CARD),
        (Setup(prefix=";", suffix="?"), CARD, CARD),  # typed by hand
        (Setup(prefix=";", length=18), f";{CARD}", CARD),
        (Setup(length=18), "7KQ2M9XH4T5W-2", "7KQ2M9XH4T5W-2"),  # a ticket's code is as long as it is
    ],
)
def test_what_is_read(setup: Setup, typed: str, read: str) -> None:
    assert setup.read(typed) == read


@pytest.mark.parametrize("typed", [CARD[1:], CARD + "0", f";{CARD[:9]}"])
def test_half_a_card_is_refused(typed: str) -> None:
    with pytest.raises(Refusal):
        Setup(prefix=";", length=18).read(typed)
    assert Setup(prefix=";").read(typed)  # the control: any length will do


@pytest.mark.parametrize(
    ("field", "value"),
    [("length", "5"), ("length", "33"), ("length", "x"), ("prefix", "卡"), ("suffix", "x" * 11)],
)
def test_what_cannot_be_set_is_named(field: str, value: str) -> None:
    form = Form([("desk", "1"), (field, value)])
    read_setup(form)
    assert list(form.faults) == [field]


def test_a_desk_without_events_serves_all() -> None:
    assert Setup().serves("a")
    assert Setup(events=("a",)).serves("a")
    assert not Setup(events=("a",)).serves("b")


@pytest.mark.parametrize("cookie", ["", "{}", "%", '{"name": 5}', quote('{"events": "a"}')])
def test_another_cookie_sets_nothing(cookie: str) -> None:
    request = Request({"type": "http", "headers": [(b"cookie", f"desk={cookie}".encode())]})
    clerk = claims("district", "clerk")
    assert setup_of(request, clerk) == Setup(name=clerk.organisation_name)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("王小明", "王*明"), ("李华", "李*"), ("欧阳小明", "欧**明"), ("John Smith", "J*** S****"), ("", "")],
)
def test_a_name_beside_a_queue(name: str, shown: str) -> None:
    assert masked_name(name) == shown
