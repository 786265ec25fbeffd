"""What does the owner read before deciding on a buyer? Plain Japanese, and only what is known or was declared.

SME M&A Guidelines 3rd ed.: G1 (consent for this candidate), G7 (repeat buyers of the adviser are shown), G9 (outline and
result of the screening go to the client). Nothing here vouches for a buyer: a likeness of names was looked for, and a
named person decided.
"""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Literal

import msgspec

from succession.codes import label
from succession.disclosure.levels import FIELDS, fields_shown
from succession.i18n import format_date

_NOT_STATED = "記載なし"


class ScreeningOutcome(msgspec.Struct, frozen=True):
    """What a screening found and what a named person made of it."""

    decision: Literal["cleared", "refused"]
    decided_by: str
    decided_on: date
    lists: int
    entries: int
    likenesses: int
    explanation: str | None


def screening_words(outcome: ScreeningOutcome) -> tuple[str, str]:
    """The outcome for the owner, (Japanese, English)."""
    on_ja, on_en = (format_date(outcome.decided_on, language) for language in ("ja", "en"))
    found_ja = (f"名前の似た記録が{outcome.likenesses}件ありました。" if outcome.likenesses
                else "名前の似た記録は見つかりませんでした。")
    found_en = (f"{outcome.likenesses} records with a similar name were found." if outcome.likenesses
                else "No record with a similar name was found.")
    decided_ja = "お話を進めてよい" if outcome.decision == "cleared" else "お話を進めない"
    decided_en = "to go on" if outcome.decision == "cleared" else "not to go on"
    why = _line(outcome.explanation or "").rstrip("。.")
    why_ja = f"その理由：{why}。" if why else ""
    why_en = f" Reason given: {why}." if why else ""
    return (
        f"相手の会社、親会社及び実質的な支配者の名前を、運営者が備える名簿{outcome.lists}種類（{outcome.entries}件）と照らし合わせました。"
        f"{found_ja}担当の{outcome.decided_by}が{on_ja}に「{decided_ja}」と判断しました。{why_ja}"
        "これは名前の照合と担当者の判断であり、相手の信用を保証するものではありません。",
        f"The names of the buyer, its parent and its beneficial owners were compared with {outcome.lists} lists kept by the "
        f"operator ({outcome.entries} entries). {found_en} {outcome.decided_by} decided on {on_en} {decided_en}.{why_en} "
        "This is a comparison of names and one person's judgement; it does not vouch for the buyer.",
    )


class OwnerOfBuyer(msgspec.Struct, frozen=True):
    name: str
    country: str
    share_percent: str


class PriorDeals(msgspec.Struct, frozen=True):
    """Earlier requests of this buyer with the same adviser (guideline G7)."""

    requests: int
    completed: int


class Shown(msgspec.Struct, frozen=True):
    """Exactly what the owner is asked about. Countries are ISO 3166-1 codes; `fields` is what a yes would open."""

    legal_name: str
    country: str
    ultimate_parent: str | None
    ultimate_parent_country: str | None
    beneficial_owners: list[OwnerOfBuyer]
    business: str | None
    website: str | None
    purpose: str
    adviser: str
    screening_words: str
    prior_deals: PriorDeals
    nda_signed_on: date
    expires_on: date
    fields: list[str]


def fields_opened() -> list[str]:
    """What a yes opens, as `block.field`."""
    return [f"{block}.{field}" for block in FIELDS for field in fields_shown(block, "dossier")]


def name_clear_text(shown: Shown) -> str:
    """The Japanese text put before the owner."""
    template = (Path(__file__).parent / "texts" / "name_clear.ja.txt").read_text(encoding="utf-8")
    shown = msgspec.structs.replace(shown, **{name: _line(value) for name, value in msgspec.structs.asdict(shown).items()
                                              if isinstance(value, str)})
    parent = _with_country(shown.ultimate_parent, shown.ultimate_parent_country) if shown.ultimate_parent else _NOT_STATED
    owners = "、".join(f"{_with_country(_line(o.name), o.country)} {o.share_percent}％" for o in shown.beneficial_owners)
    prior = shown.prior_deals
    earlier = (f"{prior.requests}件（うち成立{prior.completed}件）。繰り返し取引のある相手です。" if prior.requests
               else "ありません。")
    return template.format(
        legal_name=shown.legal_name, country=label("country", shown.country, "ja"), parent=parent,
        owners=owners or _NOT_STATED, business=shown.business or _NOT_STATED, website=shown.website or _NOT_STATED,
        purpose=shown.purpose, screening=shown.screening_words, adviser=shown.adviser, prior_deals=earlier,
        signed_on=format_date(shown.nda_signed_on, "ja"), expires_on=format_date(shown.expires_on, "ja"))


def _line(typed: str) -> str:
    """What somebody typed, on one line: it can answer its own question and no other."""
    return " ".join(typed.split())


def _with_country(name: str, country: str | None) -> str:
    return f"{name}（{label('country', country, 'ja')}）" if country else name


def text_hash(text: str) -> bytes:
    """sha256 over the UTF-8 bytes of exactly the text shown."""
    return hashlib.sha256(text.encode()).digest()
