"""Which code does a word in a cell stand for: a prefecture, an industry, a scheme, a reason, yes or no?

Labels of the reference schemes are always understood, in both languages; `SYNONYMS` adds what sheets say besides. A
word that fits two codes is not understood.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from succession.accounts.identifiers import read_postal_code
from succession.codes import SCHEMES, division_of, jsic_two_digit
from succession.i18n import Message
from succession.listings.cells import (
    LINE_LIMIT,
    NONES,
    NotUnderstood,
    Result,
    Understood,
    folded,
    is_blank,
    nothing_stated,
    written,
)

WORD_LIMIT = 200

# scheme -> code -> words beside the scheme's own labels. Compared folded: half-width, lower case, no spaces.
SYNONYMS: dict[str, dict[str, str]] = {
    "scheme": {
        "share_transfer": "株式売却 全株式譲渡 株式の譲渡 持分譲渡 出資持分譲渡 発行済株式の譲渡 stocktransfer shares",
        "business_transfer_full": "全部事業譲渡 事業全部譲渡 全事業譲渡",
        "business_transfer_partial": "一部事業譲渡 事業一部譲渡",
        "company_split_absorption": "会社分割(吸収分割)", "company_split_incorporation": "会社分割(新設分割)",
        "merger": "吸収合併 新設合併", "third_party_allotment": "増資 第三者割当",
        "capital_alliance": "資本提携 業務資本提携", "mbo": "mbo 経営陣買収", "ebo": "ebo 従業員買収",
        "license_out": "ライセンス供与", "asset_sale": "資産売却",
    },
    "timing": {
        "within_3m": "即時 すぐ すぐにでも 早急 早急に 至急 なるべく早く できるだけ早く 早期 asap immediately",
        "flexible": "応相談 要相談 相談 いつでも 問わない 時期は問わない 時期問わず 柔軟 時期は柔軟に対応 特になし こだわらない anytime",
    },
    "reason": {
        "no_successor": "後継者難 後継者不足 後継者がいない 後継者なし 後継者不在のため 後継者問題",
        "owner_age_health": "高齢 健康 高齢化 体調不良 健康不安 高齢のため 健康上の理由 病気 代表者の高齢化 引退 リタイア",
        "growth_with_partner": "事業拡大 成長戦略 さらなる成長 事業成長 資本提携による成長",
        "selection_focus": "選択と集中のため 他事業への集中 事業整理", "business_outlook": "業績不振 将来不安 先行き不透明 市場縮小",
        "labor_shortage": "人材不足 採用難", "funding_guarantee": "資金繰り 経営者保証の負担 保証負担",
        "founder_exit": "創業者利益 イグジット exit",
    },
    "succession_status": {
        "none_decided": "後継者不在 不在 なし 無し 無 いない 後継者なし 後継者無し × no none 決まっていない 未決定",
        "family_declined": "親族辞退 親族が辞退 親族に意思なし 子が承継しない 子に承継意思なし 親族内承継不可",
        "employees_declined": "従業員辞退 従業員が辞退 役員辞退 従業員承継不可 社内承継不可",
        "undecided": "未定 検討中 不明 未確認",
    },
    "legal_form": {
        "kk": "(株) 株 k.k. kk", "tokurei_yugen": "有限会社 (有) 有 特例有限", "godo": "(同) llc", "gomei_goshi": "合名会社 合資会社",
        "other_corporation": "医療法人 社会福祉法人 学校法人 一般社団法人 一般財団法人 協同組合 農事組合法人 npo法人 税理士法人 士業法人",
        "sole_proprietor": "個人 個人事業 個人事業者 自営 自営業",
    },
    "consultation_channel": {
        "center": "センター 引継ぎ支援センター 事業引継ぎ支援センター", "chamber": "商工会議所 商工会",
        "bank": "銀行 信用金庫 信用組合 地銀 メインバンク 取引金融機関", "guarantee_corporation": "保証協会",
        "tax_accountant": "税理士 公認会計士 会計事務所 顧問税理士", "registered_institution": "仲介会社 m&a仲介 支援機関 fa",
        "municipality": "市役所 町役場 県 市 役場", "direct": "直接 本人 本人相談 直接来所 ホームページ hp 来所 電話",
    },
    "succession_type": {
        "family": "親族 親族内 親族承継", "employee": "従業員 社内承継 役員・従業員承継 社内",
        "third_party": "第三者 m&a 第三者承継", "founder_candidate": "後継者人材バンク 創業希望者",
    },
    "deal_condition": {
        "guarantee_release": "経営者保証の解除 個人保証の解除 保証解除 連帯保証の解除 担保の解除",
        "staff_retention": "従業員の雇用継続 雇用維持 雇用の維持 雇用継続 雇用の継続 従業員の継続雇用",
        "terms_kept": "処遇維持 待遇維持 従業員の待遇維持", "name_kept": "社名維持 商号の維持 屋号の維持 社名の継続 屋号の継続 社名の維持 屋号の存続",
        "site_kept": "工場の維持 本社の維持 店舗の維持", "owner_stays": "代表者の残留 引継ぎ期間あり 顧問として残留 一定期間の残留",
        "customers_kept": "取引先との関係維持 取引の継続 取引先維持",
    },
    "price_basis": {"equity": "株式 株価 純資産", "enterprise": "ev 企業", "business": "事業 営業権"},
    "valuation_method": {
        "nenbai": "年買法 年倍法 年買 時価純資産+営業権 時価純資産プラス営業権 純資産+のれん",
        "ebitda_multiple": "ebitda倍率 マルチプル 類似会社比較",
        "net_assets": "純資産法 簿価純資産法 時価純資産", "dcf": "dcf ディスカウント・キャッシュ・フロー",
    },
}  # fmt: skip

SUCCESSOR_EXISTS = frozenset(
    "あり 有 有り いる 決定 決定済 決定済み 後継者あり 後継者有 親族承継予定 親族内承継予定 従業員承継予定 ○ 〇 ◯ yes".split()
)
YES = frozenset("はい 有 あり 有り ○ 〇 ◯ ◎ ● ✓ ✔ レ 可 済 済み 要 yes y true 1".split())
NO = frozenset("いいえ 無 なし 無し × ✕ ✖ ✗ x 不可 未 未済 不要 no n false 0".split())
NEGOTIABLE = frozenset("応相談 要相談 相談 相談可 相談による 協議 要協議 協議の上 ご相談 応談 negotiable tobediscussed".split())


@cache
def _words(scheme: str) -> dict[str, str]:
    """folded word -> code. The reference table must not give two codes the same word."""
    words: dict[str, str] = {}
    for code, entry in SCHEMES[scheme].codes.items():
        for word in (code, entry.ja, entry.en, *SYNONYMS.get(scheme, {}).get(code, "").split()):
            if words.setdefault(_key(word), code) != code:
                raise ValueError(f"{scheme}: {word} stands for {words[_key(word)]} and {code}")
    return words


def _key(word: str) -> str:
    return re.sub(r"[・･、,.。'’\-‐/]", "", folded(word))


def _word(cell: Any) -> str | Result:
    text = written(cell)
    if isinstance(text, NotUnderstood):
        return text
    if len(text) > WORD_LIMIT:
        return NotUnderstood(Message.of("The text is longer than {limit} characters.", limit=WORD_LIMIT))
    return text


def read_code(cell: Any, scheme: str) -> Result:
    """One code of a reference scheme, by code, label or synonym."""
    text = _word(cell)
    if not isinstance(text, str):
        return text
    code = _words(scheme).get(_key(text)) or _words(scheme).get(_key(re.sub(r"[(（].*[)）]$", "", text.strip())))
    if code is not None:
        return Understood(code)
    return nothing_stated(text) if is_blank(text) else NotUnderstood(_no_code(scheme))


def _no_code(scheme: str) -> Message:
    names = [entry.ja for entry in SCHEMES[scheme].codes.values()]
    return Message.of("This word is not known here. Known are: {words}.", words="、".join(names))


_OR = re.compile(r"[、,，;；/／\n\r・+＋]|または|又は|もしくは|及び|および|\s+or\s+|\s+and\s+", re.IGNORECASE)


def read_codes(cell: Any, scheme: str) -> Result:
    """A list of codes: '株式譲渡・事業譲渡'. Every word must be understood."""
    text = _word(cell)
    if not isinstance(text, str):
        return text
    if is_blank(text):
        return nothing_stated(text)
    if scheme == "succession_type" and folded(text) in NONES:
        return Understood([])
    whole = read_code(cell, scheme)
    parts = [text] if isinstance(whole, Understood) else [part for part in _OR.split(text) if part.strip()]
    codes, notes = [], []
    for part in parts:
        word = _key(re.sub(r"(?:のみ|希望|等|など)$", "", part.strip()))
        if scheme == "scheme" and word == "事業譲渡":
            codes.append("business_transfer_full")
            notes.append(Message.of("Read as the transfer of the whole business; write 一部事業譲渡 for a part."))
        elif code := _words(scheme).get(word):
            codes.append(code)
        else:
            return NotUnderstood(_no_code(scheme))
    return Understood(list(dict.fromkeys(codes)), tuple(notes))


_SPAN_UNIT = r"(?:か月|ヶ月|カ月|ケ月|ヵ月|箇月|個月|ヶ月間|months?|m|年|years?)"
_SPAN = re.compile(
    rf"(?:(半年|[0-9]+)({_SPAN_UNIT})?(?:~|〜|-|から))?(半年|[0-9]+)({_SPAN_UNIT})?(以内|超|以上|以降|後|程度|頃|ごろ|位)?"
)


def read_timing(cell: Any) -> Result:
    """When the transfer is wished for: a word of the scheme, or a span like 半年以内, 3〜6ヶ月, 1年以上."""
    known = read_code(cell, "timing")
    text = _word(cell)
    if isinstance(known, Understood) or not isinstance(text, str):
        return known
    plain = re.sub(r"^(?:within|約|概ね)", "", folded(text).replace("一年", "1年").replace("二年", "2年"))
    found = _SPAN.fullmatch(plain)
    if found is None or not (found[4] or found[3] == "半年"):
        return known
    last = _in_months(found[3], found[4])
    first = _in_months(found[1], found[2] or found[4]) if found[1] else None
    if first is not None:
        exact = {(3, 6): "3_6m", (6, 12): "6_12m"}.get((first, last), "over_12m" if 12 <= first < last else None)
        return Understood(exact) if exact else known
    if found[5] in ("超", "以上", "以降", "後"):
        return Understood("over_12m") if last >= 12 else known
    if last > 12:
        return Understood("over_12m", (Message.of("Read by its end: after more than a year."),))
    return Understood("within_3m" if last <= 3 else "3_6m" if last <= 6 else "6_12m")


def _in_months(number: str, unit: str | None) -> int:
    if number == "半年":
        return 6
    return int(number[:4]) * (12 if unit and unit.startswith(("年", "year")) else 1)


def read_yes_no(cell: Any) -> Result:
    text = _word(cell)
    if not isinstance(text, str):
        return text
    word = folded(text)
    if word in YES or word in NO:
        return Understood(word in YES)
    return nothing_stated(text) if is_blank(text) else NotUnderstood(Message.of("Yes or no? Write 有 or 無."))


def read_succession_status(cell: Any) -> Result:
    """Why nobody takes over. A company with a successor is no listing."""
    text = _word(cell)
    if isinstance(text, str) and folded(text) in SUCCESSOR_EXISTS:
        return NotUnderstood(Message.of("This company has a successor. Only one without can be listed."))
    return read_code(cell, "succession_status")


def read_conditions(cell: Any) -> Result:
    """The owner's conditions as codes; a wish without a code is kept in its own words."""
    text = _word(cell)
    if not isinstance(text, str):
        return text
    if folded(text) in NONES:
        return Understood([])
    if is_blank(text):
        return nothing_stated(text)
    parts = [part.strip() for part in re.split(r"[、;；\n\r]", text) if part.strip()]
    conditions = [(_words("deal_condition").get(_key(part)), part[:LINE_LIMIT]) for part in parts[:20]]
    values = [{"code": code} if code else {"code": "other", "note": part} for code, part in conditions]
    other = Message.of("Kept in its own words: no code is known for it.")
    return Understood(values, () if all(code for code, _part in conditions) else (other,))


