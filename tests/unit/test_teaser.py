"""Does a teaser say exactly its codes, the same in both languages, and nothing else?"""

from __future__ import annotations

import hashlib
import re
from datetime import date
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from succession.anonymity.teaser import (
    LINES,
    CanonicalTeaser,
    Rendering,
    canonical_bytes,
    canonical_hash,
    decode_teaser,
    derive_teaser,
    fiscal_year,
    foreign_money,
    price_band,
    render,
    timing_band,
)
from succession.anonymity.vocabulary import vocabulary
from succession.codes import ATTRIBUTES, SCHEMES, label, read_table
from succession.market import batches

PLAIN = {
    "cell": {"place": "kansai", "industry": "09", "founded": "before_1970", "employees": "20_49",
             "revenue": "200_1000", "margin": "0_5"},
    "codebook_version": "cb-1",
    "population_version": "demo-1",
    "fiscal_year": "FY2025",
    "price": "100_300",
    "schemes": ["share_transfer"],
    "timing": "3_6m",
    "phrases": ["repeat_orders", "jobs_kept"],
}  # fmt: skip


def _teaser(**changes: object) -> CanonicalTeaser:
    cell = {name: changes.pop(name) for name in ATTRIBUTES if name in changes}
    return derive_teaser(**{**PLAIN, **changes, "cell": {**PLAIN["cell"], **cell}})


def _codes(scheme: str) -> st.SearchStrategy[str]:
    return st.sampled_from(list(SCHEMES[scheme].codes))


FREE = [phrase.code for phrase in vocabulary().offered() if not phrase.not_with]
TEASERS = st.builds(
    lambda cell, **rest: derive_teaser(**{**PLAIN, **rest, "cell": cell}),
    cell=st.fixed_dictionaries({name: _codes(name) for name in ATTRIBUTES}),
    fiscal_year=st.sampled_from(["FY2023", "FY2024", "FY2025"]),
    price=_codes("price"),
    schemes=st.lists(_codes("scheme"), min_size=1, max_size=4),
    timing=_codes("timing"),
    phrases=st.lists(st.sampled_from(FREE), max_size=5, unique=True),
)


def _text(rendering: Rendering) -> str:
    return "\n".join([rendering.title, *rendering.summary, *(f"{fact.label} {fact.value}" for fact in rendering.facts)])


def test_the_sheet_in_japanese() -> None:
    sheet = render(_teaser(), "ja")
    assert sheet.title == "関西の食料品製造業"
    assert sheet.summary == (
        "関西で食料品製造業を営む事業者です。",
        "設立は1969年以前、従業員は20〜49人です。",
        "2025年度の業績：売上高2億円以上10億円未満、営業利益率0%以上5%未満。",
        "事業の特徴：継続的な受注が中心。",
        "譲渡側の意向：従業員の雇用継続を希望。",
        "譲渡スキーム：株式譲渡、希望価格：1億円超3億円以下、希望時期：3〜6か月。",
    )


def test_the_sheet_in_english() -> None:
    sheet = render(_teaser(), "en")
    assert sheet.title == "Food manufacturer in Kansai"
    assert sheet.summary == (
        "Based in Kansai. Industry: manufacture of food.",
        "Founded before 1970; 20–49 people.",
        "FY2025: revenue JPY 200 million to under 1 billion, operating margin 0% to under 5%.",
        "Business: mostly repeat orders.",
        "The owner wishes jobs to be kept.",
        "Structure: share transfer. Asking price: over JPY 100 million, up to 300 million. Timing: in 3 to 6 months.",
    )
    assert render(_teaser(), "fr") == sheet


def test_what_is_hidden_is_said_to_be_hidden_and_not_why() -> None:
    hidden = _teaser(**dict.fromkeys(ATTRIBUTES, "any"), phrases=[])
    japanese, english = render(hidden, "ja"), render(hidden, "en")
    assert (japanese.title, english.title) == ("国内の事業者", "Business in Japan")
    for rendering, word in ((japanese, "非公開"), (english, "ot disclosed")):
        hidden_lines = [fact.attribute for fact in rendering.facts if word in fact.value]
        assert sorted(hidden_lines) == sorted(ATTRIBUTES)
        assert not re.search(r"ため|により|because|due to|protect|look-?alike|候補|匿名", _text(rendering))


