"""The closed list of what a script can answer.

Refusals stand in the order in which they are checked: where several apply, the first one answers.
`scripts` hands these names to every script, so Lua and Python cannot disagree.
"""

from enum import IntEnum


class Outcome(IntEnum):
    """One request's outcome. Zero and above are a yes."""

    OK = 0
    EXISTS = 1  # this id was decided before; the stored answer comes along
    KEY_REUSED = -1  # this id was decided before, for other items
    RATE_LIMITED = -2  # too many live holds, or too many let go in a row
    RECOVERING = -3  # another epoch than the caller expects: Redis forgot, or the caller is late
    NOT_FOUND = -4
    BACKLOG_FULL = -5
    SALE_CLOSED = -6
    SALE_NOT_OPEN = -7
    SALE_PAUSED = -8
    NOT_ELIGIBLE = -9
    CARD_LIMIT_EXCEEDED = -10
    SOLD_OUT = -11
    HOLD_RELEASED = -12
    HOLD_EXPIRED = -13
    HOLD_CONFIRMED = -14
    PAYMENT_REQUIRED = -15
    CAPACITY_IN_USE = -16
    INVALID = -17  # more would be withheld of a quota than it has