def read_declared_none(cell: Any) -> Result:
    """For lists that no single cell can hold (guarantees per lender): 'なし' is an answer, anything else a reminder."""
    text = _word(cell)
    if not isinstance(text, str):
        return text
    if folded(text) in NONES:
        return Understood([])
    if is_blank(text):
        return nothing_stated(text)
    return Understood(None, (Message.of("Not imported; enter the details one by one on the listing."),))


def legal_form_in(name: str) -> str | None:
    """The legal form that a registered name carries: 株式会社…, …(有)."""
    plain = unicodedata.normalize("NFKC", name)
    marks = {"株式会社": "kk", "(株)": "kk", "有限会社": "tokurei_yugen", "(有)": "tokurei_yugen", "合同会社": "godo",
             "(同)": "godo", "合名会社": "gomei_goshi", "合資会社": "gomei_goshi"}  # fmt: skip
    found = {form for mark, form in marks.items() if plain.startswith(mark) or plain.endswith(mark)}
    return found.pop() if len(found) == 1 else None


# --- places -------------------------------------------------------------------------------------------------------


class Address(msgspec.Struct, frozen=True):
    """`text` as written, None when the cell holds a prefecture only."""

    text: str | None
    postal_code: str | None
    prefecture: str | None
    municipality: str | None


