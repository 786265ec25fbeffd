"""Can a teaser's phrases name, date, count or single out a company, and does a released phrase ever change?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from succession.anonymity.vocabulary import GROUPS, PHRASES_MAX, parse_vocabularies, vocabulary
from succession.codes import SCHEMES, read_table
from succession.i18n import translate

PHRASES = vocabulary().phrases
EACH = pytest.mark.parametrize("phrase", PHRASES.values(), ids=lambda phrase: phrase.code)

NUMBER = re.compile(r"\d|[〇二三四五六七八九十百千]|第一|\b(?:one of|two|three|hundred|thousand|decade|century)\b")
UNIQUE = re.compile(
    r"唯一|初の|日本初|最大|最小|最高|最古|最新|最も|老舗|随一|屈指|トップ|一番|独占|独自|創業|全国|世界"
    r"|\b(?:only|first|largest|biggest|leading|best|most|sole|unique|top|oldest|finest|famous|nationwide|world|\w+est)\b"
)
LACKING = re.compile(r"な[いしく]|無[借事い]|未|ゼロ|不[要足在]|\b(?:no|not|none|never|without|lack\w*|free of|non)\b")
TIME = re.compile(r"年前|年間で|年目|昭和|平成|令和|世代を超|代目|\b(?:since|years? ago|generations?)\b(?! of staff)")
# Loan words that are no name. Anything else in katakana or with a capital would have to be argued for here.
KATAKANA = {
    "ロット", "ニーズ", "モデル", "デジタル", "エンドユーザー", "ノウハウ", "ファンド", "ブランド", "オンライン",
    "マネジメント", "サービス", "システム", "メーカー", "フランチャイズ", "ソフトウェア", "セキュリティ", "サイト", "グループ", "データ",
}  # fmt: skip
STAYS_OUT = re.compile(
    r"後継者|高齢|病|健康|赤字|債務|訴訟|係争|紛争|集中|依存|分散|破産|倒産"
    r"|\b(?:successor is|ill|illness|health|retire\w*|loss|debt|lawsuit|litigation|dispute|concentrat\w*|depend\w*)\b"
)
# Nothing here may read as if somebody had examined the company and found it in order.
CLEARANCE = re.compile(
    r"適法|合法|法令|遵守|承認|許諾済|審査|監査|確認済|検証|問題|保証(?!の解除)|認可を得|クリア"
    r"|\b(?:legal\w*|lawful\w*|complian\w*|complies|approved|cleared|clean|audited|verified|vetted|certified|confirmed|guaranteed|safe)\b"
)


def test_the_vocabulary_is_large_enough_to_be_useful() -> None:
    offered = vocabulary().offered()
    assert len(PHRASES) >= 150 and len(offered) >= 120
    assert {phrase.group for phrase in offered} == set(GROUPS)
    assert all(sum(phrase.group == group for phrase in offered) >= 12 for group in GROUPS)


@EACH
def test_every_phrase_is_plain(phrase) -> None:
    for text in (phrase.ja, phrase.en):
        assert text and text == text.strip() and len(text) <= 60
        for fault in (NUMBER, UNIQUE, LACKING, TIME, STAYS_OUT, CLEARANCE):
            assert not fault.search(text), f"{text}: {fault.search(text)}"
    assert set(re.findall(r"[ァ-ヴー]{2,}", phrase.ja)) <= KATAKANA
    assert not re.search(r"[A-Z]", phrase.en) and not re.search(r"[A-Za-zＡ-ｚ]", phrase.ja)
    assert not re.search(r"[。、；;.／/]", phrase.ja + phrase.en), "a fragment must not break the list it stands in"


def _trades_and_places() -> dict[str, set[str]]:
    """Everyday and official words for trades and places, by language; also trades below two digits."""
    words: dict[str, set[str]] = {"ja": set(), "en": set()}
    for row in read_table("db/reference/synonyms.tsv"):
        if row["attribute"] in ("place", "industry"):
            for language in words:
                words[language] |= set(row[language].split("|"))
    for scheme in ("place", "industry"):
        for code in SCHEMES[scheme].codes.values():
            words["ja"] |= {code.ja, *re.split(r"[・，（）]", code.ja), code.ja.rstrip("県府都"), code.ja.removesuffix("業")}
            words["en"] |= {code.en.lower(), re.sub(r"\s*\(.*", "", code.en.lower())}
    return {language: {word.lower() for word in each if len(word) > 1} for language, each in words.items()}


# Words of trades that also say something about any business. Whatever else a phrase borrows from a trade gives it away.
ANY_BUSINESS = {
    "ja": {"専門", "サービス", "金融", "金融機関", "商社", "物流", "教育", "検査", "設計", "保守", "保全", "整備", "派遣", "人材", "生産", "販売", "販売店",
           "売店", "たれ"},  # the last two stand within 販売店 and 保たれた
    "en": {"services", "trading", "transport", "cooperative", "recruiting", "logistics", "inspection", "design", "delivery", "care", "maintenance",
           "payment", "trade", "contractors", "marketing", "training", "it"},
}


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_phrase_before_the_name_clear_names_a_trade_or_a_place(language: str) -> None:
    """A phrase narrower than the cell's industry would undo the cell: 3-digit industry is never public."""
    words = _trades_and_places()[language]
    for phrase in vocabulary().showable():
        text = getattr(phrase, language).lower()
        found = {word for word in words if (word in text if language == "ja" else f" {word} " in f" {text.replace(',', '')} ")}
        assert found <= ANY_BUSINESS[language], (phrase.code, text, found)


