"""Are the texts the scanner is measured on sound: marks in place, halves apart, nobody's real number?"""

from __future__ import annotations

import importlib.util
import re
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from scanner_texts import kana, texts
from scanner_texts.variants import PROFILE, VARIANTS, companies, corporate_number

MINIMUM_SENTENCES = {"ja": 250, "en": 120}
MINIMUM_CHARACTERS = {"ja": 20_000, "en": 10_000}
# A large town, a given name and ordinary morphemes that both halves may use.
SHARED = {"kyoto", "スチール", "土木", "食品", "店", "企画", "部品", "工房", "木工", "守", "実"}


@cache
def _everything(part):
    by_locale = (read(part, locale) for locale in ("ja", "en") for read in (
        texts.third_party, texts.ordinary, texts.unique))
    made = (read(part) for read in (
        texts.own_variants, texts.own_further, texts.own_profile, texts.formatted, texts.formatted_other))
    return [text for group in (*by_locale, *made) for text in group]


def _normal(text):
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text).casefold())


@pytest.mark.parametrize("part", texts.PARTS)
def test_every_mark_is_where_its_words_are(part):
    seen = Counter()
    for text in _everything(part):
        seen[text.id] += 1
        at = 0
        for span in text.spans:
            assert at <= span.start < span.end <= len(text.text), text.id
            assert text.text[span.start:span.end] == span.text == span.text.strip(), text.id
            at = span.end
    assert seen.most_common(1)[0][1] == 1, "two texts share an id"


@pytest.mark.parametrize("wrong", ["[[company:x]]", "[[place:x]", "x]]"])
def test_a_wrong_mark_is_refused(wrong):
    with pytest.raises(ValueError):
        texts.parse("id", "ja", wrong)


def test_marks_become_offsets():
    text = texts.parse("id", "ja", "主に[[organisation:甲社]]と[[place:乙町]]。")
    assert text.text == "主に甲社と乙町。"
    assert [(s.start, s.end, s.kind) for s in text.spans] == [(2, 4, "organisation"), (5, 7, "place")]


@pytest.mark.parametrize("part", texts.PARTS)
@pytest.mark.parametrize("locale", ("ja", "en"))
def test_there_is_enough_to_measure(part, locale):
    sentences = texts.third_party(part, locale)
    kinds = Counter(s.kind for text in sentences for s in text.spans)
    assert len(sentences) >= MINIMUM_SENTENCES[locale]
    assert all(text.spans for text in sentences)
    assert kinds["organisation"] >= 80 and kinds["place"] >= 50 and kinds["person"] >= 45
    prose = texts.ordinary(part, locale)
    assert sum(len(text.text) for text in prose) >= MINIMUM_CHARACTERS[locale]
    assert not any(text.spans for text in prose)


@pytest.mark.parametrize("part", texts.PARTS)
def test_there_are_enough_companies_and_descriptions(part):
    assert len(texts.own_companies(part)) >= 60
    assert len(VARIANTS) == 25
    forms = Counter(s.group for text in texts.own_variants(part) for s in text.spans)
    assert set(forms) == set(VARIANTS)
    assert sum(len(texts.unique(part, locale)) for locale in ("ja", "en")) >= 60
    assert all(text.own for text in texts.own_variants(part))


@pytest.mark.parametrize("part", texts.PARTS)
def test_formatted_identifiers_come_in_every_notation(part):
    groups = Counter(s.group for text in texts.formatted(part) for s in text.spans)
    assert sum(g.startswith(("corporate", "invoice")) for g in groups) == 7
    assert sum(g.startswith("phone") for g in groups) == 13
    assert groups["address"] >= 30 and sum(groups.values()) >= 400


def test_the_halves_share_no_name():
    def names(part):
        others = (text for locale in ("ja", "en") for text in texts.third_party(part, locale))
        named = {_normal(s.text) for text in others for s in text.spans}
        for c in texts.own_companies(part):
            named |= {_normal(x) for x in (*c.core, c.name, c.reading, c.english, c.address, c.phone, c.former)}
            named |= {_normal(x) for x in (*c.representative, *c.brands, *c.customers, c.corporate_number)}
        numbers = (*texts.formatted(part), *texts.formatted_other(part))
        return named | {_normal(s.text) for text in numbers for s in text.spans}

    # Numbers of nobody that stand for a free dial or a call centre.
    assert names("dev") & names("held_out") <= SHARED | {"0120-000-000", "0570-000-000"}


def test_the_halves_share_no_sentence():
    def sentences(part):
        carried = {c for locale in ("ja", "en") for c in texts.carriers(part, locale)}
        return carried | {_normal(t.text) for locale in ("ja", "en") for t in (
            *texts.third_party(part, locale), *texts.ordinary(part, locale), *texts.unique(part, locale))}

    assert not sentences("dev") & sentences("held_out")


# A corporate number in any notation: 13 digits, perhaps grouped, full-width or in kanji digits.
_THIRTEEN = re.compile(r"(?<![0-9])[0-9](?:[- ]?[0-9]{4}){3}(?![0-9])")


@pytest.mark.parametrize("part", texts.PARTS)
def test_no_corporate_number_is_anybodys(part):
    kanji_digits = str.maketrans("〇一二三四五六七八九", "0123456789")
    found = 0
    for text in _everything(part):
        for number in _THIRTEEN.findall(unicodedata.normalize("NFKC", text.text).translate(kanji_digits)):
            digits = re.sub(r"\D", "", number)
            assert digits[1:5] == "9999", text.id
            assert digits == corporate_number(int(digits[1:])), text.id
            found += 1
    assert found >= 100


