"""A draft made of what there was: an event again on other days, or a template of its kind."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, structs

from ticketing.catalogue.model import EventDraft, QuotaDraft
from ticketing.clock import MINUTE_MS

Language = Literal["zh", "en"]

_HOUR_MS = 60 * MINUTE_MS
_EVENT_TIMES = ("starts_at", "opens_at", "closes_at", "cancellable_until", "collect_until")


def moved(plan: EventDraft, by_ms: int) -> EventDraft:
    """`plan` with every time of it and of its showings moved by the same span."""
    times = {name: _later(getattr(plan, name), by_ms) for name in _EVENT_TIMES}
    quotas = tuple(structs.replace(q, starts_at=_later(q.starts_at, by_ms)) for q in plan.quotas)
    return structs.replace(plan, **times, quotas=quotas)


def copied(plan: EventDraft, by_ms: int, *, same_series: bool) -> EventDraft:
    """The same event at another time.

    What staff kept back for the desk is what the desk has left of it, a count, and a notice was about that day:
    neither comes along. The series does only if that is meant, since a card's use of it comes along too.
    """
    quotas = tuple(structs.replace(quota, withheld=0) for quota in plan.quotas)
    group = plan.allowance_group if same_series else None
    return moved(structs.replace(plan, quotas=quotas, notice="", allowance_group=group), by_ms)


def postponed(plan: EventDraft, by_ms: int, now: int, *, move_sale: bool) -> EventDraft:
    """The same event at another time; its booking stays where it is unless that is meant, and never opens anew."""
    later = moved(plan, by_ms)
    opens_at = later.opens_at if move_sale and plan.opens_at > now else plan.opens_at
    closes_at = later.closes_at if move_sale else plan.closes_at
    return structs.replace(later, opens_at=opens_at, closes_at=closes_at)


class Words(Struct, frozen=True, forbid_unknown_fields=True):
    """A text of a template in both languages."""

    zh: str
    en: str

    def say(self, language: Language, **facts: object) -> str:
        """The text in one of them; `{n}` and the like stand for facts."""
        return str(getattr(self, language)).format(**facts)


class TemplateQuotas(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`times` quotas, each `apart_minutes` after the one before; `{n}` in the name is its number."""

    name: Words
    capacity: int
    price: int = 0
    face_price: int | None = None
    after_minutes: int = 0
    times: int = 1
    apart_minutes: int = 0

    def drafts(self, language: Language, starts_at: int) -> list[QuotaDraft]:
        """The quotas of an event that starts then."""
        first = starts_at + self.after_minutes * MINUTE_MS
        return [
            QuotaDraft(
                name=self.name.say(language, n=n + 1),
                capacity=self.capacity,
                price=self.price,
                face_price=self.face_price,
                starts_at=first + n * self.apart_minutes * MINUTE_MS,
            )
            for n in range(self.times)
        ]


class Template(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is usual for a kind of event; hours are before its start unless they say `after`."""

    kind: str
    title: Words
    description: Words
    pickup: Words
    opens_hours_before: int
    closes_hours_before: int
    cancellable_hours_before: int | None = None
    collect_hours_after: int | None = None
    per_card_limit: int | None = None
    hold_minutes: int = 5
    quotas: tuple[TemplateQuotas, ...]

    def draft(self, language: Language, starts_at: int, title: str = "") -> EventDraft:
        """An event of this kind that starts then."""
        cancellable, collect = self.cancellable_hours_before, self.collect_hours_after
        quotas = [draft for quotas in self.quotas for draft in quotas.drafts(language, starts_at)]
        ends = max(quota.starts_at or 0 for quota in quotas)
        return EventDraft(
            kind=self.kind,
            title=title or self.title.say(language),
            description=self.description.say(language),
            pickup=self.pickup.say(language),
            starts_at=starts_at,
            opens_at=starts_at - self.opens_hours_before * _HOUR_MS,
            closes_at=starts_at - self.closes_hours_before * _HOUR_MS,
            cancellable_until=None if cancellable is None else starts_at - cancellable * _HOUR_MS,
            collect_until=None if collect is None else ends + collect * _HOUR_MS,
            per_card_limit=self.per_card_limit,
            hold_seconds=self.hold_minutes * 60,
            quotas=tuple(quotas),
        )


@cache
def templates() -> Mapping[str, Template]:
    """Every template by its name, as `templates.toml` has them."""
    text = Path(__file__).with_name("templates.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Template])


def _later(at_ms: int | None, by_ms: int) -> int | None:
    return None if at_ms is None else at_ms + by_ms
