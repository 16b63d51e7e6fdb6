"""What the staff's forms say about an event and its quotas, as drafts for the catalogue.

Fields of a quota are named `quota.ROW.FIELD`; a row without a name and a count is left out.
"""

import re

from ticketing.api.pages.forms import Form
from ticketing.catalogue.model import EventDraft, QuotaDraft

QUOTA_ROWS = 4
"""Quotas that the form for a new event has room for; more are added on the event's page."""

_HOLD_MINUTES_MAX = 60
_QUOTA_FAULT = re.compile(r"quotas\[(?P<index>[0-9]+)\]\.(?P<field>\w+)")
_FIELDS = {"hold_seconds": "hold_minutes", "organisation": "organiser", "eligible_organisations": "eligible"}


def read_event(form: Form) -> EventDraft:
    """The draft that a form describes; meaningless where `form.faults` says so afterwards."""
    eligible = form.text("eligible")
    return EventDraft(
        title=form.text("title", required=True),
        venue=form.text("venue"),
        description=form.text("description"),
        pickup=form.text("pickup"),
        notice=form.text("notice"),
        opens_at=form.time("opens_at", required=True) or 0,
        closes_at=form.time("closes_at", required=True) or 0,
        starts_at=form.time("starts_at", required=True) or 0,
        cancellable_until=form.time("cancellable_until"),
        collect_until=form.time("collect_until"),
        per_card_limit=form.count("per_card_limit"),
        hold_seconds=_hold_seconds(form),
        organisation=form.text("organiser") or None,
        eligible_organisations=(eligible,) if eligible else None,
        quotas=tuple(read_quota(form, f"quota.{row}.") for row in _filled_rows(form)),
    )


def read_quota(form: Form, prefix: str) -> QuotaDraft:
    """The quota whose fields begin with `prefix`."""
    return QuotaDraft(
        name=form.text(f"{prefix}name", required=True),
        capacity=form.count(f"{prefix}capacity", required=True) or 0,
        starts_at=form.time(f"{prefix}starts_at"),
        price=form.price(f"{prefix}price") or 0,
        face_price=form.price(f"{prefix}face_price"),
    )


def form_field(field: str, form: Form) -> str:
    """The form's name for a field of the catalogue, such as `quota.2.price` for `quotas[1].price`."""
    match = _QUOTA_FAULT.fullmatch(field)
    if match is None:
        return _FIELDS.get(field, field)
    return f"quota.{_filled_rows(form)[int(match['index'])]}.{match['field']}"


def _filled_rows(form: Form) -> list[int]:
    fields = ("name", "capacity", "price", "face_price", "starts_at")
    return [row for row in range(QUOTA_ROWS) if any(form.text(f"quota.{row}.{name}") for name in fields)]


def _hold_seconds(form: Form) -> int:
    minutes = form.count("hold_minutes", required=True) or 0
    if not 1 <= minutes <= _HOLD_MINUTES_MAX:
        form.faults["hold_minutes"] = "number"
    return minutes * 60