def test_phrases_are_told_group_by_group_in_the_order_of_reading() -> None:
    sheet = {"phrases": ["fund_welcome", "jobs_kept", "steady_quality", "experienced_staff", "owner_as_adviser"]}
    japanese, english = (render(_teaser(**sheet), locale) for locale in ("ja", "en"))
    assert japanese.summary[3:5] == (
        "強み：安定した品質への評価。人材・組織：経験豊富な従業員。",
        "引継ぎ：代表者が顧問として支援。譲渡側の意向：従業員の雇用継続を希望、投資ファンドの譲受け先も歓迎。",
    )
    assert english.summary[3:5] == (
        "Strengths: valued for steady quality. People: experienced staff.",
        "Handover: the owner can help as an adviser. The owner wishes jobs to be kept. Investment funds welcome.",
    )
    listed = next(fact.value for fact in japanese.facts if fact.attribute == "phrases")
    assert listed == "安定した品質への評価／経験豊富な従業員／代表者が顧問として支援／従業員の雇用継続を希望／投資ファンドの譲受け先も歓迎"
    wishes = _teaser(phrases=["guarantee_released", "overseas_buyer_welcome", "same_trade_welcome", "growth_partner"])
    assert render(wishes, "en").summary[3] == (
        "The owner wishes their personal guarantee to be released; seeks a partner for growth. "
        "Buyers from the same trade welcome; buyers from abroad welcome."
    )


def test_what_is_hidden_at_the_beginning_still_makes_a_sentence() -> None:
    openings = [render(_teaser(**dict.fromkeys(hidden, "any")), "ja").summary[0]
                for hidden in (("place",), ("industry",), ("place", "industry"))]  # fmt: skip
    assert openings == [
        "国内で食料品製造業を営む事業者です。地域は非公開です。",
        "関西の事業者です。業種は非公開です。",
        "国内の事業者です。地域と業種は非公開です。",
    ]
    assert render(_teaser(industry="87"), "en").summary[0] == "Based in Kansai. Industry: cooperative associations."
    founded = [render(_teaser(founded=code), "en").summary[1] for code in SCHEMES["founded"].codes]
    assert founded == ["Founded before 1970; 20–49 people.", "Founded 1970–1989; 20–49 people.", "Founded in 1990 or later; 20–49 people.",
                       "Founded before 1990; 20–49 people.", "Founded in 1990 or later; 20–49 people.",
                       "Founding period not disclosed; 20–49 people."]  # fmt: skip


@pytest.mark.parametrize("code", list(SCHEMES["industry"].codes))
def test_every_trade_makes_a_sentence(code: str) -> None:
    japanese, english = (render(_teaser(industry=code, timing="flexible"), locale) for locale in ("ja", "en"))
    assert re.search(r"(業|事業|業務|飲食店|事業者)$", japanese.title), "what follows is を営む"
    assert not re.search(r"\.\.|classified\.", " ".join(english.summary))
    assert "時期：柔軟に対応。" in japanese.summary[-1]


# --- what owners have approved stays as they read it ------------------------------------------------------------------

FIRST = vocabulary("e70b0d76119f1f59")


def _golden(name: str) -> list[list[str]]:
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")][1:]


@pytest.mark.parametrize("row", [row for row in _golden("vocabulary_1.tsv") if row[1] == "unlinkable"], ids=lambda row: row[0])
def test_a_teaser_of_the_first_vocabulary_reads_as_approved(row: list[str]) -> None:
    code, _class, *texts = row
    teaser = derive_teaser(**{**PLAIN, "phrases": [code], "words": FIRST})
    assert teaser.vocabulary_version == FIRST.version
    for locale, text in zip(("ja", "en"), texts, strict=True):
        sheet = render(decode_teaser(canonical_bytes(teaser)), locale)
        assert [fact.value for fact in sheet.facts if fact.attribute == "phrases"] == [text]
        assert sheet == render(teaser, locale, FIRST)


