"""Where do sessions and limits live: in one Redis, in the one that Sentinels name, or in a Cluster?

Every command and every script of this program touches one key, or keys of one hash tag, so that a Cluster can keep
them where it likes. While a master is being replaced what needs it answers 503, and nothing else does.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import ConstantBackoff
from redis.client import AbstractRedis
from redis.exceptions import RedisClusterException, RedisError

AWAY = (RedisError, RedisClusterException)  # whatever is wrong with it; a Cluster without nodes is no RedisError
Memory = AbstractRedis  # what both kinds are: a dependency of handlers is checked against it
TIMEOUT_S = 5.0
SENTINEL_TIMEOUT_S = 1.0  # one that does not answer is passed over for the next


def open_memory(url: str) -> Memory:
    """Connects at the first command. `url` as REDIS_URL may be written (addresses.py)."""
    kind = urlsplit(url).scheme.partition("+")[2]
    if not kind:
        return Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
    nodes, path, options = _read(url)
    if kind == "cluster":
        return RedisCluster(startup_nodes=[ClusterNode(host, port) for host, port in nodes], retry=_briefly(3), **options)
    service, _, number = path.partition("/")
    asked = Sentinel(nodes, sentinel_kwargs={"socket_timeout": SENTINEL_TIMEOUT_S, "socket_connect_timeout": SENTINEL_TIMEOUT_S,
                                             "retry": _briefly(1)} | ({"ssl": True} if options.get("ssl") else {}))
    return asked.master_for(service, db=int(number or 0), retry=_briefly(1), **options)


def _read(url: str) -> tuple[list[tuple[str, int]], str, dict[str, Any]]:
    """Nodes, path and options of a URL with several hosts, which no library reads."""
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    options: dict[str, Any] = {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S}
    options |= {name: unquote(text) for name, text in (("username", user), ("password", password)) if text}
    if parts.scheme.startswith("rediss"):
        options["ssl"] = True
    found = (each.rpartition(":") for each in hosts.split(","))
    return [(host.strip("[]"), int(port)) for host, _, port in found], parts.path.strip("/"), options


def _briefly(times: int) -> Retry:
    """A dead node is not asked again and again while somebody waits: the next request asks who is master now."""
    return Retry(ConstantBackoff(0.1), times)
