"""Which questions may be answered before the name clear, and with which replies? One table.

Each asks for a wish, a relation or the course of talks: what no register, list or press report holds, so that a reply
leaves as many companies as the teaser did (anonymisation.md 4, "unlinkable"). Whatever could be looked up waits for
the name clear or goes as a text that the scanner and a second person let through. ops.question_reply holds the same.
"""

from __future__ import annotations

#: Fit every question, also one in the asker's own words: they say nothing of the company.
NEUTRAL: tuple[str, ...] = ("after_name_clear", "cannot_say")

_REPLIES: dict[str, str] = {
    "handover_length": "up_to_half_a_year half_to_one_year over_a_year negotiable",
    "owner_stays_in_touch": "yes no negotiable",
    "staff_kept": "yes no negotiable",
    "name_kept": "yes no negotiable",
    "guarantee_released": "yes no negotiable",
    "price_open": "yes no",
    "minority_first": "yes no negotiable",
    "other_talks": "yes no",
    "visit_possible": "after_letter_of_intent negotiable no",
    "papers_in_english": "yes partly no",
    "answer_within": "two_weeks one_month two_months",
    "family_agrees": "yes not_yet_asked",
}
QUESTIONS: tuple[str, ...] = tuple(_REPLIES)
REPLIES: tuple[str, ...] = tuple(dict.fromkeys(" ".join(_REPLIES.values()).split())) + NEUTRAL


def replies_to(code: str | None) -> tuple[str, ...]:
    """The coded replies that fit a question; NEUTRAL alone for one in the asker's own words. KeyError: no such question."""
    return (*(_REPLIES[code].split() if code is not None else ()), *NEUTRAL)
