"""Goal: changing one field of an event changes that field alone.

Method: an event is shown as a form, the form comes back as browsers send it, with and without a change.
"""

from typing import Any

import pytest

from ticketing.api.pages.drafts import edited, form_of
from ticketing.api.pages.forms import Form
from ticketing.catalogue.model import given
from ticketing.catalogue.tables import Event


def _event(**changes: Any) -> Event:
    fields: dict[str, Any] = {
        "title": "五元看大片",
        "venue": "工人文化宫",
        "description": "第一行\n第二行",
        "pickup": "",
        "notice": "",
        "starts_at": 1_777_600_012_345,  # typed by nobody: with seconds and milliseconds
        "opens_at": 1_777_000_000_001,
        "closes_at": 1_777_500_000_002,
        "cancellable_until": None,
        "collect_until": 1_777_700_000_003,
        "uncollected": "keep",
        "per_card_limit": 3,
        "hold_seconds": 90,
        "eligible_organisations": None,
    }
    return Event(**(fields | changes))


def _sent(event: Event, **typed: str) -> Form:
    """The form as a browser sends it, with these fields typed anew."""
    return Form([(name, typed.get(name, text.replace("\n", "\r\n"))) for name, text in form_of(event)])


@pytest.mark.parametrize(
    "event", [_event(), _event(eligible_organisations=["east"]), _event(eligible_organisations=["a", "b"])]
)
def test_a_form_sent_as_it_was_changes_nothing(event: Event) -> None:
    form = _sent(event)
    assert given(edited(form, form_of(event))) == {}
    assert form.faults == {}


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"title": "六元看大片"}, {"title": "六元看大片"}),
        ({"per_card_limit": ""}, {"per_card_limit": None}),
        ({"per_card_limit": "2"}, {"per_card_limit": 2}),
        ({"hold_minutes": "5"}, {"hold_seconds": 300}),
        ({"kind": "theatre"}, {"kind": "theatre"}),
        ({"collect_until": ""}, {"collect_until": None}),
        ({"uncollected": "desk"}, {"uncollected": "desk"}),
        ({"share_back_minutes": "0"}, {"share_back_minutes": 0}),
        ({"cancellable_until": "2026-05-01T12:00"}, {"cancellable_until": 1_777_608_000_000}),
        ({"description": "第一行\r\n第三行"}, {"description": "第一行\r\n第三行"}),
    ],
)
def test_what_was_typed_changes_alone(typed: dict[str, str], expected: dict[str, Any]) -> None:
    event = _event()
    assert given(edited(_sent(event, **typed), form_of(event))) == expected


@pytest.mark.parametrize(
    ("ticked", "expected"),
    [(["b", "a"], {}), (["a"], ("a",)), (["a", "b", "c", "c"], ("a", "b", "c")), ([], None), ([""], None)],
)
def test_unions_are_taken_as_ticked_and_none_means_everybody(ticked: list[str], expected: Any) -> None:
    event = _event(eligible_organisations=["a", "b"])
    shown = form_of(event)
    sent = [field for field in shown if field[0] != "eligible"] + [("eligible", one) for one in ticked]
    changes = given(edited(Form(sent), shown))
    assert changes == ({} if expected == {} else {"eligible_organisations": expected})
