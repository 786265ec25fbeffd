"""How are the addresses of servers written, and whose is an address? Text alone: nothing here connects."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit, urlunsplit

_HOST = r"(?:[\w.-]+|\[[0-9a-f:.]+\]):\d{1,5}"
# Several nodes by comma; behind Sentinels the service and the database follow, a Cluster has one database.
_REDIS_NODES = rf"rediss?\+(?:sentinel://(?:[^@/]*@)?{_HOST}(?:,{_HOST})*/[\w.-]+(?:/\d+)?|cluster://(?:[^@/]*@)?{_HOST}(?:,{_HOST})*/?)"


def url_of(text: str, *schemes: str) -> str:
    """A URL of one of these schemes that names something; ValueError."""
    parts = urlsplit(text)
    if parts.scheme not in schemes or not (parts.netloc or parts.path.strip("/") or parts.query):
        raise ValueError
    return text


def redis_address(text: str) -> str:
    """One Redis, or several nodes of one: see `_REDIS_NODES`; ValueError."""
    return text if re.fullmatch(_REDIS_NODES, text) else url_of(text, "redis", "rediss", "unix")


def standby_hosts(text: str) -> tuple[str, ...]:
    """Each a URL of a host alone: who logs in there, with what and to which database is the primary's."""
    for url in (found := tuple(each.strip() for each in text.split(",") if each.strip())):
        if user_of(url_of(url, "postgresql", "postgres")) or urlsplit(url).path.strip("/"):
            raise ValueError
    return found


def pooled_standbys(text: str) -> tuple[str, ...]:
    """Each a URL of a pooler and the database that stands for the standby there; ValueError."""
    for url in (found := tuple(each.strip() for each in text.split(",") if each.strip())):
        if user_of(url_of(url, "postgresql", "postgres")) or not urlsplit(url).path.strip("/"):
            raise ValueError
    return found


def host_and_port(text: str) -> str:
    """`db.example:6432`; ValueError."""
    if not re.fullmatch(_HOST, text):
        raise ValueError
    return text


def as_role(url: str, role: str, password: str | None = None) -> str:
    """The same database for another user. The old password never travels along."""
    parts = urlsplit(url)
    user = quote(role, safe="") + (f":{quote(password, safe='')}" if password else "")
    query = "&".join(pair for pair in parts.query.split("&") if pair.partition("=")[0] not in ("user", "password"))
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, f"{user}@{host}", parts.path or "/", query, ""))


def at_host(url: str, there: str) -> str:
    """The same user on another host, and the same database unless that URL names one; a parameter it has wins."""
    parts, host = urlsplit(url), urlsplit(there)
    stated = {pair.partition("=")[0] for pair in host.query.split("&")}
    kept = [pair for pair in parts.query.split("&") if pair and pair.partition("=")[0] not in {"host", "port", *stated}]
    user = parts.netloc.rpartition("@")[0]
    database = host.path if host.path.strip("/") else parts.path or "/"
    return urlunsplit((parts.scheme, f"{user}@{host.netloc}", database, "&".join(kept + [host.query] * bool(host.query)), ""))


def user_of(url: str) -> str | None:
    parts = urlsplit(url)
    named = [pair.partition("=")[2] for pair in parts.query.split("&") if pair.startswith("user=")]
    user = parts.netloc.rpartition("@")[0].partition(":")[0] or next(iter(named), "")
    return unquote(user) or None
