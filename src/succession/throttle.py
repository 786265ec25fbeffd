"""How often may somebody try? Counters in Redis, atomic, with an end."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from redis.asyncio import Redis

from succession.errors import Problem

# Count and expiry in one step: two processes never both see the last free place. Redis 6.2 commands only.
_SPEND = """
local used = redis.call('INCR', KEYS[1])
if used == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {used, redis.call('PTTL', KEYS[1])}
"""


async def spend(redis: Redis, key: str, limit: int, window_s: int, code: str = "rate_limited") -> None:
    """Take one of `limit` tries in a window of `window_s` seconds; Problem `code` with Retry-After when none is left."""
    used, left_ms = await redis.eval(_SPEND, 1, f"throttle:{key}", window_s * 1000)
    if used > limit:
        raise Problem(code, headers={"Retry-After": str(max(1, -(-int(left_ms) // 1000)))})


def network_of(address: str) -> str:
    """What one visitor can be told apart by: an IPv4 address, or the /64 that an IPv6 visitor draws addresses from."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)


async def forgive(redis: Redis, key: str) -> None:
    """Forget the tries, after a success."""
    await redis.delete(f"throttle:{key}")
