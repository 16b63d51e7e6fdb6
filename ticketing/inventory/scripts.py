"""The Lua scripts, put together once: shebang, outcome codes, the shared parts a verb names, the verb.

A script's header line `uses` names the files of `lua/shared/` it stands on, and `flags` the server's
script flags. `load` reads every verb from the installed package.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from .codes import Outcome

_HEADER = re.compile(r"^-- (uses|flags) +(.+)$", re.MULTILINE)
_LUA = files(__package__) / "lua"


@dataclass(frozen=True, slots=True)
class Script:
    """A verb as the server gets it; `digest` is what EVALSHA names it by."""

    name: str
    source: str
    digest: str


@cache
def load(name: str) -> Script:
    """The script of `lua/NAME.lua`. Raises `FileNotFoundError` for an unknown verb."""
    verb = (_LUA / f"{name}.lua").read_text()
    header = dict(_HEADER.findall(verb))
    shebang = "#!lua" + (f" flags={header['flags']}" if "flags" in header else "")
    shared = [(_LUA / "shared" / f"{part}.lua").read_text() for part in header["uses"].split()]
    source = "\n".join([shebang, _outcome_names(), *shared, verb])
    return Script(name, source, digest_of(source))


def digest_of(source: str) -> str:
    """The name EVALSHA knows a script by."""
    return hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


def _outcome_names() -> str:
    names = ", ".join(outcome.name for outcome in Outcome)
    return f"local {names} = {', '.join(str(outcome.value) for outcome in Outcome)}"