def test_both_languages_tell_the_same_phrases_apart() -> None:
    assert len({p.ja for p in PHRASES.values()}) == len(PHRASES) == len({p.en for p in PHRASES.values()})


def test_known_public_facts_are_linkable() -> None:
    """anonymisation.md section 4: registries, licence lists, press and web sites can be searched."""
    linkable = " ".join(phrase.ja for phrase in PHRASES.values() if phrase.linkable)
    free = " ".join(phrase.ja for phrase in PHRASES.values() if not phrase.linkable)
    for word in ("認証", "許認可", "許可", "免許", "特許", "商標", "意匠", "補助金", "表彰", "名簿", "上場企業", "官公庁", "大学", "土地", "賃借",
                 "ブランド", "販売実績", "海外に拠点", "フランチャイズ", "特約店", "元請", "役員が在籍", "外国籍", "新卒"):  # fmt: skip
        assert word in linkable and word not in free, word


def test_only_facts_on_lists_could_be_columns_of_a_population() -> None:
    columns = {phrase.code for phrase in PHRASES.values() if phrase.on_lists}
    assert {"exports", "patents_held", "quality_management_certificate", "construction_permit", "public_customers"} <= columns
    assert columns <= {phrase.code for phrase in PHRASES.values() if phrase.linkable}
    assert not columns & {"own_brand", "web_enquiries", "family_directors", "owned_premises"}


def test_a_good_choice_is_permitted() -> None:
    assert vocabulary().permitted(["jobs_kept", "steady_quality", "repeat_orders", "owner_stays_a_while"]) == []
    assert vocabulary().permitted([]) == []


@pytest.mark.parametrize(
    ("codes", "rule", "named"),
    [
        (["jobs_kept", "famous_brewery"], "unknown", ("famous_brewery",)),
        (["jobs_kept", "jobs_kept"], "repeated", ("jobs_kept",)),
        (["patents_held", "jobs_kept"], "linkable", ("patents_held",)),
        (["prompt_handover", "owner_stays_a_while"], "refused_combination", ("owner_stays_a_while", "prompt_handover")),
    ],
)
def test_each_fault_of_a_choice_is_named(codes: list[str], rule: str, named: tuple[str, ...]) -> None:
    (problem,) = vocabulary().permitted(codes)
    assert (problem.rule, problem.codes) == (rule, named)
    assert all(code in translate(problem.message, "en") for code in named)


def test_no_more_than_five() -> None:
    free = [p.code for p in vocabulary().offered() if not p.not_with]
    assert vocabulary().permitted(free[:PHRASES_MAX]) == []
    (problem,) = vocabulary().permitted(free[: PHRASES_MAX + 1])
    assert problem.rule == "too_many"
    assert translate(problem.message, "en") == "At most 5 phrases on a teaser."


@given(st.lists(st.sampled_from([*PHRASES, "x", ""]), max_size=9), st.randoms())
def test_the_order_of_the_codes_does_not_matter(codes: list[str], random) -> None:
    shuffled = random.sample(codes, len(codes))
    first, second = vocabulary().permitted(codes), vocabulary().permitted(shuffled)
    assert [(p.rule, sorted(p.codes)) for p in first] == [(p.rule, sorted(p.codes)) for p in second]


# --- versions --------------------------------------------------------------------------------------------------------

ROWS = read_table("db/reference/vocabulary.tsv")
FIRST = "e70b0d76119f1f59"  # pinned by the teasers approved under it
GOLDEN = Path(__file__).with_name("vocabulary_1.tsv").read_text(encoding="utf-8").splitlines()[2:]


