"""Whose figures a report shows."""

from typing import NamedTuple

from sqlalchemy import Select


class Scope(NamedTuple):
    """The organisation at `path`, with the ids of it and all below as a part of a query."""

    path: str
    organisation_ids: Select[str]