def test_a_check_digit_is_the_tax_agencys():
    # The worked example in the National Tax Agency's explanation of the number.
    assert corporate_number(700110005901) == "8700110005901"
    assert len(corporate_number(1)) == 13


@pytest.mark.parametrize("part", texts.PARTS)
def test_domains_and_telephones_are_nobodys(part):
    for text in _everything(part):
        plain = unicodedata.normalize("NFKC", text.text)
        for top in re.findall(r"(?<=\w)@[\w.-]+\.([a-z]+)", plain):
            assert top in ("example", "invalid"), text.id
        for post_code in re.findall(r"〒\s*(\d{3})", plain):
            assert post_code == "000", text.id
    for company in texts.own_companies(part):
        assert company.phone.split("-")[1].startswith("0")
        assert company.domain.endswith(".example")


@pytest.mark.parametrize(("word", "expected"), [
    ("トウショウ", ("tosho", "tosyo", "tōshō", "toushou")),
    ("シンバシ", ("shimbashi", "sinbasi", "shinbashi", "shinbashi")),
    ("ホッチ", ("hotchi", "hotti", "hotchi", "hotchi")),
    ("イノ.ウエ", ("inoue", "inoue", "inoue", "inoue")),
    ("ジュンイチ", ("junichi", "zyuniti", "jun'ichi", "junichi")),
])
def test_readings_are_written_in_latin_letters(word, expected):
    assert (kana.hepburn(word), kana.kunrei(word), kana.hepburn_with_macrons(word), kana.typed(word)) == expected


def test_a_name_is_written_in_its_forms(tmp_path):
    (tmp_path / "companies.tsv").write_text(
        "registered\tkana\tenglish\trepresentative\trepresentative_kana\taddress\tbrands\tformer\tcustomers\n"
        "株式会社/渡辺|ガラス\tワタナベ|ガラス\tWatanabe Glass and Mirror Works Co., Ltd.\t"
        "渡辺 進\tワタナベ ススム\t架空市1-2\t甲\t乙\t丙\n",
        encoding="utf-8")
    [company] = companies(tmp_path / "companies.tsv")
    forms = {name: write(company) for name, write in VARIANTS.items()}
    assert forms["legal form moved"] == "渡辺ガラス株式会社"
    assert forms["enclosed ㈱"] == "㈱渡辺ガラス" and forms["moved and abbreviated"] == "渡辺ガラス（株）"
    assert forms["old or new kanji"] == "渡邊ガラス"
    assert forms["half-width katakana"] == "ﾜﾀﾅﾍﾞｶﾞﾗｽ" and forms["hiragana"] == "わたなべがらす"
    assert forms["Hepburn"] == "Watanabe Garasu" and forms["English acronym"] == "WGMW"
    assert forms["first morpheme"] == "渡辺" and forms["upper case"] == "WATANABE GLASS AND MIRROR WORKS"
    wrong = forms["one wrong character"]
    assert len(wrong) == len(company.name) and sum(a != b for a, b in zip(wrong, company.name, strict=True)) == 1
    assert PROFILE["representative romaji"](company) == "Susumu Watanabe"


@pytest.fixture
def runner(monkeypatch):
    """The bench as a module, with a scanner of our own in place of the real one."""
    path = Path(__file__).parents[1] / "bench" / "scanner_recall.py"
    spec = importlib.util.spec_from_file_location("scanner_recall", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def scan_as(spans_of):
        monkeypatch.setattr(module, "Own", lambda **told: told)
        monkeypatch.setattr(module, "scan", lambda text, own, locale: SimpleNamespace(
            state="found", spans=[SimpleNamespace(start=a, end=b, kind=kind) for a, b, kind in spans_of(text)]))

    module.scan_as = scan_as
    return module


def test_an_entity_counts_only_when_all_of_it_is_covered(runner):
    sample = [texts.parse("id", "ja", "主に[[organisation:甲乙丙社]]へ。")]
    covers = [([(2, 6, "place")], 1), ([(2, 4, "person"), (4, 6, "product")], 1), ([(2, 5, "own")], 0), ([], 0)]
    for spans, expected in covers:
        runner.scan_as(lambda text, spans=spans: spans)
        assert runner.Tally(keep_misses=True).add(sample).figures()["found"] == expected


def test_struck_out_in_vain_leaves_the_lint_aside(runner):
    runner.scan_as(lambda text: [(0, 2, "katakana"), (1, 4, "number")])
    figures = runner.over_redaction([texts.parse("id", "ja", "一二三四五六七八九十")], [None])
    assert (figures["characters"], figures["share"], figures["lint_share"]) == (10, .2, .2)


def test_misses_of_the_held_out_half_are_not_shown(runner, tmp_path, capsys):
    for part in ("held_out", "both"):
        with pytest.raises(ValueError):
            runner.main(part, misses=True, results=tmp_path / "results.json")
    runner.scan_as(lambda text: [])
    figures, misses = runner.measure("held_out")
    runner.show("held_out", figures)
    printed = capsys.readouterr().out
    assert figures["third_party.ja"]["recall"] == 0 and "NOT KEPT" in printed
    assert misses == [] and not [t for t in texts.third_party("held_out", "ja") if t.text in printed]
