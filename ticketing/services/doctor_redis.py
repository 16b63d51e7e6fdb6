"""The doctor's look at Redis or Valkey: would it lose what it answered, refuse what it should take, let anybody in?

Only what the server says is judged. A setting that it hides counts as unsafe, because nobody has looked.
"""

import shlex
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from ticketing.inventory.server import HIDDEN
from ticketing.services.doctor_machine import RANDOM
from ticketing.services.findings import Check, check

VERSIONS_MIN = {"valkey": (8, 0), "redis": (7, 0)}
FULL = 0.8
"""The share of memory or of connections above which a rush would meet the end of it."""

CONNECTIONS_MAX = 10_000
LOCAL = ("127.0.0.1", "::1", "localhost", "-::1")

_LOSES = "with anything else a crash loses tickets that members were told they have"
_WANTED = {
    "appendonly": ("yes", "without it a restart forgets every sale since the last snapshot"),
    "appendfsync": ("always", _LOSES),
    "no-appendfsync-on-rewrite": ("no", f"while it rewrites its file it would sync nothing; {_LOSES}"),
    "aof-load-truncated": (
        "yes",
        "after a power cut it would not start, although only what nobody was told is torn off",
    ),
    "maxmemory-policy": ("noeviction", "any other policy throws sold tickets away when memory is short"),
}


class Console:
    """How an operator talks to this server. A password is never printed: the address then comes from `variable`."""

    def __init__(self, url: str, variable: str, start: str | None) -> None:
        """`start`: what starts the bundled server with settings of its own; None for a server of theirs."""
        self._url = url
        self._variable = variable
        self._start = start

    def set(self, facts: Mapping[str, str], name: str, value: str) -> str:
        """Set it now, and for the next start."""
        tool = self._tool(facts)
        return self._start or f"{tool} CONFIG SET {name} {shlex.quote(value)}; {tool} CONFIG REWRITE"

    def run(self, facts: Mapping[str, str], command: str) -> str:
        """Run a command of the server's."""
        return f"{self._tool(facts)} {command}"

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine."""
        return self._url.startswith("unix:") or urlsplit(self._url).hostname in LOCAL

    def _tool(self, facts: Mapping[str, str]) -> str:
        parts = urlsplit(self._url)
        name = f"{facts['server']}-cli"
        if parts.scheme == "unix":
            return f"{name} -s {shlex.quote(parts.path)}"
        return f'{name} -u "${self._variable}"' if parts.password else f"{name} -u {shlex.quote(self._url)}"


def look_at_inventory(facts: Mapping[str, str], console: Console, replica_acks: int) -> Iterator[Check]:
    """Everything about the server that decides sales."""
    yield _version(facts)
    for name, (wanted, cost) in _WANTED.items():
        found = _with_snapshots(facts) if name == "appendonly" else facts[name]
        yield check(
            f"redis {name}",
            facts[name] == wanted,
            found,
            f"{cost}: set it to {wanted}",
            console.set(facts, name, wanted),
        )
    yield from _writes(facts, console)
    yield _memory(facts, console)
    yield _connections(facts, console)
    yield from _replicas(facts, console, replica_acks)
    yield _access(facts, console)


def look_at_queue(facts: Mapping[str, str], console: Console) -> Iterator[Check]:
    """What matters of a server that has only RQ's queue: it holds nothing that cannot be lost."""
    mend = "RQ's keys do not share a hash tag: set TICKETING_QUEUE_REDIS_URL to a plain server"
    yield check(
        "queue", facts["cluster_enabled"] in ("0", HIDDEN), f"cluster {facts['cluster_enabled']}", mend
    )
    yield check(
        "queue maxmemory-policy",
        facts["maxmemory-policy"] == "noeviction",
        facts["maxmemory-policy"],
        "any other policy drops jobs and limits of attempts when memory is short: set it to noeviction",
        console.set(facts, "maxmemory-policy", "noeviction"),
    )


def _version(facts: Mapping[str, str]) -> Check:
    least = VERSIONS_MIN[facts["server"]]
    version = tuple(int(part) for part in facts["version"].split(".")[:2])
    mend = f"this release needs {facts['server']} {'.'.join(map(str, least))} or newer: upgrade the server"
    return check("redis", version >= least, f"{facts['server']} {facts['version']}", mend)