def test_a_phrase_of_a_later_vocabulary_never_enters_an_earlier_teaser() -> None:
    with pytest.raises(ValueError, match="unknown: quality_checks"):
        derive_teaser(**{**PLAIN, "phrases": ["quality_checks"], "words": FIRST})


def test_no_label_is_reworded() -> None:
    """A failure means that published teasers would read differently from what their owners approved. New codes are free;
    new words for an old one need a new vocabulary version, which `render` can tell by the one a teaser pins."""
    titles = {row["code"]: (row["ja"], row["en"]) for row in read_table("db/reference/titles.tsv")}
    golden = _golden("wording.tsv")
    assert len(golden) > 600
    for scheme, code, ja, en in golden:
        if scheme == "title":
            now = titles[code]
        elif scheme == "phrase":
            now = (vocabulary().label(code, "ja"), vocabulary().label(code, "en"))
        else:
            now = (label(scheme, code, "ja"), label(scheme, code, "en"))
        assert now == (ja, en), (scheme, code)


# --- attack A20: one language must not say more than the other -------------------------------------------------------


def _recovered(rendering: Rendering) -> dict[str, frozenset[frozenset[str]]]:
    """Attribute -> for each value on its line, every code a reader could take it for."""
    found = {}
    for fact in rendering.facts:
        if fact.attribute == "fiscal_year":
            found[fact.attribute] = frozenset({frozenset(re.findall(r"\d{4}", fact.value))})
            continue
        values = re.split("／|; ", fact.value)
        scheme = {"schemes": "scheme"}.get(fact.attribute, fact.attribute)
        if scheme == "phrases":
            names = {code: vocabulary().label(code, rendering.locale) for code in vocabulary().phrases}
        else:
            names = {code: label(scheme, code, rendering.locale) for code in SCHEMES[scheme].codes}
        if scheme in ATTRIBUTES and scheme != "place":
            names["any"] = {"ja": "非公開", "en": "Not disclosed"}[rendering.locale]
        readings = (frozenset(code for code, name in names.items() if name == value) for value in values)
        found[fact.attribute] = frozenset(readings)
        assert frozenset() not in found[fact.attribute], (fact, "is no code's name")
    return found


@settings(max_examples=60, deadline=None)
@given(TEASERS)
def test_both_languages_carry_the_same_codes_and_they_are_the_teasers(teaser: CanonicalTeaser) -> None:
    japanese, english = render(teaser, "ja"), render(teaser, "en")
    assert _recovered(japanese) == _recovered(english)
    assert [fact.attribute for fact in japanese.facts] == [fact.attribute for fact in english.facts]
    assert len(japanese.summary) == len(english.summary)
    for attribute in ATTRIBUTES:
        (readings,) = _recovered(japanese)[attribute]
        assert getattr(teaser.cell, attribute) in readings
    assert {code for reading in _recovered(english).get("phrases", ()) for code in reading} == set(teaser.phrases)
    assert {code for reading in _recovered(english)["schemes"] for code in reading} == set(teaser.schemes)


@settings(max_examples=100, deadline=None)
@given(TEASERS, TEASERS, st.data())
def test_two_teasers_look_alike_in_one_language_iff_they_do_in_the_other(one, other, data) -> None:
    """Also for teasers that differ in a single field, where a careless label would show."""
    field = data.draw(st.sampled_from([*msgspec.structs.asdict(one), *ATTRIBUTES]))
    if field in ATTRIBUTES:
        cell = msgspec.structs.replace(one.cell, **{field: getattr(other.cell, field)})
        near = msgspec.structs.replace(one, cell=cell)
    else:
        near = msgspec.structs.replace(one, **{field: getattr(other, field)})
    for pair in ((one, near), (one, other)):
        same = {locale: _text(render(pair[0], locale)) == _text(render(pair[1], locale)) for locale in ("ja", "en")}
        assert same["ja"] == same["en"]


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_every_pair_of_codes_is_told_apart_in_both_languages_or_in_neither(attribute: str) -> None:
    classes: dict[str, set[frozenset[str]]] = {}
    for locale in ("ja", "en"):
        texts: dict[str, set[str]] = {}
        for code in SCHEMES[attribute].codes:
            texts.setdefault(_text(render(_teaser(**{attribute: code}), locale)), set()).add(code)
        classes[locale] = {frozenset(codes) for codes in texts.values()}
    assert classes["ja"] == classes["en"]


