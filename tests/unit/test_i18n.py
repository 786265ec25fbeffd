"""Does the reader get their language, exact money, and a sentence even when a catalogue is broken?"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from succession import i18n
from succession.i18n import Message, check_catalogues, format_yen, negotiate, translate, update_catalogues

BABEL_CFG = Path(__file__).parents[2] / "i18n" / "babel.cfg"
SOURCE = """
from succession.i18n import Message, _

TITLE = _("Name clear")
REFUSED = Message.of(
    "The owner {owner} has not "
    "consented.", owner="x")
ALSO = Message("By {day}.", {"day": 1})
IGNORED = print("not a message"), obj.of("nor this")
"""
PAGE = """<p>{{ _("Hello {name}", name=who) }}</p>"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one module and one page, whose catalogues `translate` reads."""
    (tmp_path / "src/pages").mkdir(parents=True)
    (tmp_path / "src/module.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "src/pages/page.html").write_text(PAGE, encoding="utf-8")
    (tmp_path / "i18n").mkdir()
    (tmp_path / "i18n/babel.cfg").write_text(BABEL_CFG.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(i18n, "_directory", lambda: tmp_path / "i18n")
    i18n._catalogue.cache_clear()
    yield tmp_path
    i18n._catalogue.cache_clear()


def _fill(project: Path, **replacements: str) -> Path:
    """Write the Japanese catalogue with every message translated, then change it as asked."""
    update_catalogues(project)
    po = project / "i18n/ja/LC_MESSAGES/messages.po"
    text = po.read_text(encoding="utf-8")
    for msgid, msgstr in {
        "Name clear": "ネームクリア",
        "The owner {owner} has not consented.": "{owner}様の同意がありません。",
        "By {day}.": "{day}まで。",
        "Hello {name}": "{name}様",
    }.items():
        assert f'msgid "{msgid}"\nmsgstr ""' in text, msgid
        text = text.replace(f'msgid "{msgid}"\nmsgstr ""', f'msgid "{msgid}"\nmsgstr "{msgstr}"')
    for old, new in replacements.values():
        assert old in text
        text = text.replace(old, new)
    po.write_text(text, encoding="utf-8")
    i18n._catalogue.cache_clear()
    return po


def test_extraction_finds_marks_messages_and_templates_and_nothing_else(project: Path) -> None:
    found = {message.id for message in i18n.extract_messages(project) if message.id}
    assert found == {"Name clear", "The owner {owner} has not consented.", "By {day}.", "Hello {name}"}


def test_an_f_string_in_a_message_is_refused(project: Path) -> None:
    (project / "src/module.py").write_text('X = _(f"Hello {who}")', encoding="utf-8")
    with pytest.raises(ValueError, match="f-string"):
        i18n.extract_messages(project)


def test_a_whole_catalogue_has_no_problems_and_translates(project: Path) -> None:
    _fill(project)
    assert check_catalogues(project) == []
    assert translate(i18n._("Name clear"), "ja") == "ネームクリア"
    assert translate("Name clear", "en") == "Name clear"
    assert translate(Message.of("The owner {owner} has not consented.", owner="山田"), "ja") == "山田様の同意がありません。"
    assert i18n.translator("ja")("Hello {name}", name="A") == "A様"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (('msgstr "ネームクリア"', 'msgstr ""'), "ja: missing: Name clear"),
        (('msgid "Name clear"', '#, fuzzy\nmsgid "Name clear"'), "ja: fuzzy: Name clear"),
        (('msgstr "{day}まで。"', 'msgstr "{date}まで。"'), "ja: other fields than the msgid: By {day}."),
        (('msgid "Name clear"', 'msgid "Old words"'), "ja: obsolete: Old words"),
        (('msgid "Hello {name}"', '#~ msgid "gone"\n#~ msgstr "x"\n\nmsgid "Hello {name}"'), "ja: obsolete: gone"),
    ],
)
def test_each_fault_of_a_catalogue_is_named(project: Path, change: tuple[str, str], problem: str) -> None:
    _fill(project, change=change)
    assert problem in check_catalogues(project)


def test_a_missing_catalogue_is_a_problem_but_still_answers_in_english(project: Path) -> None:
    assert check_catalogues(project) == ["ja: no catalogue"]
    assert translate("Name clear", "ja") == "Name clear"
    assert translate("Name clear", "../../ja") == "Name clear"
    assert translate("", "ja") == ""


def test_updating_twice_changes_nothing(project: Path) -> None:
    po = _fill(project)
    update_catalogues(project)
    once = po.read_bytes(), (project / "i18n/messages.pot").read_bytes()
    update_catalogues(project)
    assert once == (po.read_bytes(), (project / "i18n/messages.pot").read_bytes())
    assert "ネームクリア" in po.read_text(encoding="utf-8")
    assert not any(text in po.read_text(encoding="utf-8") for text in (str(project), "EMAIL", "AUTHOR", "2026"))