def _changed(row_of: str, **change: str) -> list[dict[str, str]]:
    return [{**row, **change} if row["code"] == row_of else dict(row) for row in ROWS]


def test_what_was_approved_under_the_first_vocabulary_is_said_the_same_under_every_later_one() -> None:
    first, *later = parse_vocabularies(ROWS)
    assert (first.version, first.number, len(GOLDEN), len(first.phrases)) == (FIRST, 1, 91, 91)
    for each in (first, *later, vocabulary()):
        told = {f"{p.code}\t{'linkable' if p.linkable else 'unlinkable'}\t{p.ja}\t{p.en}" for p in each.phrases.values()}
        assert told >= set(GOLDEN)
    assert vocabulary() == later[-1] and vocabulary(FIRST) == first


def test_a_version_that_was_never_released_is_not_known() -> None:
    with pytest.raises(KeyError):
        vocabulary("0000000000000000")


@pytest.mark.parametrize("column", ["ja", "en", "class", "group", "reason", "synonyms_en"])
def test_a_released_row_cannot_be_edited_unnoticed(column: str) -> None:
    """Every version name follows from its rows, to the byte; later rows do not touch earlier versions."""
    value = {"class": "linkable", "group": "assets"}.get(column, "indeed")
    before, after = parse_vocabularies(ROWS), parse_vocabularies(_changed("jobs_kept", **{column: value}))
    assert not {each.version for each in before} & {each.version for each in after}
    newest = _changed("quality_checks", ja="丁寧な検査")
    assert parse_vocabularies(newest)[0].version == FIRST and parse_vocabularies(newest)[1].version != vocabulary().version


def test_the_name_of_a_version_depends_on_neither_order_nor_retirement() -> None:
    names = [each.version for each in parse_vocabularies(ROWS)]
    assert [each.version for each in parse_vocabularies(reversed(ROWS))] == names
    assert [each.version for each in parse_vocabularies(_changed("jobs_kept", until="1", column=""))] == names


def test_a_retired_phrase_is_not_offered_but_stays_where_it_was_approved() -> None:
    first, newest = parse_vocabularies(_changed("jobs_kept", until="1"))
    assert "jobs_kept" in {p.code for p in newest.showable()} - {p.code for p in newest.offered()}
    (problem,) = newest.permitted(["jobs_kept"])
    assert problem.rule == "retired" and "jobs_kept" in translate(problem.message, "en")
    assert first.permitted(["jobs_kept"]) == []
    assert newest.label("jobs_kept", "ja") == first.label("jobs_kept", "ja")


def test_a_recalled_phrase_is_permitted_under_no_version() -> None:
    for each in parse_vocabularies(_changed("jobs_kept", until="0")):
        assert [problem.rule for problem in each.permitted(["jobs_kept"])] == ["retired"]


def test_whoever_retires_a_phrase_leaves_its_group_usable() -> None:
    retired = {p.code for p in PHRASES.values() if p.retired}
    assert retired == {"safety_culture", "same_trade_synergy", "usable_premises", "quality_certificate"}


def test_refusals_hold_both_ways() -> None:
    for phrase in PHRASES.values():
        assert all(phrase.code in PHRASES[other].not_with for other in phrase.not_with)
    assert "nearby_buyer_preferred" in PHRASES["overseas_buyer_welcome"].not_with  # the later row names the earlier


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"group": "gossip"}, "unknown group"),
        ({"class": "perhaps"}, "unknown group or class"),
        ({"reason": ""}, "no reason"),
        ({"not_with": "jobs_kept"}, "do not refuse each other"),
        ({"not_with": "quality_checks"}, "do not refuse each other"),  # an earlier row cannot know a later one
        ({"not_with": "nobody"}, "do not refuse each other"),
        ({"code": "jobs_kept"}, "appears twice"),
        ({"column": "yes"}, "in no list"),
        ({"since": "4"}, "counted from one"),
        ({"since": "x"}, "number of a version"),
        ({"until": "soon"}, "number of a version"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(change: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_vocabularies(_changed("steady_quality", **change))


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_phrase_is_found_by_its_own_words_alone(language: str) -> None:
    """One spelling must not mean two things; a phrase and what replaced it may share words."""
    owners: dict[str, str] = {}
    for phrase in vocabulary().showable():
        for word in {getattr(phrase, language), *getattr(phrase, f"synonyms_{language}")}:
            assert owners.setdefault(word.lower(), phrase.code) == phrase.code, word
