"""Usernames of staff: 1 to 60 letters, digits, dots, dashes, underscores or @, in lower case."""

import re

USERNAME_RULE = "1 to 60 letters, digits, dots, dashes, underscores or @"

_USERNAME = re.compile(r"[\w.@-]{1,60}")


def read_username(typed: str) -> str | None:
    """The username that was typed, or None when it cannot be one."""
    name = typed.strip().lower()
    return name if _USERNAME.fullmatch(name) else None
