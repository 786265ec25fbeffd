"""How often may somebody try? Counters in Redis, atomic, with an end."""

from __future__ import annotations

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


async def forgive(redis: Redis, key: str) -> None:
    """Forget the tries, after a success."""
    await redis.delete(f"throttle:{key}")
