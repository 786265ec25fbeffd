"""Can a teaser's phrases name, date, count or single out a company?"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from succession.anonymity.vocabulary import GROUPS, PHRASES_MAX, parse_vocabulary, vocabulary
from succession.codes import read_table
from succession.i18n import translate

PHRASES = vocabulary().phrases
EACH = pytest.mark.parametrize("phrase", PHRASES.values(), ids=lambda phrase: phrase.code)

NUMBER = re.compile(r"\d|[〇二三四五六七八九十百千]|第一|\b(?:one of|two|three|hundred|thousand|decade|century)\b")
UNIQUE = re.compile(
    r"唯一|初の|日本初|最大|最小|最高|最古|最新|最も|老舗|随一|屈指|トップ|一番|独占|創業|全国|世界"
    r"|\b(?:only|first|largest|biggest|leading|best|most|sole|unique|top|oldest|finest|famous|nationwide|world)\b"
)
LACKING = re.compile(r"な[いしく]|無[借事い]|未|ゼロ|不[要足在]|\b(?:no|not|none|never|without|lack\w*|free of|non)\b")
# Loan words that are no name. Anything else in katakana or with a capital would have to be argued for here.
KATAKANA = {
    "ロット", "ニーズ", "モデル", "デジタル", "エンドユーザー", "ノウハウ", "ファンド", "ブランド", "オンライン",
    "マネジメント",
}  # fmt: skip
STAYS_OUT = re.compile(
    r"後継者|高齢|病|健康|赤字|債務|訴訟|係争|紛争|集中|依存|分散|破産|倒産"
    r"|\b(?:successor is|ill|illness|health|retire\w*|loss|debt|lawsuit|litigation|dispute|concentrat\w*|depend\w*)\b"
)


def test_the_vocabulary_is_large_enough_to_be_useful() -> None:
    free = vocabulary().showable()
    assert len(PHRASES) >= 60 and len(free) >= 40
    assert {phrase.group for phrase in free} == set(GROUPS)


@EACH
def test_every_phrase_is_plain(phrase) -> None:
    for text in (phrase.ja, phrase.en):
        assert text and text == text.strip() and len(text) <= 60
        for fault in (NUMBER, UNIQUE, LACKING, STAYS_OUT):
            assert not fault.search(text), f"{text}: {fault.search(text)}"
    assert set(re.findall(r"[ァ-ヴー]{2,}", phrase.ja)) <= KATAKANA
    assert not re.search(r"[A-Z]", phrase.en) and not re.search(r"[A-Za-zＡ-ｚ]", phrase.ja)
    assert not re.search(r"[。、；;.／/]", phrase.ja + phrase.en), "a fragment must not break the list it stands in"


def test_both_languages_tell_the_same_phrases_apart() -> None:
    assert len({p.ja for p in PHRASES.values()}) == len(PHRASES) == len({p.en for p in PHRASES.values()})


def test_known_public_facts_are_linkable() -> None:
    """anonymisation.md section 4: registries, licence lists, press and web sites can be searched."""
    linkable = " ".join(phrase.ja for phrase in PHRASES.values() if phrase.linkable)
    free = " ".join(phrase.ja for phrase in PHRASES.values() if not phrase.linkable)
    for word in ("認証", "許認可", "特許", "商標", "補助金", "表彰", "上場企業", "官公庁", "土地", "ブランド", "販売実績"):
        assert word in linkable and word not in free, word


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
    free = [p.code for p in vocabulary().showable() if not p.not_with]
    assert vocabulary().permitted(free[:PHRASES_MAX]) == []
    (problem,) = vocabulary().permitted(free[: PHRASES_MAX + 1])
    assert problem.rule == "too_many"
    assert translate(problem.message, "en") == "At most 5 phrases on a teaser."


@given(st.lists(st.sampled_from([*PHRASES, "x", ""]), max_size=9), st.randoms())
def test_the_order_of_the_codes_does_not_matter(codes: list[str], random) -> None:
    shuffled = random.sample(codes, len(codes))
    first, second = vocabulary().permitted(codes), vocabulary().permitted(shuffled)
    assert [(p.rule, sorted(p.codes)) for p in first] == [(p.rule, sorted(p.codes)) for p in second]


def test_the_version_follows_the_content() -> None:
    rows = [dict(row) for row in read_table("db/reference/vocabulary.tsv")]
    assert parse_vocabulary(rows).version == parse_vocabulary(reversed(rows)).version == vocabulary().version
    rows[0]["en"] += " indeed"
    assert parse_vocabulary(rows).version != vocabulary().version


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"group": "gossip"}, "unknown group"),
        ({"class": "perhaps"}, "unknown group or class"),
        ({"reason": ""}, "no reason"),
        ({"not_with": "jobs_kept"}, "do not refuse each other"),
        ({"code": "jobs_kept"}, "appears twice"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(change: dict[str, str], message: str) -> None:
    rows = [dict(row) for row in read_table("db/reference/vocabulary.tsv")]
    rows[0] |= change
    with pytest.raises(ValueError, match=message):
        parse_vocabulary(rows)