# --- attack A22: no figure but the published ones --------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(TEASERS)
def test_every_number_belongs_to_a_label(teaser: CanonicalTeaser) -> None:
    for locale in ("ja", "en"):
        allowed = set(re.findall(r"\d+", teaser.fiscal_year))
        chosen = {**msgspec.structs.asdict(teaser.cell), "price": teaser.price, "timing": teaser.timing}
        for scheme, code in chosen.items():
            allowed |= set(re.findall(r"\d+", label(scheme, code, locale)))
        assert set(re.findall(r"\d+", _text(render(teaser, locale)))) <= allowed


def test_versions_and_codes_do_not_appear_in_the_text() -> None:
    teaser = _teaser(codebook_version="VERSIONMARK", population_version="POPULATIONMARK")
    for locale in ("ja", "en"):
        text = _text(render(teaser, locale))
        marks = ("VERSIONMARK", "POPULATIONMARK", teaser.vocabulary_version, "20_49", "JP-")
        assert not any(mark in text for mark in marks)


# --- canonical form --------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(TEASERS)
def test_canonical_bytes_round_trip(teaser: CanonicalTeaser) -> None:
    assert decode_teaser(canonical_bytes(teaser)) == teaser
    assert canonical_bytes(teaser).isascii()


def test_the_canonical_form_is_pinned() -> None:
    """Approvals and ledgers hold this hash: a change of encoding needs a new format name, not a new hash here."""
    teaser = msgspec.structs.replace(_teaser(), vocabulary_version="v")
    assert canonical_bytes(teaser) == (
        b'{"cell":{"employees":"20_49","founded":"before_1970","industry":"09","margin":"0_5","place":"kansai",'
        b'"revenue":"200_1000"},"codebook_version":"cb-1","fiscal_year":"FY2025","format":"teaser/1",'
        b'"phrases":["jobs_kept","repeat_orders"],"population_version":"demo-1","price":"100_300",'
        b'"schemes":["share_transfer"],"timing":"3_6m","vocabulary_version":"v"}'
    )
    assert canonical_hash(teaser) == "f74d576bc99af98388b288a04bb8bb39b8896b98d8d4fd72a9d6d9cdd585d04e"


def test_the_order_of_choices_leaves_no_trace() -> None:
    one = _teaser(schemes=["share_transfer", "merger"], phrases=["jobs_kept", "repeat_orders"])
    other = _teaser(schemes=["merger", "share_transfer", "merger"], phrases=["repeat_orders", "jobs_kept"])
    assert canonical_hash(one) == canonical_hash(other)


def test_each_field_counts() -> None:
    changed = {"place": "JP-27", "industry": "10", "founded": "any", "employees": "any", "revenue": "any",
               "margin": "loss", "codebook_version": "2", "population_version": "2", "fiscal_year": "FY2024",
               "price": "negotiable", "schemes": ["merger"], "timing": "flexible", "phrases": []}  # fmt: skip
    hashes = {canonical_hash(_teaser(**{field: value})) for field, value in changed.items()}
    assert len(hashes | {canonical_hash(_teaser())}) == len(changed) + 1