_PREFECTURES = {entry.ja: code for code, entry in SCHEMES["prefecture"].codes.items()}
# 奈良 -> 奈良県; 北海道 has no short form.
_SHORT_PREFECTURES = {name.removesuffix(name[-1]): code for name, code in _PREFECTURES.items() if name != "北海道"}
_ENGLISH_PREFECTURES = {entry.en.lower(): code for code, entry in SCHEMES["prefecture"].codes.items()}
_POSTAL = re.compile(r"^〒?\s*([0-9０-９]{3}\s*[-ー－‐−]\s*[0-9０-９]{4})\s*|^〒\s*([0-9０-９]{7})\s*")
# Names in which the sign for city, district, town or village is not the last one.
_MUNICIPALITY = re.compile(
    r"(?:四日市|廿日市|野々市|八日市場|市川|市原|町田|村上|東村山|武蔵村山|羽村|大町|十日町|村山|大村|田村|小郡|郡山|大和郡山|郡上|蒲郡)市"
    r"|(?:余市郡余市|高市郡[^市区町村]{1,4}|佐波郡玉村|杵島郡大町|[^市区町村]{1,6}?郡[^市区町村]{1,6}?)[町村]"
    r"|[^市区町村]{1,8}?[市区町村]"
)


def prefecture_at_start(text: str) -> str | None:
    """The prefecture an address begins with. Never one inside it: 東京都府中市 is not in 京都府."""
    return next((code for name, code in _PREFECTURES.items() if text.startswith(name)), None)


