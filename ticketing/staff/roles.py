"""What staff may be: one role, for one organisation and all below it."""

from enum import StrEnum


class Role(StrEnum):
    """A manager runs events and cards, a clerk hands out and sells, an auditor reads, an admin does all of it."""

    MANAGER = "manager"
    CLERK = "clerk"
    AUDITOR = "auditor"
    ADMIN = "admin"
