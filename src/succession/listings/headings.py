"""Which field does a column heading mean, in which unit and of which fiscal year?

`SYNONYMS` is the whole rule: field -> headings, most telling first. Headings are compared folded (NFKC, no spaces, no
brackets, lower case) after their unit (千円) and period (2025年3月期, 前期) were taken out. A bracketed remark is dropped
only when it is known to change nothing: 従業員数（うちパート） is another figure than 従業員数.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date

import msgspec

from succession.i18n import Message
from succession.listings.cell_dates import read_period_end
from succession.listings.cells import SCALES, Understood

HEADING_LIMIT = 100

# Field paths are those of the profile. `financials[].x` is resolved to a year by period; `#word` marks one of several
# columns that feed the same field: the first listed wins, the others fill in (see MERGED in spreadsheet.py).
SYNONYMS: dict[str, str] = {
    "internal_reference": "管理番号 案件番号 受付番号 整理番号 相談番号 案件no 管理no 案件id referenceno reference casenumber",
    "identity.name": "会社名 企業名 商号 社名 法人名 名称 事業者名 商号又は名称 商号名称 会社名称 企業名称 譲渡企業 譲渡企業名 相談企業名 対象会社 "
                     "対象会社名 会社 企業 companyname company name legalname registeredname",
    "identity.name_kana": "会社名カナ 会社名フリガナ 会社名ふりがな 会社名かな 会社名読み 企業名カナ 企業名フリガナ 商号カナ 商号フリガナ 社名カナ "
                          "社名フリガナ 法人名カナ 法人名フリガナ フリガナ ふりがな カナ 読み kana companynamekana namekana namereading",
    "identity.name_en": "英文社名 英語社名 英文商号 英文会社名 英語会社名 会社名英語 会社名英文 商号英文 社名英文 社名英語 英語名 英文名 英文名称 "
                        "companynameenglish englishname companynameinenglish nameen",
    "identity.name_romaji": "会社名ローマ字 社名ローマ字 商号ローマ字 ローマ字 romaji nameromaji",
    "identity.legal_form": "法人格 法人形態 組織形態 会社形態 事業形態 法人個人 法人個人の別 法人個人区分 法人種別 legalform entitytype",
    "identity.corporate_number": "法人番号 法人番号13桁 国税庁法人番号 corporatenumber houjinbangou hojinbango",
    "identity.corporate_number#invoice": "インボイス番号 インボイス登録番号 適格請求書発行事業者登録番号 適格請求書登録番号 invoicenumber",
    "identity.internal_key": "個人事業主番号 事業主番号 事業者番号 internalkey",
    "identity.representative.name": "代表者 代表者名 代表者氏名 代表取締役 代表取締役名 代表取締役氏名 社長名 社長氏名 社長 経営者名 オーナー名 "
                                    "オーナー氏名 事業主名 representative representativename president ceo ownername",
    "identity.representative.name_kana": "代表者カナ 代表者フリガナ 代表者ふりがな 代表者名カナ 代表者名フリガナ 代表者名ふりがな 代表者氏名カナ "
                                         "代表者氏名フリガナ 社長名カナ 社長名フリガナ representativekana",
    "identity.representative.name_romaji": "代表者ローマ字 代表者名ローマ字 代表者英語 代表者名英語 代表者英字 representativeromaji",
    "identity.sites[0].postal_code": "郵便番号 〒 本社郵便番号 postalcode zip zipcode postcode",
    "identity.sites[0].address": "所在地 住所 本社所在地 本店所在地 本社住所 本店住所 会社住所 会社所在地 企業所在地 登記住所 所在地住所 本社 本店 address "
                                 "headoffice headofficeaddress registeredaddress location",
    "identity.phones": "電話番号 電話 tel 連絡先電話番号 代表電話 代表電話番号 会社電話番号 連絡先 phone phonenumber telephone",
    "identity.phones#mobile": "携帯 携帯番号 携帯電話 携帯電話番号 mobile",
    "identity.phones#fax": "fax fax番号 ファックス ファクス",
    "identity.urls": "url ホームページ ホームページurl hp hpurl hpアドレス webサイト ウェブサイト ウェブサイトurl web サイトurl website homepage",
    "identity.email_domains": "メール メールアドレス eメール eメールアドレス 電子メール email emailaddress mail",
    "identity.brands": "屋号 ブランド ブランド名 店舗名 店名 サービス名 商品名 商標名 brand brands tradename shopname",
    "identity.former_names": "旧社名 旧商号 旧会社名 以前の社名 formername formernames",
    "identity.group_companies": "関係会社 関連会社 グループ会社 グループ企業 子会社 関係会社名 groupcompanies affiliates subsidiaries",
    "identity.main_customers": "主要販売先 主要取引先 主要得意先 主な販売先 主な取引先 主な得意先 販売先 得意先 取引先 主要顧客 maincustomers "
                               "customers majorcustomers",
    "identity.main_suppliers": "主要仕入先 主な仕入先 仕入先 外注先 主要外注先 mainsuppliers suppliers",
    "business.jsic_code": "業種コード 産業分類コード 日本標準産業分類コード 産業分類番号 業種番号 jsicコード jsiccode jsic industrycode",
    "business.jsic_code#name": "業種 産業分類 日本標準産業分類 中分類 業種中分類 産業中分類 業種名 業種分類 主業種 業界 industry sector",
    "business.prefecture": "都道府県 都道府県名 都道府県コード 本社都道府県 所在都道府県 所在地都道府県 県名 県 府県 prefecture",
    "business.municipality": "市区町村 市町村 市区町村名 市町村名 所在市町村 municipality city",
    "business.founded": "設立 設立年 設立年月 設立年月日 設立日 設立時期 会社設立 会社設立年月 設立年度 法人設立 法人設立年月 founded foundedon "
                        "yearfounded established dateofestablishment incorporated foundingyear",
    "business.founded#business": "創業 創業年 創業年月 創業年月日 創業時期 開業 開業年 開業年月 開業年月日 業歴開始",
    "business.employees": "従業員数 従業員 従業員人数 常用従業員数 従業員総数 社員数 人員 人員数 総従業員数 employees numberofemployees headcount staff",
    "business.employees#regular": "正社員数 正社員 正規従業員数",
    "business.capital_yen": "資本金 資本金額 資本金の額 出資金 出資金額 資本 capital paidincapital sharecapital",
    "business.outline": "事業内容 事業概要 業務内容 主な事業 主要事業 営業種目 事業の概要 会社概要 概要 businessdescription business businessoutline",
    "business.strengths": "特徴 強み 特徴強み 強み特徴 特色 事業の特徴 事業の強み セールスポイント アピールポイント strengths features",
    "business.products": "主要製品 主要商品 取扱商品 取扱製品 主力商品 主力製品 主要製品サービス products mainproducts",
    "financials[].period_end": "決算期 直近決算期 決算年月 決算年月日 直近決算 直近決算年月 決算日 直近決算日 最終決算期 決算期末 対象決算期 fiscalyearend "
                               "fiscalyearended periodend fye latestfiscalyear",
    "financials[].revenue_yen": "売上高 売上 年商 年間売上 年間売上高 売上金額 総売上 総売上高 売上額 完成工事高 revenue sales netsales "
                                "turnover annualsales",
    "financials[].operating_profit_yen": "営業利益 営業損益 営業利益損失 営業利益又は営業損失 営業利益額 operatingprofit operatingincome",
    "financials[].adjusted_ebitda_yen": "調整後ebitda 修正ebitda 正常収益力 実態ebitda adjustedebitda",
    "financials[].adjusted_ebitda_yen#plain": "ebitda",
    "financials[].net_assets_yen": "純資産 純資産額 純資産合計 純資産の部合計 簿価純資産 自己資本 自己資本額 netassets equity",
    "financials[].debt_yen": "有利子負債 有利子負債額 有利子負債残高 借入金 借入金残高 借入残高 借入総額 借入金総額 金融機関借入 金融機関借入金 金融負債 "
                             "借入 interestbearingdebt debt borrowings",
    "owner.birth_year": "代表者生年月日 代表者生年 オーナー生年月日 オーナー生年 社長生年月日 経営者生年月日 生年月日 生年 birthdate dateofbirth birthyear",
    "owner.birth_year#age": "代表者年齢 代表者の年齢 オーナー年齢 社長年齢 経営者年齢 年齢 代表年齢 ownerage age",
    "owner.reason": "譲渡理由 売却理由 譲渡の理由 承継理由 m&a理由 譲渡希望理由 引継ぎ理由 相談理由 reason reasonforsale reasonfortransfer",
    "succession.status": "後継者 後継者の有無 後継者有無 後継者状況 後継者の状況 承継状況 後継者不在の状況 後継者不在状況 successor successionstatus",
    "succession.declared_by": "申告者 後継者不在申告者 確認者 declaredby",
    "succession.declared_on": "申告日 後継者不在申告日 確認日 後継者不在確認日 declaredon",
    "succession.checkup_reference": "事業承継診断 事業承継診断番号 事業承継診断票番号 診断番号 承継診断番号 診断票番号 checkupreference",
    "succession.alternatives_tried": "検討した承継方法 検討済承継方法 検討済みの承継方法 試みた承継方法 検討した承継 alternativestried",
    "succession.first_consulted_on": "初回相談日 相談日 相談受付日 受付日 初回受付日 相談開始日 初回面談日 firstconsultation firstconsultedon",
    "succession.channel": "相談経路 相談ルート 紹介元 紹介経路 相談のきっかけ 受付経路 流入経路 channel source",
    "terms.schemes": "スキーム 譲渡スキーム 希望スキーム m&aスキーム 譲渡方法 譲渡形態 希望譲渡方法 希望譲渡形態 譲渡手法 承継方法 承継形態 取引形態 引継ぎ方法 "
                     "scheme schemes dealstructure structure",
    "terms.timing": "希望時期 譲渡希望時期 譲渡時期 希望譲渡時期 承継希望時期 承継時期 引継ぎ希望時期 売却希望時期 timing desiredtiming",
    "terms.asking_price": "希望価格 譲渡希望価格 希望譲渡価格 譲渡価格 譲渡希望額 希望譲渡額 希望金額 希望譲渡金額 譲渡希望金額 売却希望価格 売却希望額 "
                          "希望売却価格 希望額 譲渡金額 askingprice price desiredprice",
    "terms.asking_price.basis": "価格の基準 価格基準 価格の種類 希望価格の基準 pricebasis",
    "terms.asking_price.method": "評価方法 算定方法 企業価値評価方法 株価算定方法 価格算定方法 valuationmethod",
    "terms.asking_price.as_of": "評価基準日 算定基準日 価格基準日 算定日 valuationdate priceasof",
    "terms.asking_price.indicative": "参考価格 目安価格 参考値 indicative",
    "terms.conditions": "希望条件 譲渡条件 条件 その他条件 その他希望 引継ぎ条件 譲渡の条件 conditions terms",
    "guarantees": "経営者保証 個人保証 経営者保証の有無 個人保証の有無 連帯保証 連帯保証の有無 保証 保証債務 guarantees personalguarantee",
    "permits": "許認可 許認可資格 必要許認可 保有許認可 許可 免許 許認可等 permits licences licenses",
    "real_estate": "不動産 所有不動産 保有不動産 自社不動産 土地建物 realestate",
    "intellectual_property": "知的財産 知的財産権 知財 特許 特許等 産業財産権 intellectualproperty patents",
}  # fmt: skip

# Columns that sheets have for themselves; they are not imported and no reason to worry.
NOT_IMPORTED = frozenset(
    "no 番号 連番 項番 通番 備考 メモ 摘要 特記事項 担当 担当者 担当者名 相談員 更新日 登録日 作成日 ステータス 状況 案件状況 進捗 進捗状況 センター "
    "センター名 決算月 大分類 業種大分類 remarks notes memo status 経常利益 当期純利益 パート数 役員数 総資産".split()
)

# How long ago a year closed, in the words of a three-year layout; only their order counts.
RELATIVE_PERIODS: tuple[tuple[str, int], ...] = (
    ("前々々期", 3), ("3期前", 3), ("三期前", 3), ("前々期", 2), ("前前期", 2), ("直前々期", 2), ("2期前", 2), ("二期前", 2), ("前年度", 1),
    ("直前期", 0), ("前期", 1), ("1期前", 1), ("一期前", 1), ("直近期", 0), ("最新期", 0), ("当期", 0), ("今期", 0), ("直近", 0),
    ("最近期", 0), ("latest", 0), ("previousyear", 1),
)  # fmt: skip

_SCALE_WORD = "|".join(sorted((scale for scale in SCALES if not scale.isascii()), key=len, reverse=True))
_UNIT = re.compile(
    rf"(?:単位[:：]?)?(?:(?P<ja>{_SCALE_WORD})?円|(?:jpy|yen|¥)(?:in)?(?P<after>billion|bn|million|mn|mm|m|thousand|k)?s?"
    r"|(?:in)?(?P<before>billion|million|mn|thousand|k)s?(?:jpy|yen|ofyen))"
)
_BRACKETS = re.compile(r"[(\[【〔「<〈《]([^()\[\]【】〔〕「」<>〈〉《》]*)[)\]】〕」>〉》]")
_TRAILING_UNIT = re.compile(rf"[\s_:/・,、]((?:単位[:：]?)?(?:{_SCALE_WORD})?円|jpy(?:\s?(?:m|mn|bn|k|million|thousand))?)$")
_PERIOD = re.compile(
    r"(?:fy)?(?:(?:明治|大正|昭和|平成|令和|(?<![a-z])[shr])(?:元|[0-9]{1,2})|(?:19|20)[0-9]{2})(?:年|[./-])[0-9]{1,2}(?:月)?"
    r"(?:期末|期|末)?(?:決算)?|(?:fy)?(?:(?:19|20)[0-9]{2}|(?:平成|令和)(?:元|[0-9]{1,2}))(?:年度|年)?(?![0-9年月])"
)
_HARMLESS = re.compile(
    r"(?:税抜|税抜き|税込|税込み|正式名称|正式|必須|任意|人|名|人数|歳|才|西暦|和暦|半角|全角|数字|数字のみ|ハイフンなし|ハイフン無し|概算|概数|本社|本店|法人|13桁"
    r"|年月|年月日|年|月|日|jsic|日本標準産業分類|中分類|登記|登記上|登記簿上|有無|の有無|有・無|有/無|○×|最新|直近|千円未満切捨て|千円未満切捨|ja|en|%|[0-9]+文字以内|※)*"
)
_PUNCTUATION = re.compile(r"[()\[\]【】〔〕「」<>〈〉《》・･:：_/,、.\-‐–—*※#?？!'’\"。&＊|]")


class Heading(msgspec.Struct, frozen=True):
    """What one heading says. `field` None: not known (or `ignored`). `problem`: known, but not usable as it stands.

    `unit_yen` is 1000 for 千円; `period_end` the fiscal year it names, or `years_ago` in words (前期 = 1).
    """

    label: str
    field: str | None
    ignored: bool
    unit_yen: int | None
    period_end: date | None
    years_ago: int | None
    problem: Message | None


def _key(text: str) -> str:
    return _PUNCTUATION.sub("", re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).lower())


FIELD_OF: dict[str, str] = {}
for _field, _names in SYNONYMS.items():
    for _name in _names.split():
        if FIELD_OF.setdefault(_key(_name), _field) != _field:
            raise ValueError(f"heading {_name} stands for {FIELD_OF[_key(_name)]} and {_field}")
IGNORED_KEYS = frozenset(map(_key, NOT_IMPORTED))
MONEY_FIELDS = frozenset(field for field in SYNONYMS if "_yen" in field or field == "terms.asking_price")


def money_unit(text: str) -> int | None:
    """千円 -> 1000, '(単位：百万円)' -> 1000000, 'JPY m' -> 1000000; None when `text` is no unit of money."""
    found = _UNIT.fullmatch(re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).lower().strip("()[]"))
    if found is None:
        return None
    return SCALES.get(found["ja"] or found["after"] or found["before"] or "", 1)


def read_heading(text: object) -> Heading:
    """Never raises; anything that is no text, or too long for a heading, is an unknown heading."""
    label = text.strip() if isinstance(text, str) else "" if text is None else str(text)[:HEADING_LIMIT]
    if not isinstance(text, str) or len(label) > HEADING_LIMIT:
        return Heading(label[:HEADING_LIMIT], None, False, None, None, None, None)
    plain = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", label)).lower().strip()
    plain, unit = _take_unit(plain)
    period_text, plain = _take_period(plain)
    years_ago, without = _take_relative(plain)
    field = _field_named(plain)
    if field is None and years_ago is not None:
        field = _field_named(without)
    if field is None or not field.startswith("financials[]"):
        years_ago = None
    if field is None:
        return Heading(label, None, bool({_key(plain), _key(_bare(plain))} & IGNORED_KEYS), unit, None, None, None)
    if period_text is None or not field.startswith("financials[]"):
        return Heading(label, field, False, unit, None, years_ago, None)
    period = read_period_end(period_text)
    if isinstance(period, Understood) and period.value is not None:
        return Heading(label, field, False, unit, period.value, None, None)
    problem = Message.of("The heading does not tell the month in which the fiscal year ends.")
    return Heading(label, field, False, unit, None, None, problem)


def _take_unit(plain: str) -> tuple[str, int | None]:
    """The heading without its unit; what else stands in the brackets stays: 売上高(千円, 2025年3月期)."""
    for bracket in _BRACKETS.finditer(plain):
        for separator in (r"$", r"[,、/・;:]", r"[,、・;: ]"):  # JPY million is one unit, 千円 2025年3月期 is not
            parts = re.split(separator, re.sub(r"単位 ?:?", "", bracket[1]).strip())
            units = [unit for part in parts if (unit := money_unit(part)) is not None]
            if len(units) == 1:
                rest = " ".join(part for part in parts if money_unit(part) is None).strip()
                return plain[: bracket.start()] + (f"({rest})" if rest else "") + plain[bracket.end() :], units[0]
    if (trailing := _TRAILING_UNIT.search(plain)) and (unit := money_unit(trailing[1])) is not None:
        return plain[: trailing.start()], unit
    return plain, None


def _take_period(plain: str) -> tuple[str | None, str]:
    found = _PERIOD.search(plain)
    if found is None:
        return None, plain
    return found[0], plain[: found.start()] + plain[found.end() :]


def _take_relative(plain: str) -> tuple[int | None, str]:
    for word, years in RELATIVE_PERIODS:
        if word in plain:
            return years, re.sub(rf"{word}(?:末|決算期?|時点)?の?", "", plain, count=1)
    return None, plain


def _bare(plain: str) -> str:
    """The heading without bracketed remarks that change nothing; unchanged when one may change something."""
    remarks = _BRACKETS.findall(plain)
    if all(_HARMLESS.fullmatch(re.sub(r"[\s,、/・:*]", "", remark)) for remark in remarks):
        return _BRACKETS.sub("", plain)
    return plain


def _field_named(plain: str) -> str | None:
    """The field, tried with all words first: 会社名(カナ) is not 会社名. A leftover の joins a period: 前期の売上高."""
    for candidate in (plain, _bare(plain), _bare(plain).strip(" の_-:/")):
        if field := FIELD_OF.get(_key(candidate)):
            return field
    return None