def test_a_message_never_fails_on_its_params(project: Path) -> None:
    assert translate(Message.of("{a} and {b}", a="{b}"), "en") == "{b} and {b}"  # b stays visible
    nested = Message.of("Missing: {what}", what=[Message.of("Name clear"), "x", "y"])
    _fill(project)
    assert translate(nested, "en") == "Missing: Name clear, x, and y"
    assert "ネームクリア、x、y" in translate(nested, "ja")
    assert translate(Message.of("By {day}.", day=date(2025, 4, 1)), "ja") == "2025年4月1日まで。"


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        (None, "en"), ("", "en"), ("ja", "ja"), ("ja-JP", "ja"), ("JA-jp", "ja"), ("en-GB,ja;q=0.9", "en"),
        ("fr,de;q=0.9", "en"), ("fr,ja;q=0.1", "ja"), ("en;q=0.5,ja;q=0.8", "ja"), ("en;q=0.5,ja;q=0.5", "en"),
        ("ja;q=0", "en"), ("*", "en"), ("en;q=0,*", "ja"), ("ja;q=0.1,*;q=0.5", "en"), ("zh-TW", "en"),
        ("ja-Latn", "en"),
        ("ja;q=2", "en"), ("ja;q=nan", "en"), ("ja;q=-1", "en"), (";;;,=,ja", "ja"), ("en;q=0,ja;q=0", "en"),
    ],
)  # fmt: skip
def test_negotiation(header: str | None, locale: str) -> None:
    assert negotiate(header) == locale


@pytest.mark.parametrize(
    ("tag", "locale"),
    [
        ("zh-TW", "zh-Hant"), ("zh-HK", "zh-Hant"), ("zh-MO", "zh-Hant"), ("zh", "zh-Hans"), ("zh-SG", "zh-Hans"),
        ("zh-Hant-CN", "zh-Hant"), ("zh-CN", "zh-Hans"), ("ko", "en"),
    ],
)  # fmt: skip
def test_script_is_inferred(tag: str, locale: str) -> None:
    """traps.md G8: Babel's own negotiation does not know that zh-TW is written in Traditional Chinese."""
    assert negotiate(tag, ("en", "zh-Hans", "zh-Hant")) == locale


@given(st.text(max_size=300) | st.text("jaenzh-;q=0.19*, ", max_size=300))
def test_no_header_makes_negotiation_fail(header: str) -> None:
    assert negotiate(header) in i18n.SUPPORTED_LOCALES


@pytest.mark.parametrize(
    ("yen", "ja", "en"),
    [
        (0, "0円", "¥0"), (999, "999円", "¥999"), (10_000, "1万円", "¥10,000"), (12_345, "1万2,345円", "¥12,345"),
        (120_000_000, "1億2,000万円", "¥120 million"), (1_250_000, "125万円", "¥1.25 million"),
        (100_000_000, "1億円", "¥100 million"), (100_000_001, "1億1円", "¥100,000,001"),
        (1_200_000_000, "12億円", "¥1.2 billion"), (-3_000_000, "-300万円", "-¥3 million"),
        (2_000_000_000_000, "2兆円", "¥2,000 billion"),
    ],
)  # fmt: skip
def test_yen_is_exact_in_both_languages(yen: int, ja: str, en: str) -> None:
    assert format_yen(yen, "ja") == ja
    assert format_yen(yen, "en") == en


@given(st.integers(-(10**15), 10**15))
def test_yen_reads_back_from_japanese(yen: int) -> None:
    text = format_yen(yen, "ja").removesuffix("円").replace(",", "")
    negative, text, total = text.startswith("-"), text.lstrip("-"), 0
    for unit, size in (("兆", 10**12), ("億", 10**8), ("万", 10**4)):
        head, found, tail = text.partition(unit)
        total, text = (total + int(head) * size, tail) if found else (total, text)
    total += int(text or 0)
    assert (-total if negative else total) == yen


def test_dates_percents_and_counts_follow_the_reader() -> None:
    assert i18n.format_date(date(2025, 4, 1), "ja") == "2025年4月1日"
    assert i18n.format_date(date(2025, 4, 1), "en") == "April 1, 2025"
    assert i18n.format_percent(0.052, "en") == "5.2%"
    assert i18n.format_percent(0.05, "ja") == "5%"
    assert i18n.format_count(1234567, "en") == "1,234,567"


def test_foreign_bands_come_from_the_fixed_table() -> None:
    assert i18n.foreign_band(200, 1000, "USD", "en") == "about USD 1.4 million to USD 7 million"
    assert i18n.foreign_band(None, 200, "EUR", "en") == "under about EUR 1.2 million"
    assert i18n.foreign_band(5000, None, "USD", "ja") == "約3,500万米ドル以上"
    with pytest.raises(KeyError):
        i18n.foreign_band(250, 1000, "USD", "en")  # an edge nobody published is not converted
    for table in i18n.FOREIGN_EDGES.values():
        assert list(table.values()) == sorted(table.values())
        assert set(table) == {10, 50, 100, 200, 300, 500, 1000, 3000, 5000}


def test_the_project_speaks_both_languages_completely() -> None:
    assert check_catalogues(Path(__file__).parents[2]) == []
