"""What does each side of a request learn of where it stands? The adviser everything, the buyer only its own part.

Who refused, and why, is between the owner and the adviser: every end but the buyer's own looks the same from outside.
"""

from __future__ import annotations

import msgspec

# Ends that a buyer reads as they are; all others, refusals above all, read as NEUTRAL_END.
PLAIN_ENDS = frozenset({"buyer_withdrew", "completed", "expired", "regulatory_impossible"})
NEUTRAL_END = "not_concluded"

SELLER_STEPS = ("closed", "continue_deal", "screen_buyer", "confirm_screening", "offer_nda", "await_signature", "countersign_nda",
                "ask_name_clear", "await_owner", "release_dossier", "await_buyer")
BUYER_STEPS = ("closed", "sign_nda", "acknowledge_nda", "read_dossier", "await_adviser")


class Standing(msgspec.Struct, frozen=True):
    """Where a request stands today. `nda`: none, offered, awaiting_countersignature, signed (in force), expired or ended; `named`: the
    reader was named under it and has not acknowledged it yet; `consent`: none, asked, yes, no, ask_adviser, used (a dossier was released
    on it), lapsed or revoked; `reading`: a live grant for the dossier; `waits`: the newest screening waits for a second person."""

    terminal: str | None
    past_dossier: bool
    screened: bool
    nda: str
    consent: str
    reading: bool
    waits: bool = False
    named: bool = False


def outcome_for_buyer(terminal: str | None) -> str | None:
    """The end as the buyer reads it: its own acts and what no side chose by name, everything else alike."""
    return terminal if terminal is None or terminal in PLAIN_ENDS else NEUTRAL_END


def buyer_step(standing: Standing) -> str:
    """What the buyer can do next; whatever the other side is busy with is `await_adviser`."""
    if standing.terminal is not None:
        return "closed"
    if standing.nda == "offered":
        return "sign_nda"
    if standing.nda in ("awaiting_countersignature", "signed") and standing.named:
        return "acknowledge_nda"
    return "read_dossier" if standing.reading else "await_adviser"


def seller_step(standing: Standing) -> str:
    """What the adviser does next, in the order of the road; a lapsed cause comes back as the step that renews it."""
    if standing.terminal is not None:
        return "closed"
    if not standing.screened:
        return "confirm_screening" if standing.waits else "screen_buyer"
    if standing.nda != "signed":
        return {"offered": "await_signature", "awaiting_countersignature": "countersign_nda"}.get(standing.nda, "offer_nda")
    if standing.past_dossier and standing.reading:
        return "continue_deal"
    if standing.reading:
        return "await_buyer"
    steps = {"asked": "await_owner", "ask_adviser": "await_owner", "yes": "release_dossier"}
    return steps.get(standing.consent, "ask_name_clear")
