"""Is the Japanese catalogue fit to be read: same fields, Japanese words, plain for the owner, no word of clearance?"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.catalog import Message as Entry
from babel.messages.pofile import read_po

from succession import i18n
from succession.letters import LETTERS

PROJECT = Path(__file__).parents[2]
PO = PROJECT / "i18n/ja/LC_MESSAGES/messages.po"
FIELD = re.compile(r"\{[^{}]*\}")
JAPANESE = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff]")
# Msgids whose translation may do without a Japanese letter: names and signs only. Nothing needs it yet.
NO_JAPANESE: frozenset[str] = frozenset()

# The owner's page and the questions put on it; the owner's letters come from LETTERS below.
OWNER_SOURCES = ("pages/owner.py", "pages/owner_sheet.py", "pages/templates/owner.html", "disclosure/owner_subject.py", "listings/consents.py", "listings/owner.py")
# Nothing we say may read as leave, approval by an authority, or a promise about the other side (design 6, domain 0).
CLEARANCE = (
    "問題ありません", "問題はありません", "問題なし", "問題のない", "差し支えありません", "承認済", "許可済", "認可済", "審査済",
    "審査に通", "審査を通過", "合格", "適法", "合法", "違法ではありません", "届出は不要", "届出不要", "必要ありません", "不要です",
    "安全です", "安心です", "ご安心", "保証します", "保証いたします", "確実です", "間違いありません", "お墨付き", "公認",
    "法的に有効", "法令に適合", "クリアランス", "クリアしました",
)  # fmt: skip
# Words of the trade and of the machine that a reader in their seventies should not have to know.
NOT_FOR_OWNERS = (
    "ノンネーム", "ティーザー", "ネームクリア", "デューデリジェンス", "トークン", "ハッシュ", "セッション", "スクリーニング", "コンセント",
    "URL", "クリック", "タップ", "チェックボックス", "オーナー", "譲受け側", "案件", "フィールド",
)  # fmt: skip


def entries() -> list[Entry]:
    with PO.open("rb") as stream:
        return [entry for entry in read_po(stream, locale="ja") if entry.id]


ENTRIES = entries()


def to_the_owner() -> list[Entry]:
    letters = {text for each in LETTERS.values() if each.body.startswith("Dear {name}") for text in (each.subject, each.body)}
    page = {e.id for e in ENTRIES for path, _line in e.locations if path.removeprefix("src/succession/") in OWNER_SOURCES}
    return [e for e in ENTRIES if e.id in letters | page]


def _faults(words: tuple[str, ...], among: list[Entry]) -> list[str]:
    return [f"{word}: {entry.id} -> {entry.string}" for entry in among for word in words if word in entry.string]


def test_the_catalogue_is_whole_and_compiles_without_mo_files() -> None:
    assert len(ENTRIES) > 500
    assert not re.search("^#(, fuzzy|~)", PO.read_text(encoding="utf-8"), re.MULTILINE)
    i18n._catalogue.cache_clear()
    sample = next(entry for entry in ENTRIES if not FIELD.search(entry.id))
    assert i18n.translate(sample.id, "ja") == sample.string


def test_every_translation_keeps_exactly_the_fields_of_its_msgid() -> None:
    """Each as often: a field dropped loses a fact, one repeated or misspelt shows its braces to the reader."""
    differ = [e.id for e in ENTRIES if Counter(FIELD.findall(e.id)) != Counter(FIELD.findall(e.string))]
    assert differ == []
    stray = [e.id for e in ENTRIES if re.search(r"[{}]", FIELD.sub("", e.string)) or "%(" in e.string]
    assert stray == []


def test_no_translation_gains_or_loses_space_at_its_ends() -> None:
    def ends(text: str) -> tuple[str, str]:
        return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]

    assert [e.id for e in ENTRIES if ends(e.id) != ends(e.string)] == []
    assert [e.id for e in ENTRIES if e.id.count("{link}") and "\n\n{link}" in e.id and "\n\n{link}" not in e.string] == []


def test_every_translation_is_japanese() -> None:
    assert [e.id for e in ENTRIES if not JAPANESE.search(e.string) and e.id not in NO_JAPANESE] == []
    assert [e.id for e in ENTRIES if e.string == e.id and e.id not in NO_JAPANESE] == []


def test_sentences_end_as_japanese_sentences_do() -> None:
    """A full stop for a full stop, and in the polite style."""
    wanting = [e.id for e in ENTRIES if e.id.endswith(".") and not e.string.endswith("。")]
    assert wanting == []
    plain = re.compile(r"(?:である|だった|だ|する|(?<![まで])した|ない|なる|いる)。")
    assert [e.string for e in ENTRIES if plain.search(e.string)] == []


def test_japanese_is_written_with_japanese_signs() -> None:
    """Full-width punctuation and brackets; half-width digits; no half-width kana, no letter left decomposed."""
    near = re.compile(rf"(?:{JAPANESE.pattern})\s?[,!?;()](?!\w*\))|[\uff61-\uff9f]|[０-９Ａ-Ｚａ-ｚ]")
    assert [e.string for e in ENTRIES if near.search(FIELD.sub("", e.string))] == []
    assert [e.string for e in ENTRIES if unicodedata.normalize("NFC", e.string) != e.string] == []


def test_nothing_reads_as_clearance() -> None:
    assert _faults(CLEARANCE, ENTRIES) == []


def test_the_owner_reads_plain_words() -> None:
    assert len(to_the_owner()) > 40
    assert _faults(NOT_FOR_OWNERS, to_the_owner()) == []


@pytest.mark.parametrize("source", OWNER_SOURCES)
def test_the_owners_sources_are_where_this_file_looks_for_them(source: str) -> None:
    """A renamed module must not take the owner's sentences out of these tests unnoticed."""
    assert (PROJECT / "src/succession" / source).is_file()


@pytest.mark.parametrize(
    ("answer", "label"),
    [("I agree", "承諾する"), ("I do not agree", "承諾しない"), ("I want to talk to my adviser first", "担当者に相談する")],
)
def test_the_buttons_are_named_as_the_text_above_them_names_them(answer: str, label: str) -> None:
    text = (PROJECT / "src/succession/disclosure/texts/name_clear.ja.txt").read_text(encoding="utf-8")
    assert f"「{label}」" in text
    assert i18n.translate(answer, "ja") == label
