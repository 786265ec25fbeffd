"""How do two persons of the operator let a release go that would leave too few companies?"""

from __future__ import annotations

from succession.demo.walk import Walk

OPERATORS = ("operator", "operator-reviewer")


def let_go(walk: Walk, step: str) -> None:
    """The newest release of this step that waits: one person proposes to let it go, another confirms; neither learns the company."""
    for who in OPERATORS:  # by name: no API key reads or decides
        walk.sign_in(who)
        walk.give_code(who)  # and once more before something leaves the house
    held = walk.get(OPERATORS[0], "/v1/holds?state=open&limit=1")["items"][0]
    walk.note(f"{held['step']}: {held['reason_words']} ({held['candidates']} left, {held['needed']} needed)")
    walk.check(held["step"] == step, "what waits is this release")
    here = f"/v1/holds/{held['id']}"
    walk.post(OPERATORS[0], f"{here}/decision", {
        "decision": "release", "words": "The buyer is screened or about to be bound.", "for_every_buyer": True}, expect=200)
    walk.post(OPERATORS[0], f"{here}/confirmation", expect=409, code="second_confirmation_needed")
    walk.post(OPERATORS[1], f"{here}/confirmation", expect=200)
