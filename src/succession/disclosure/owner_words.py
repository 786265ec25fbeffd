"""What does the owner read of the screening of a buyer? Plain Japanese, and only what was looked for and decided.

SME M&A Guidelines 3rd ed., G9: outline and result of the screening go to the client. Nothing here vouches for a buyer: a
likeness of names was looked for, and a named person decided.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from succession.i18n import format_date


class ListRead(msgspec.Struct, frozen=True):
    """A list that was consulted, as the owner may look it up: its title, the day it is of, how many entries it held."""

    title_ja: str
    title_en: str
    as_of: date | None
    entries: int


class ScreeningOutcome(msgspec.Struct, frozen=True):
    """What a screening found and what named persons made of it. `by_operator`: the second one is the operator's reviewer."""

    decision: Literal["cleared", "refused"]
    decided_by: str
    decided_on: date
    lists: tuple[ListRead, ...]
    likenesses: int
    explanation: str | None
    confirmed_by: str | None
    confirmed_on: date | None
    by_operator: bool


def screening_words(outcome: ScreeningOutcome) -> tuple[str, str]:
    """The outcome for the owner, (Japanese, English): what was looked at, of which day, what was found, who decided."""
    on_ja, on_en = (format_date(outcome.decided_on, language) for language in ("ja", "en"))
    why = _line(outcome.explanation or "").rstrip("。.")
    why_ja = f"その理由：{why}。" if why else ""
    why_en = f" Reason given: {why}." if why else ""
    decided_ja = "お話を進めてよい" if outcome.decision == "cleared" else "お話を進めない"
    decided_en = "to go on" if outcome.decision == "cleared" else "not to go on"
    second_ja, second_en = _second_person(outcome)
    looked_ja, looked_en = _looked_at(outcome.lists)
    found_ja, found_en = _found(outcome.likenesses)
    return (
        f"{looked_ja}{found_ja}担当の{_line(outcome.decided_by)}が{on_ja}に「{decided_ja}」と判断しました。{second_ja}{why_ja}"
        "これは名前の照合と担当者の判断であり、相手の信用を保証するものではありません。",
        f"{looked_en} {found_en} {_line(outcome.decided_by)} decided on {on_en} {decided_en}.{second_en}{why_en} "
        "This is a comparison of names and the judgement of the persons named; it does not vouch for the buyer.",
    )


def _looked_at(lists: tuple[ListRead, ...]) -> tuple[str, str]:
    if not lists:
        return ("相手の会社、親会社、役員及び実質的な支配者の名前を照らし合わせる名簿は、まだ備えられていません。",
                "There is no list yet with which the names of the buyer, its parent, officers and beneficial owners could be compared.")
    entries = sum(each.entries for each in lists)
    of_day_ja = [f"{_line(each.title_ja)}（{format_date(each.as_of, 'ja')}現在）" if each.as_of else _line(each.title_ja) for each in lists]
    of_day_en = [f"{_line(each.title_en)} (as of {format_date(each.as_of, 'en')})" if each.as_of else _line(each.title_en) for each in lists]
    return (
        f"相手の会社、親会社、役員及び実質的な支配者の名前を、名簿{len(lists)}種類（{entries}件）と照らし合わせました：{'、'.join(of_day_ja)}。",
        f"The names of the buyer, its parent, its officers and its beneficial owners were compared with {len(lists)} lists "
        f"({entries} entries): {'; '.join(of_day_en)}.",
    )


def _found(likenesses: int) -> tuple[str, str]:
    if likenesses:
        return (f"確認した範囲では、名前の似た記録が{likenesses}件ありました。", f"As far as was looked, {likenesses} records with a similar name were found.")
    return "確認した範囲では、名前の似た記録は見つかりませんでした。", "As far as was looked, no record with a similar name was found."


def _second_person(outcome: ScreeningOutcome) -> tuple[str, str]:
    if outcome.confirmed_by is not None and outcome.confirmed_on is not None:
        who_ja = f"運営者の確認担当{_line(outcome.confirmed_by)}" if outcome.by_operator else f"もう一人の担当{_line(outcome.confirmed_by)}"
        return (f"{who_ja}が{format_date(outcome.confirmed_on, 'ja')}に同じ記録を読み、この判断を確認しました。",
                f" {_line(outcome.confirmed_by)}{', a reviewer of the operator,' if outcome.by_operator else ''} read the same records and "
                f"confirmed this on {format_date(outcome.confirmed_on, 'en')}.")
    if outcome.likenesses and outcome.decision == "cleared":
        return "この判断は、もう一人の確認を待っています。", " A second person has not confirmed this yet."
    return "", ""


def _line(typed: str) -> str:
    """What somebody typed, on one line: it can answer its own question and no other."""
    return " ".join(typed.split())