def read_prefecture(cell: Any) -> Result:
    """'奈良県', '奈良', 'Nara', 'JP-29', 29, or an address that begins with a prefecture."""
    text = _word(cell)
    if not isinstance(text, str):
        return text
    if is_blank(text):
        return nothing_stated(text)
    plain = unicodedata.normalize("NFKC", text).strip()
    english = re.sub(r"[ -](?:prefecture|ken|fu|to|do)$", "", plain.lower())
    if code := _SHORT_PREFECTURES.get(plain) or _ENGLISH_PREFECTURES.get(english) or prefecture_at_start(plain):
        return Understood(code)
    if plain.upper() in SCHEMES["prefecture"].codes:
        return Understood(plain.upper())
    if re.fullmatch(r"[0-9]{1,2}", plain) and (code := f"JP-{int(plain):02d}") in SCHEMES["prefecture"].codes:
        return Understood(code, (Message.of("Read as a prefecture number."),))
    return NotUnderstood(Message.of("This is not a prefecture."))


def read_address(cell: Any) -> Result:
    """`Address`: the text whole, and what it begins with, if it says so."""
    text = written(cell)
    if isinstance(text, NotUnderstood):
        return text
    if is_blank(text):
        return nothing_stated(text)
    if len(text) > LINE_LIMIT:
        return NotUnderstood(Message.of("The text is longer than {limit} characters.", limit=LINE_LIMIT))
    postal, rest = None, text
    if found := _POSTAL.match(text):
        postal, rest = read_postal_code(found[1] or found[2]), text[found.end() :]
    plain = re.sub(r"\s", "", unicodedata.normalize("NFKC", rest))
    if only := _SHORT_PREFECTURES.get(plain) or _PREFECTURES.get(plain):
        return Understood(Address(None, postal, only, None))
    prefecture, notes = prefecture_at_start(plain), ()
    if prefecture is None and (short := _city_named_like_prefecture(plain)):
        prefecture, notes = short, (Message.of("The prefecture was taken from the city's name."),)
    elif prefecture is None:
        notes = (Message.of("The address does not begin with a prefecture."),)
    full = next((name for name in _PREFECTURES if plain.startswith(name)), "")
    municipality = _MUNICIPALITY.match(plain[len(full) :]) if prefecture else None
    city = municipality[0] if municipality else None
    return Understood(Address(rest.strip() or None, postal, prefecture, city), notes)


