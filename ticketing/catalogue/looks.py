"""How an organisation's and an event's pages look: a name, a colour, a picture. SQL alone; nothing of it decides."""

from collections.abc import Mapping

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.orm import Session

from ticketing.catalogue.tables import Look, Picture

COLOURS = ("red", "orange", "green", "teal", "blue", "purple", "grey")
"""Each was chosen so that text on it and text in it can be read, in light and in dark."""

EVENT, ORGANISATION = "event", "organisation"


class Looks(Struct, frozen=True):
    """`name` is for an organisation's pages; `picture` is an id. Empty: as everywhere."""

    name: str = ""
    colour: str = ""
    picture: str | None = None


def all_looks(session: Session) -> dict[str, Looks]:
    """Every look by its subject, `event:ID` or `organisation:ID`."""
    rows = session.execute(select(Look.subject, Look.name, Look.colour, Look.picture_id))
    return {row[0]: Looks(*row[1:]) for row in rows}


def look_of(session: Session, subject: str) -> Looks:
    """One look; the usual one when none was set."""
    row = session.get(Look, subject)
    return Looks(row.name, row.colour, row.picture_id) if row else Looks()


def set_look(session: Session, subject: str, looks: Looks, now: int) -> None:
    """Put a look in the place of the one before."""
    values = {"name": looks.name, "colour": looks.colour, "picture_id": looks.picture, "changed_at": now}
    session.merge(Look(subject=subject, **values))


def add_picture(session: Session, picture_id: str, sizes: Mapping[str, bytes], now: int) -> None:
    """Keep a picture; one with the same content is the same."""
    if session.get(Picture, picture_id) is None:
        session.add(Picture(id=picture_id, small=sizes["small"], large=sizes["large"], created_at=now))
        session.flush()


def picture_bytes(session: Session, picture_id: str, size: str) -> bytes | None:
    """A picture in `small` or `large`; None when there is none."""
    column = Picture.small if size == "small" else Picture.large
    return session.scalar(select(column).where(Picture.id == picture_id))
