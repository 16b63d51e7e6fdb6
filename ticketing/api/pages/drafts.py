"""What the staff's forms say about an event and its quotas, as drafts for the catalogue.

Fields of a quota are named `quota.ROW.FIELD`; a row without a name and a count is left out.
"""

import re

from msgspec import structs

from ticketing.api.pages.formats import write_form_time
from ticketing.api.pages.forms import Form
from ticketing.catalogue.model import EventChanges, EventDraft, QuotaDraft
from ticketing.catalogue.tables import KEEP, Event

QUOTA_ROWS = 4
"""Quotas that the form for a new event has room for; more are added on the event's page."""

ELIGIBLE = "eligible"
"""The field that comes once for each organisation that may book; not at all means every member."""

_TIMES = ("opens_at", "closes_at", "starts_at", "cancellable_until", "collect_until")
_HOLD_MINUTES_MAX = 60
_QUOTA_FAULT = re.compile(r"quotas\[(?P<index>[0-9]+)\]\.(?P<field>\w+)")
_FIELDS = {"hold_seconds": "hold_minutes", "organisation": "organiser", "eligible_organisations": ELIGIBLE}


def read_event(form: Form) -> EventDraft:
    """The draft that a form describes; meaningless where `form.faults` says so afterwards."""
    eligible = tuple(dict.fromkeys(filter(None, form.all(ELIGIBLE))))
    return EventDraft(
        title=form.text("title", required=True),
        venue=form.text("venue"),
        description=form.text("description"),
        pickup=form.text("pickup"),
        notice=form.text("notice"),
        kind=form.text("kind") or None,
        venue_id=form.text("venue_id") or None,
        opens_at=form.time("opens_at", required=True) or 0,
        closes_at=form.time("closes_at", required=True) or 0,
        starts_at=form.time("starts_at", required=True) or 0,
        cancellable_until=form.time("cancellable_until"),
        collect_until=form.time("collect_until"),
        uncollected=form.text("uncollected") or KEEP,
        share_back_minutes=form.count("share_back_minutes"),
        per_card_limit=form.count("per_card_limit"),
        hold_seconds=_hold_seconds(form),
        organisation=form.text("organiser") or None,
        eligible_organisations=eligible or None,
        quotas=tuple(read_quota(form, f"quota.{row}.") for row in _filled_rows(form)),
    )


def form_of(event: Event) -> list[tuple[str, str]]:
    """An event as its form shows it."""
    texts = {name: getattr(event, name) for name in ("title", "venue", "description", "pickup", "notice")}
    times = {name: getattr(event, name) for name in _TIMES}
    shown = {name: write_form_time(at) if at is not None else "" for name, at in times.items()}
    rest = {
        "kind": event.kind or "",
        "venue_id": event.venue_id or "",
        "per_card_limit": str(event.per_card_limit or ""),
        "hold_minutes": str(max(1, event.hold_seconds // 60)),
        "uncollected": event.uncollected,
        "share_back_minutes": "" if event.share_back_minutes is None else str(event.share_back_minutes),
    }
    chosen = [(ELIGIBLE, one) for one in event.eligible_organisations or ()]
    return [*(texts | shown | rest).items(), *chosen]


def edited(form: Form, before: list[tuple[str, str]]) -> EventChanges:
    """What a form changes of the event it was filled with; a time typed anew is whole minutes."""
    plan = structs.asdict(read_event(form))
    names = {shown: field for field, shown in _FIELDS.items()}
    shown = {name: _lines(text) for name, text in before if name != ELIGIBLE}
    changed = [name for name, text in shown.items() if _lines(form.text(name)) != text]
    if set(filter(None, form.all(ELIGIBLE))) != {text for name, text in before if name == ELIGIBLE}:
        changed.append(ELIGIBLE)
    return EventChanges(**{field: plan[field] for field in (names.get(name, name) for name in changed)})


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").strip()  # browsers send CRLF


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