def _city_named_like_prefecture(plain: str) -> str | None:
    """奈良市… lies in 奈良県; true of every city that bears a prefecture's name, not of towns, villages or districts."""
    return next((code for name, code in _SHORT_PREFECTURES.items() if plain.startswith(name + "市")), None)


# --- industries ---------------------------------------------------------------------------------------------------

_JSIC = re.compile(r"([A-Ta-t])?[-_:.]?([0-9]{1,4})(?![0-9])[-_:.)]?(.*)", re.DOTALL)


@cache
def _industry_names() -> dict[str, frozenset[str]]:
    """folded name -> two-digit codes that may be meant: exactly that name, the only child of that division, or the name
    without its parentheses. More than one means that the word is too wide."""
    codes = SCHEMES["jsic"].codes
    groups = {code: entry for code, entry in codes.items() if code.isdigit()}
    names: dict[str, set[str]] = {}

    def add(candidates: Iterator[tuple[str, str]]) -> None:
        found: dict[str, set[str]] = {}
        for name, code in candidates:
            found.setdefault(_industry_key(name), set()).add(code)
        for name, meant in found.items():
            names.setdefault(name, meant)

    add((name, code) for code, entry in groups.items() for name in (entry.ja, entry.en))
    add((name, code) for code, entry in groups.items() for name in (codes[entry.parent].ja, codes[entry.parent].en))
    add((re.sub(r"[(（].*?[)）]", "", entry.ja), code) for code, entry in groups.items())
    return {name: frozenset(meant) for name, meant in names.items()}


def _industry_key(name: str) -> str:
    return re.sub(r"[・･、,，.\s()（）]", "", folded(name)).removesuffix("業")


def read_industry(cell: Any) -> Result:
    """A JSIC rev. 14 code of two to four digits, from '2441', 'E24', '24 金属製品製造業' or the name of a major group."""
    text = _word(cell)
    if not isinstance(text, str):
        return text
    if is_blank(text):
        return nothing_stated(text)
    plain = unicodedata.normalize("NFKC", text).strip()
    found = _JSIC.fullmatch(re.sub(r"^([A-Ta-t])\s+(?=[0-9])", r"\1", plain))
    if found is None:
        meant = _industry_names().get(_industry_key(re.sub(r"^[A-T][\s:.]", "", plain)), frozenset())
        if len(meant) == 1:
            return Understood(next(iter(meant)))
        if meant:
            return NotUnderstood(Message.of("Too wide; say which: {codes}.", codes=", ".join(sorted(meant))))
        return NotUnderstood(Message.of("This is no JSIC code and no name of a JSIC major group."))
    return _from_code(found[1], found[2], found[3].strip())


def _from_code(letter: str | None, digits: str, name: str) -> Result:
    notes = []
    if len(digits) == 1:
        digits = f"0{digits}"
        notes.append(Message.of("The leading 0 was lost in the spreadsheet and put back."))
    elif len(digits) == 3 and not digits.startswith("0"):
        notes.append(Message.of("Read as a three-digit group; if a leading 0 was lost, the industry is another one."))
    try:
        group = jsic_two_digit(digits)
    except ValueError:
        return NotUnderstood(Message.of("There is no such industry in JSIC revision 14."))
    if letter and division_of(group) != letter.upper():
        return NotUnderstood(Message.of("The letter and the digits name different industries."))
    if re.search("[0-9]", name):
        return NotUnderstood(Message.of("More than one code; write the main industry's."))
    meant = _industry_names().get(_industry_key(name), frozenset()) if name else frozenset()
    if meant and group not in meant:
        return NotUnderstood(Message.of("The code and the name are different industries."))
    return Understood(digits, tuple(notes))
