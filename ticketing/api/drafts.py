"""Turns what staff send into what the catalogue takes: the same fields, times in milliseconds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from msgspec import Struct, structs

from ticketing.api import schemas, views
from ticketing.catalogue import model

Plan = TypeVar("Plan", bound=Struct)


def event_draft(wish: schemas.NewEvent) -> model.EventDraft:
    """A new event."""
    quotas = tuple(quota_draft(quota) for quota in wish.quotas)
    return _same(model.EventDraft, wish, quotas=quotas)


def quota_draft(wish: schemas.NewQuota) -> model.QuotaDraft:
    """A new quota."""
    return _same(model.QuotaDraft, wish, without=("reason",))


def event_changes(wish: schemas.EventChanges) -> model.EventChanges:
    """Changes of an event; what was not sent stays unset."""
    return _same(model.EventChanges, wish, without=("reason",))


def quota_changes(wish: schemas.QuotaChanges) -> model.QuotaChanges:
    """Changes of a quota; what was not sent stays unset."""
    return _same(model.QuotaChanges, wish, without=("reason", "force"))


def _same(kind: type[Plan], wish: Struct, without: Sequence[str] = (), **instead: Any) -> Plan:
    fields = {name: _plain(value) for name, value in structs.asdict(wish).items() if name not in without}
    return kind(**fields | instead)


def _plain(value: Any) -> Any:
    return views.millis(value) if isinstance(value, datetime) else value
