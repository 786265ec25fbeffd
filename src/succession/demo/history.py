"""What happened on the demo market before today? Past requests, some of them down the whole road.

A plan first (`plan_past`, pure: how far each deal went and when), rows from it in past_rows.py. Everything lies in the
last half year, because a screening holds for six months and an owner's consent is used within 120 days: the database asks
for both when a grant is written, of the past as of the present.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from succession.deals.lifecycle import REASONS

OLDEST_DAYS, YOUNGEST_DAYS = 130, 8
CONSENT_WITHIN_DAYS = 112  # the owner's question is not asked earlier than so long ago
BUYERS = ("buyer-a", "buyer-b", "buyer-c", "fund-d")
ONE_IN = 3  # of the teasers a buyer may see, every third was asked about

# How far a request goes at most, of a hundred, and after how many days each step follows the one before.
DEPTHS = {"interested": 24, "nda_signed": 22, "im_disclosed": 14, "qa": 8, "top_meeting": 7, "loi": 5, "mou": 3, "dd": 5,
          "closing": 4, "completed": 8}  # fmt: skip
STEP_DAYS: tuple[tuple[str, int, int], ...] = (
    ("screened", 2, 5), ("nda_signed", 3, 12), ("asked", 1, 6), ("name_cleared", 2, 9), ("im_disclosed", 1, 3),
    ("qa", 2, 7), ("top_meeting", 4, 9), ("loi", 4, 8), ("mou", 3, 8), ("dd", 3, 7), ("definitive", 8, 14), ("closing", 2, 6),
    ("post_closing", 1, 2), ("completed", 4, 10),
)  # fmt: skip
# Where a deal rests, how it ended, of a hundred; the rest is still open.
ENDS: Mapping[str, Mapping[str, int]] = {
    "interested": {"buyer_withdrew": 30, "not_concluded": 20},
    "nda_signed": {"name_clear_refused": 35, "buyer_withdrew": 20},
    "im_disclosed": {"buyer_withdrew": 35, "not_concluded": 10},
    "qa": {"buyer_withdrew": 25}, "top_meeting": {"buyer_withdrew": 20, "not_concluded": 15}, "loi": {"not_concluded": 20},
    "mou": {}, "dd": {"not_concluded": 20},
}  # fmt: skip
END_ACTIONS = {"buyer_withdrew": "withdraw_buyer", "not_concluded": "conclude_without_deal",
               "name_clear_refused": "refuse_name_clear", "completed": "complete_deal"}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A published teaser and what is known of the listing behind it. `excludes`: (kind, value) pairs."""

    ref: UUID
    listing_id: UUID
    intermediary_id: UUID
    audiences: int
    published_at: datetime
    owner: str
    lenders: tuple[str, ...]
    excludes: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Past:
    """One past deal. `at`: step of STEP_DAYS -> when it was taken, in their order; `ended_at` with `terminal` and `reason`."""

    asked: Asked
    buyer: str
    requested_at: datetime
    at: dict[str, datetime]
    terminal: str | None
    reason: str | None
    ended_at: datetime | None

    @property
    def stage(self) -> str:
        """The furthest stage of the road it reached."""
        return [step for step in ("interested", *self.at) if step not in ("screened", "asked", "completed")][-1]


def plan_past(teasers: Sequence[Asked], excluded_for: Mapping[str, frozenset[tuple[str, str]]], seed: int,
              now: datetime) -> list[Past]:
    """The same deals for the same teasers, seed and moment; at most one per listing.

    `excluded_for`: buyer -> everything an exclusion can name it by.
    """
    found = []
    for number, asked in enumerate(teasers):
        rng = Random(f"past {seed} {number}")
        buyer = rng.choice(BUYERS)
        earliest = max(asked.published_at + timedelta(days=2), now - timedelta(days=OLDEST_DAYS))
        latest = now - timedelta(days=YOUNGEST_DAYS)
        if not asked.audiences & 3 or rng.randrange(ONE_IN) or asked.excludes & excluded_for[buyer] or earliest >= latest:
            continue
        requested_at = earliest + (latest - earliest) * rng.random()
        found.append(_past(asked, buyer, requested_at, rng, now))
    return found


def _past(asked: Asked, buyer: str, requested_at: datetime, rng: Random, now: datetime) -> Past:
    depth = rng.choices(list(DEPTHS), list(DEPTHS.values()))[0]
    at, moment, yesterday = {}, requested_at, now - timedelta(days=1)
    for step, fewest, most in STEP_DAYS if depth != "interested" else STEP_DAYS[:1]:
        moment += timedelta(days=rng.randint(fewest, most), hours=rng.randint(-3, 3))
        if step == "asked":
            moment = max(moment, now - timedelta(days=CONSENT_WITHIN_DAYS))
        if moment > yesterday:
            break
        at[step] = moment
        if step == depth:
            break
    stage = Past(asked, buyer, requested_at, at, None, None, None).stage
    if "completed" in at:
        return Past(asked, buyer, requested_at, at, "completed", "obligations_met", at["completed"])
    if stage == "name_cleared":  # released the same day: a consent is used or lapses
        at["im_disclosed"], stage = at["name_cleared"] + timedelta(hours=2), "im_disclosed"
    if at.get("asked") and "name_cleared" not in at:
        del at["asked"]  # the question is not out yet
    ends = ENDS.get(stage, {})
    terminal = rng.choices([*ends, None], [*ends.values(), 100 - sum(ends.values())])[0]
    ended_at = max([requested_at, *at.values()]) + timedelta(days=rng.randint(3, 20))
    if terminal is None or ended_at > yesterday:
        return Past(asked, buyer, requested_at, at, None, None, None)
    return Past(asked, buyer, requested_at, at, terminal, rng.choice(REASONS[terminal]), ended_at)
