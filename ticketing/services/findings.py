"""What the doctor finds: one thing looked at, what that would cost, and the command that mends it."""

from msgspec import Struct


class Check(Struct, frozen=True):
    """One thing looked at; `mend` and `command` are empty when it is well.

    `mend` says what it costs and what to do; `command` is for a shell, as it stands. Where no command can mend
    it, such as a secret that is lost, there is none.
    """

    name: str
    ok: bool
    found: str
    mend: str = ""
    command: str = ""


def check(name: str, ok: bool, found: str, mend: str, command: str = "") -> Check:
    """A check that says how to mend only what is wrong."""
    return Check(name, True, found) if ok else Check(name, False, found, mend, command)
