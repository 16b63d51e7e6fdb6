"""What SQL says of a published event, as the board of a process keeps it."""

from collections.abc import Mapping, Sequence
from typing import Self

from msgspec import Struct

from ticketing.api import views
from ticketing.catalogue import tables
from ticketing.catalogue.stamps import Stamp


class Card(Struct, frozen=True):
    """An event as SQL has it; `stamp` changes when any of it does.

    What every hold asks for stands here in plain fields: an attribute of a row costs ten times as much.
    """

    event: tables.Event
    organisation_name: str
    eligible_names: tuple[str, ...]
    stamp: Stamp
    group_id: str
    currency: str
    is_archived: bool

    @classmethod
    def of(cls, event: tables.Event, names: Mapping[str, str], stamp: Stamp) -> Self:
        """The card of a row; `names` are those of the organisations that it refers to."""
        currency = event.quotas[0].currency if event.quotas else views.CURRENCY
        is_archived = event.group.archived_at is not None
        owner, others = names[event.organisation_id], tuple(names[id_] for id_ in eligible(event))
        return cls(event, owner, others, stamp, event.group_id, currency, is_archived)


def eligible(event: tables.Event) -> Sequence[str]:
    """The organisations that may book; none when everybody may."""
    return event.eligible_organisations or ()
