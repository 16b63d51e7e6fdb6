"""What the doctor asks of a Redis or Valkey server: its version, its state, and the settings that sales hang on."""

from collections.abc import Callable, Mapping
from typing import Any

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from ticketing.errors import StoreUnavailable

HIDDEN = "hidden by the server"

SETTINGS = (
    "appendonly",
    "appendfsync",
    "no-appendfsync-on-rewrite",
    "aof-load-truncated",
    "save",
    "stop-writes-on-bgsave-error",
    "maxmemory-policy",
    "maxmemory",
    "maxclients",
    "min-replicas-to-write",
    "bind",
    "port",
    "protected-mode",
    "dir",
)
STATE = (
    "aof_last_write_status",
    "aof_last_bgrewrite_status",
    "rdb_last_bgsave_status",
    "used_memory",
    "connected_clients",
    "role",
    "connected_slaves",
    "cluster_enabled",
)


def read_facts(redis: Redis) -> dict[str, str]:
    """Every fact by its name, `HIDDEN` where the server keeps it to itself. Raises `StoreUnavailable`."""
    try:
        info: dict[str, Any] = redis.info()
        facts = {"server": "valkey" if "valkey_version" in info else "redis"}
        facts["version"] = str(info[f"{facts['server']}_version"])
        facts |= {name: str(info.get(name, HIDDEN)) for name in STATE}
        config = _unless_hidden(lambda: redis.config_get(*SETTINGS))
        facts |= dict.fromkeys(SETTINGS, HIDDEN) | {
            _string(name): _string(value) for name, value in config.items()
        }
        facts["asks_who"] = _asks_who(redis)
    except RedisError as error:
        raise StoreUnavailable("Redis did not answer") from error
    return facts


def _asks_who(redis: Redis) -> str:
    """Whether who connects without a name must know a password: `yes`, `no` or `HIDDEN`."""
    user = _unless_hidden(lambda: redis.acl_getuser("default"))
    if not user:
        return HIDDEN
    flags = {_string(flag) for flag in user["flags"]}
    return "no" if "nopass" in flags and "off" not in flags else "yes"


def _unless_hidden(ask: Callable[[], Any]) -> Mapping[Any, Any]:
    """The answer; nothing where the server refuses the command, as hosted ones do."""
    try:
        answer: Mapping[Any, Any] = ask()
    except ResponseError:
        return {}
    return answer


def _string(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