def _with_snapshots(facts: Mapping[str, str]) -> str:
    only = facts["appendonly"] == "no" and facts["save"] not in ("", HIDDEN)
    return f"no, only snapshots ({facts['save']})" if only else facts["appendonly"]


def _writes(facts: Mapping[str, str], console: Console) -> Iterator[Check]:
    """Whether the last writes to disk went well."""
    for name, what, command in (
        ("aof_last_write_status", "it cannot write its file, and refuses every sale", "BGREWRITEAOF"),
        ("aof_last_bgrewrite_status", "its file grows until the disk is full", "BGREWRITEAOF"),
    ):
        mend = f"{what}: look at its disk and its log, then let it write the file anew"
        yield check(
            f"redis {name}", facts[name] in ("ok", HIDDEN), facts[name], mend, console.run(facts, command)
        )
    failed = facts["rdb_last_bgsave_status"] == "err"
    stops = facts["save"] not in ("", HIDDEN) and facts["stop-writes-on-bgsave-error"] != "no"
    yield check(
        "redis snapshots",
        not (failed and stops),
        f"the last failed ({facts['save']})" if failed else "none failed",
        "after a snapshot that failed it refuses every write; the append-only file has all there is, so take none",
        console.set(facts, "save", ""),
    )


def _memory(facts: Mapping[str, str], console: Console) -> Check:
    used, most = int(facts["used_memory"]), int(facts["maxmemory"] if facts["maxmemory"] != HIDDEN else 0)
    found = f"{used / (1 << 20):.0f} MiB used of {most / (1 << 20):.0f}" if most else "no limit"
    mend = "at its limit every new hold gets 503: give it more"
    more = str(max(2 * most, 2 * used))
    return check(
        "redis maxmemory", not most or used < FULL * most, found, mend, console.set(facts, "maxmemory", more)
    )


def _connections(facts: Mapping[str, str], console: Console) -> Check:
    there, most = facts["connected_clients"], facts["maxclients"]
    enough = HIDDEN in (there, most) or int(there) < FULL * int(most)
    mend = "one more process, or a rush, finds no connection: allow more"
    command = console.set(facts, "maxclients", str(CONNECTIONS_MAX))
    return check("redis maxclients", enough, f"{there} connected, at most {most}", mend, command)


def _replicas(facts: Mapping[str, str], console: Console, wanted: int) -> Iterator[Check]:
    if facts["role"] != "master":
        mend = (
            "it is a replica, and refuses every sale: set TICKETING_REDIS_URL to its primary, or promote it"
        )
        promote = console.run(facts, "REPLICAOF NO ONE")
        yield check("redis replicas", False, f"role {facts['role']}", mend, promote)
        return
    there = int(facts["connected_slaves"])
    found = f"{there} connected, {wanted} must have a confirm"
    mend = "every confirm is answered 503: connect the replicas, or lower TICKETING_REPLICA_ACKS"
    yield check("redis replicas", there >= wanted, found, mend, f"export TICKETING_REPLICA_ACKS={there}")
    least = facts["min-replicas-to-write"]
    yield check(
        "redis min-replicas-to-write",
        least == HIDDEN or int(least) <= there,
        f"{least}, {there} connected",
        "it refuses every write while fewer replicas are connected",
        console.set(facts, "min-replicas-to-write", str(there)),
    )


def _access(facts: Mapping[str, str], console: Console) -> Check:
    others = [address for address in facts["bind"].split() if address.lstrip("-") not in LOCAL]
    is_guarded = facts["asks_who"] != "no" or facts["protected-mode"] != "no"
    is_open = not is_guarded and facts["port"] != "0" and bool(others or not facts["bind"].split())
    found = f"open to who reaches {' '.join(others) or 'any address'}" if is_open else "not open to everybody"
    mend = (
        "without a password it must answer this machine only: who writes to it sells, and runs jobs here; with a "
        "password, put that into TICKETING_REDIS_URL on every machine"
    )
    return check("redis access", not is_open, found, mend, _close(facts, console))


def _close(facts: Mapping[str, str], console: Console) -> str:
    if console.is_local:
        return console.set(facts, "protected-mode", "yes")
    acts = ('CONFIG SET requirepass "$PASSWORD"', '-a "$PASSWORD" CONFIG REWRITE')
    commands = "; ".join(console.run(facts, act) for act in acts)
    return f"PASSWORD={RANDOM}; {commands}; echo $PASSWORD"
