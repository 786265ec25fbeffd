"""What does the owner read before deciding on a buyer? Plain Japanese, in sections, and only what is known or was declared.

SME M&A Guidelines 3rd ed.: G1 (consent for this candidate), G7 (repeat buyers of the adviser are shown), G9 (outline and
result of the screening go to the client). Where personal data would leave for a country the Commission has not named, what
Art. 28 of the Act on the Protection of Personal Information asks to be told: by whom it was said and as of when.
"""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import msgspec

from succession.codes import label
from succession.disclosure.levels import BLOCKS, fields_in
from succession.disclosure.personal_data import PERSONAL, Country
from succession.i18n import format_date
from succession.listings.owner import HEADING

_NOT_STATED = "記載なし"

# What each field is to somebody who runs a company; every field a yes opens has its line here, and a test asks.
PLAIN_WORDS: tuple[tuple[str, str], ...] = (
    ("会社の名前（読み方、英語の名前、会社の種類、法人番号も）",
     "listing_identity: legal_name name_kana name_en name_romaji legal_form corporate_number"),
    ("商品やお店の名前、以前の会社名、グループの会社", "listing_identity: brands former_names group_companies"),
    ("主な取引先（売り先と仕入れ先）の名前", "listing_identity: main_customers main_suppliers"),
    ("会社の所在地、電話番号、ホームページ", "listing_contact: sites phones urls"),
    ("代表者のお名前", "listing_contact: representative_name representative_kana representative_romaji"),
    ("代表者の生まれた年", "listing_profile: owner_birth_year"),
    ("事業の内容と歩み、商品、強み、創業の時期、都道府県と市区町村",
     "listing_profile: jsic_code outline business_model history strengths products founded_on founded_year prefecture municipality"),
    ("従業員の人数と資本金", "listing_profile: employees capital_yen"),
    ("役員、株主、従業員の構成（役割と割合だけで、お名前は見せません）", "listing_profile: officers shareholders staff"),
    ("会社を譲りたい理由", "listing_profile: reason reason_note"),
    ("希望する条件（譲り方、時期、金額など）",
     "listing_profile: schemes timing asking_price_yen price_negotiable price_basis price_method price_as_of price_indicative conditions"),
    ("借入れの保証、許認可、資格、不動産、特許などの権利",
     "listing_profile: guarantees permits qualifications real_estate intellectual_property"),
    ("市場の様子と、これからの計画", "listing_profile: market_outline plan_outline plan_years"),
    ("三期分の決算の主な数字",
     "listing_financials: period_end revenue_yen operating_profit_yen adjusted_ebitda_yen net_assets_yen debt_yen"),
    ("後継者についての事情と、これまでに考えた方法", "succession_status: status declared_on alternatives_tried first_consulted_on"),
)
_ANYTHING_ELSE = "そのほか、御社についての資料"


class OwnerOfBuyer(msgspec.Struct, frozen=True):
    name: str
    country: str
    share_percent: str


class PriorDeals(msgspec.Struct, frozen=True):
    """Earlier requests of this buyer with the same adviser (guideline G7)."""

    requests: int
    completed: int


class Told(msgspec.Struct, frozen=True):
    """What somebody said, by whom and as of which day; `source` as they gave it."""

    text: str
    by: str
    on: date
    source: str | None = None


class Abroad(msgspec.Struct, frozen=True):
    """Personal data and the buyer's country. `system`: what is said of its law; `measures`: what the buyer declared of itself."""

    standing: Country
    system: Told | None = None
    measures: Told | None = None

    @property
    def asks(self) -> bool:
        """Whether the separate consent is asked for: elsewhere, and only of somebody who was told about that country."""
        return self.standing == "elsewhere" and self.system is not None


class Shown(msgspec.Struct, frozen=True):
    """Exactly what the owner is asked about. Countries are ISO 3166-1 codes; `fields` is what a yes would open; `persons`: how many
    have to say yes."""

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
    persons: int = 1
    abroad: Abroad = Abroad("domestic")


def fields_opened() -> list[str]:
    """What a yes opens, as `table.column`."""
    return [f"{row.table}.{row.column}" for block in BLOCKS for row in fields_in(block)]


def plain_words(fields: list[str]) -> list[tuple[str, bool]]:
    """(words, whether they are personal data) for what these fields are, each line once; fields nobody named are told as such."""
    left, lines = set(fields), []
    for words, named in PLAIN_WORDS:
        block, names = named.split(": ")
        meant = {f"{block}.{name}" for name in names.split()} & left
        if meant:
            lines.append((words, any(each.partition(".")[2] in PERSONAL.get(block, ()) for each in meant)))
        left -= meant
    return lines + ([(_ANYTHING_ELSE, False)] if left else [])


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
        purpose=shown.purpose, screening=shown.screening_words, adviser=shown.adviser, prior_deals=earlier, opened=_opened(shown),
        abroad=_abroad(shown), everybody=_everybody(shown.persons), signed_on=format_date(shown.nda_signed_on, "ja"),
        expires_on=format_date(shown.expires_on, "ja"))


def _opened(shown: Shown) -> str:
    apart = shown.abroad.standing == "elsewhere"
    later = "（下の欄に印を付けたときだけ）" if shown.abroad.asks else "（この相手には見せません）"
    return "\n".join(f"・{words}{later if personal and apart else ''}" for words, personal in plain_words(shown.fields))


def _everybody(persons: int) -> str:
    if persons < 2:
        return ""
    return (f"お答えが必要な方：{persons}人です。全員が「承諾する」とお答えになったときだけ、承諾となります。"
            "どなたがどうお答えになったかは、ほかの方にも相手にも伝えません。\n")


def _abroad(shown: Shown) -> str:
    """The section on personal data, only where the buyer is abroad."""
    abroad, country = shown.abroad, label("country", shown.country, "ja")
    if abroad.standing == "domestic":
        return ""
    title = f"{HEADING}代表者の情報が外国に渡ること\n"
    if abroad.standing == "adequate":
        return (f"{title}{country}は、個人の情報を守る制度が日本と同じ水準にある国として、個人情報保護委員会が定めた国に"
                "入っています（個人情報の保護に関する法律第28条）。\n\n")
    system, measures = abroad.system, abroad.measures
    if system is None:
        return (f"{title}{country}の、個人の情報を守る制度についての説明が、まだありません。ご説明できるまで、"
                "代表者のお名前と生まれた年は、この相手には見せません。\n\n")
    source = f"、出典：{_line(system.source)}" if system.source else ""
    said = (f"{_line(measures.text)}（相手が{format_date(measures.on, 'ja')}に自分で申告したものです）" if measures
            else "相手からの申告がないため、お知らせできません。")
    return (f"{title}相手の国・地域：{country}\n"
            f"その国の制度：{_line(system.text)}（{_line(system.by)}の説明、{format_date(system.on, 'ja')}現在{source}）\n"
            f"相手が情報を守る方法：{said}\n"
            "これらは説明や申告をそのまま載せたもので、安全を保証するものではありません。\n"
            "代表者のお名前と生まれた年をこの相手に渡してよいかは、別にお尋ねします。下の欄に印を付けなければ、"
            "会社のことだけを見せ、代表者のお名前と生まれた年は見せません。\n\n")


def _line(typed: str) -> str:
    """What somebody typed, on one line: it can answer its own question and no other."""
    return " ".join(typed.split())


def _with_country(name: str, country: str | None) -> str:
    return f"{name}（{label('country', country, 'ja')}）" if country else name


def text_hash(text: str) -> bytes:
    """sha256 over the UTF-8 bytes of exactly the text shown."""
    return hashlib.sha256(text.encode()).digest()
