"""SQL about API tokens, which joins the rooms of staff and of organisations. Commits nothing."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from sqlalchemy import select, update
from sqlalchemy.orm import Session, aliased

from ticketing.members.repository import at_or_below
from ticketing.members.tables import Organisation
from ticketing.staff.tables import ApiToken, StaffAccount

LISTED_MAX = 500


class TokenRow(Struct, frozen=True):
    """A token as its people see it; `used_at` is known to a minute. Times in milliseconds."""

    id: str
    name: str
    scopes: tuple[str, ...]
    organisation_id: str
    organisation_name: str
    maker: str
    created_at: int
    expires_at: int
    used_at: int | None


class LiveToken(Struct, frozen=True):
    """A token that was not revoked, with its maker's role and reach as they are now."""

    digest: bytes
    id: str
    scopes: list[str]
    created_at: int
    expires_at: int
    organisation_id: str
    organisation_name: str
    organisation_path: str
    maker_id: int
    maker: str
    role: str
    maker_path: str


def add(session: Session, row: TokenRow, digest: bytes, maker_id: int) -> None:
    """Add a token."""
    session.add(
        ApiToken(
            id=row.id,
            digest=digest,
            name=row.name,
            scopes=list(row.scopes),
            organisation_id=row.organisation_id,
            maker_id=maker_id,
            created_at=row.created_at,
            expires_at=row.expires_at,
        )
    )


def live(session: Session, now: int) -> list[LiveToken]:
    """Every token that may open something: not revoked, not expired, of an account that is not disabled."""
    home = aliased(Organisation)
    query = (
        select(
            ApiToken.digest,
            ApiToken.id,
            ApiToken.scopes,
            ApiToken.created_at,
            ApiToken.expires_at,
            Organisation.id,
            Organisation.name,
            Organisation.path,
            StaffAccount.id,
            StaffAccount.username,
            StaffAccount.role,
            home.path,
        )
        .join(Organisation, Organisation.id == ApiToken.organisation_id)
        .join(StaffAccount, StaffAccount.id == ApiToken.maker_id)
        .join(home, home.id == StaffAccount.organisation_id)
        .where(ApiToken.revoked_at.is_(None), ApiToken.expires_at > now, StaffAccount.disabled.is_(False))
    )
    found: list[Any] = list(session.execute(query).all())
    return [LiveToken(*row) for row in found]


def below(session: Session, path: str) -> list[TokenRow]:
    """The tokens of an organisation and those below it that were not revoked, newest first."""
    query = (
        select(
            ApiToken.id,
            ApiToken.name,
            ApiToken.scopes,
            Organisation.id,
            Organisation.name,
            StaffAccount.username,
            ApiToken.created_at,
            ApiToken.expires_at,
            ApiToken.used_at,
        )
        .join(Organisation, Organisation.id == ApiToken.organisation_id)
        .join(StaffAccount, StaffAccount.id == ApiToken.maker_id)
        .where(ApiToken.revoked_at.is_(None), at_or_below(path))
        .order_by(ApiToken.created_at.desc(), ApiToken.id)
        .limit(LISTED_MAX)
    )
    return [TokenRow(row[0], row[1], tuple(row[2]), *row[3:]) for row in session.execute(query)]


def organisation_path(session: Session, token_id: str) -> str | None:
    """Where a token belongs."""
    place = select(Organisation.path).join(ApiToken, ApiToken.organisation_id == Organisation.id)
    return session.scalar(place.where(ApiToken.id == token_id))


def revoke(session: Session, token_id: str, at: int) -> bool:
    """End a token; False when it had ended before."""
    mine = (ApiToken.id == token_id, ApiToken.revoked_at.is_(None))
    ended = update(ApiToken).where(*mine).values(revoked_at=at).returning(ApiToken.id)
    return session.scalar(ended) is not None


def note_use(session: Session, used_at: Mapping[str, int]) -> None:
    """Write when tokens were used last, by their ids."""
    for token_id, at in used_at.items():
        session.execute(update(ApiToken).where(ApiToken.id == token_id).values(used_at=at))