@pytest.mark.parametrize(
    "stored",
    [
        b"{}",
        b"[]",
        canonical_bytes(_teaser()).replace(b"teaser/1", b"teaser/0"),
        canonical_bytes(_teaser()).replace(b":", b": ", 1),
        canonical_bytes(_teaser()).replace(b'"price"', b'"name":"x","price"'),
    ],
)
def test_what_is_not_canonical_is_not_read(stored: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - msgspec's own wording
        decode_teaser(stored)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"place": "JP-48"}, "place=JP-48"),
        ({"industry": "101"}, "industry=101"),
        ({"price": "120"}, "price=120"),
        ({"schemes": []}, "no scheme"),
        ({"schemes": ["gift"]}, "scheme=gift"),
        ({"timing": "soon"}, "timing=soon"),
        ({"fiscal_year": "2025-03-31"}, "fiscal_year=2025-03-31"),
        ({"phrases": ["patents_held"]}, "linkable: patents_held"),
        ({"phrases": FREE[:6]}, "too_many"),
        ({"phrases": ["jobs_kept", "jobs_kept"]}, "repeated: jobs_kept"),
    ],
)
def test_what_is_not_vocabulary_never_becomes_a_teaser(changes: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=re.escape(named)):
        _teaser(**changes)


def test_a_cell_has_exactly_the_six_attributes() -> None:
    without = {name: code for name, code in PLAIN["cell"].items() if name != "margin"}
    with pytest.raises(ValueError, match="no margin"):
        derive_teaser(**{**PLAIN, "cell": without})
    with pytest.raises(ValueError, match="municipality"):
        derive_teaser(**{**PLAIN, "cell": {**PLAIN["cell"], "municipality": "x"}})


# --- bands outside the codebook --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("months", "code"),
    [(None, "flexible"), (0, "within_3m"), (3, "within_3m"), (4, "3_6m"), (6, "3_6m"), (12, "6_12m"), (13, "over_12m")],
)
def test_timing(months: int | None, code: str) -> None:
    assert timing_band(months) == code
    assert code in SCHEMES["timing"].codes


@pytest.mark.parametrize(
    ("ends_on", "year"),
    [
        (date(2026, 3, 31), "FY2025"),
        (date(2025, 12, 31), "FY2025"),
        (date(2025, 4, 30), "FY2024"),
        (date(2024, 2, 29), "FY2023"),
    ],
)
def test_fiscal_year_is_the_year_it_began(ends_on: date, year: str) -> None:
    assert fiscal_year(ends_on) == year


def test_money_in_foreign_currency_is_a_table() -> None:
    assert foreign_money("revenue", "under_200", "USD", "en") == "under about USD 1.4 million"
    assert foreign_money("price", "over_3000", "EUR", "ja") == "約1,800万ユーロ以上"
    for attribute in ("revenue", "price"):
        for code in SCHEMES[attribute].codes:
            shown = [foreign_money(attribute, code, currency, "en") for currency in ("USD", "EUR")]
            assert all(shown) == (code not in ("any", "negotiable"))
    assert price_band(None) == "negotiable"


def test_every_line_is_shown_in_the_sheets_order() -> None:
    assert [fact.attribute for fact in render(_teaser(), "ja").facts] == [attribute for attribute, _ja, _en in LINES]


def test_a_teaser_that_waits_since_the_first_vocabulary_goes_up_with_a_phrase_retired_since() -> None:
    teaser = derive_teaser(**{**PLAIN, "phrases": ["safety_culture"], "words": FIRST})
    stored = canonical_bytes(teaser)
    row = {"canonical": stored.decode(), "canonical_hash": hashlib.sha256(stored).digest()}
    assert batches._approved(row) == teaser
    renamed = canonical_bytes(msgspec.structs.replace(teaser, vocabulary_version=vocabulary().version))
    assert batches._approved({"canonical": renamed.decode(), "canonical_hash": hashlib.sha256(renamed).digest()}) is None
    unknown = canonical_bytes(msgspec.structs.replace(teaser, vocabulary_version="0" * 16))
    assert batches._approved({"canonical": unknown.decode(), "canonical_hash": hashlib.sha256(unknown).digest()}) is None
