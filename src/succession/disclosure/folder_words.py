"""What does the owner read before folders of the data room are shown to a buyer? Plain Japanese, one question for several."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec

from succession.codes import SCHEMES, label
from succession.i18n import format_date

_STEPS = {
    "K0": "技術・ノウハウがあることと、その種類", "K1": "技術・ノウハウの効果", "K2": "技術・ノウハウの仕組みの概要",
    "K3": "技術・ノウハウの具体的な条件（限られた担当者だけが、画面で見るだけです）", "K4": "技術・ノウハウの詳しい作り方",
}  # fmt: skip


class FolderShown(msgspec.Struct, frozen=True):
    """One folder as the owner is asked about it; `documents`: how many lie in it today."""

    name: str
    documents: int
    know_how_step: str | None
    competitor_sensitive: bool


class FoldersShown(msgspec.Struct, frozen=True):
    """Exactly what the owner is asked about. `competitor`: somebody declared that this buyer competes."""

    legal_name: str
    country: str
    adviser: str
    competitor: bool
    folders: list[FolderShown]
    expires_on: date


def folders_text(shown: FoldersShown) -> str:
    """The Japanese text put before the owner."""
    template = (Path(__file__).parent / "texts" / "folders.ja.txt").read_text(encoding="utf-8")
    country = label("country", shown.country, "ja") if shown.country in SCHEMES["country"].codes else shown.country
    competitor = "\n\nこの相手は、御社と競争する事業をしているという申告があります。" if shown.competitor else ""
    later = "技術・ノウハウを取り消すと、それより後の段階も見られなくなります。" if any(each.know_how_step for each in shown.folders) else ""
    return template.format(
        legal_name=_line(shown.legal_name), country=country + competitor, adviser=_line(shown.adviser),
        folders="\n".join(_folder(each) for each in shown.folders), expires_on=format_date(shown.expires_on, "ja"), later=later)


def _folder(folder: FolderShown) -> str:
    said = f"・{_line(folder.name)}（現在{folder.documents}件）"
    if folder.know_how_step:
        said += f"：{_STEPS[folder.know_how_step]}"
    if folder.competitor_sensitive:
        said += "　※競争相手には特に注意が必要な資料です"
    return said


def _line(typed: str) -> str:
    """What somebody typed, on one line: it can answer its own question and no other."""
    return " ".join(typed.split())
