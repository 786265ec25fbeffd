"""What is left of a name once width, case, accents, old characters, punctuation and legal forms are gone?"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import Literal

from succession.codes import read_table

Kind = Literal["organisation", "person"]

# Stripped at either end of a Japanese, Chinese or Korean name, longest first; also in brackets, as in （株）.
_CJK_FORMS = tuple(sorted((
    "株式会社 有限会社 合同会社 合資会社 合名会社 相互会社 特例有限会社 一般社団法人 一般財団法人 公益社団法人 公益財団法人 "
    "特定非営利活動法人 医療法人社団 医療法人財団 医療法人 社会福祉法人 学校法人 宗教法人 農事組合法人 協同組合 事業協同組合 "
    "弁護士法人 税理士法人 監査法人 投資事業有限責任組合 有限責任事業組合 "
    "股份有限公司 有限責任公司 有限公司 集団有限公司 集団公司 集团公司 集團公司 주식회사 유한회사 유한책임회사"
).split(), key=len, reverse=True))
_CJK_SHORT = "株有同資名주유"  # (株) (有) (同) (資) (名) after NFKC; (주) (유)

# Words at the end of a foreign name; several may follow one another ("Co., Ltd.", "GmbH & Co. KG").
_FORMS_LAST = frozenset((
    "inc incorporated corp corporation co company ltd limited llc llp lp plc lllp pllc "  # English-speaking
    "gmbh mbh ag kg kgaa ohg ug ev se eg "  # German
    "sa sas sasu sarl sca snc spa srl srls sapa bv nv cv vof asbl sl slu sau ltda eireli cia lda sadecv "  # Romance, Benelux
    "ab oy oyj as asa aps ivs hf ehf kft zrt nyrt doo dd ad ood eood sro ks zoo sp spzoo uab sia ou ae "  # Nordic, Eastern, Greek
    "ooo oao zao pao ao jsc ojsc pjsc cjsc tov ооо оао зао пао ао тов пат "  # Russian and neighbours
    "kk kabushiki kaisha yk yugen gk godo goushi gaisha "  # Japanese in Latin letters
    "pte pty bhd sdn berhad tbk pvt private public pcl jsc fze fzco fzc wll dmcc "  # Asia, Gulf
    "kabushikikaisha kabushikigaisha yugenkaisha yugengaisha godokaisha godogaisha αε επε"
).split())
_FORMS_FIRST = frozenset("pt ooo oao zao pao jsc pjsc ojsc cjsc tov ооо оао зао пао ао тов пат kk gk yk the kabushiki kaisha yugen godo".split())
_VIETNAMESE = re.compile(r"^(cong ty )?(tnhh |trach nhiem huu han |co phan |cp )?(mot thanh vien |mtv )?")

_DASHES = re.compile("[‐‑‒–—―−－~〜～·・･.’'`´\"“”„«»‚‘]")
_BETWEEN_NAMES = re.compile("[.·・･〜～]")
_APART = re.compile(r"[^\w]+|_")
_INITIALS = re.compile(r"(?<!\S)(\w(?: \w)+)(?!\S)")
_PLAIN_LATIN = str.maketrans("øłđðþæœı", "olddpaoi")


@cache
def _folds() -> dict[int, str]:
    """Characters NFKC keeps apart though people write either one: old, variant and simplified ones to one everyday form."""
    old = {form: row["everyday"] for row in read_table("db/reference/old_kanji.tsv") for form in row["forms"]}
    folds = dict(old)
    for row in read_table("db/reference/han_variants.tsv"):
        everyday = old.get(row["folded"], row["folded"])
        if row["form"] not in old:
            folds[row["form"]] = everyday
    # A form that is itself folded is folded on: no chain is longer than this table is deep.
    return {ord(form): folds.get(everyday, everyday) for form, everyday in folds.items()}


@lru_cache(maxsize=65_536)  # the same lists are read for every buyer
def normalise(name: str, kind: Kind) -> str:
    """A name as it is compared: width, case, accents, punctuation and (for organisations) legal forms gone.

    Words are separated by one space; a name that is nothing but a legal form keeps it. Never empty for a name with a
    letter or digit in it.
    """
    text = unicodedata.normalize("NFKC", name).casefold().translate(_folds())
    text = "".join(chr(ord(c) + 0x60) if "ぁ" <= c <= "ゖ" else c for c in text)
    text = _without_cjk_forms(text) if kind == "organisation" else _BETWEEN_NAMES.sub(" ", text)
    text = _without_accents(text).replace("&", " and ").replace("/", "")
    words = " ".join(_APART.sub(" ", _DASHES.sub("", text).replace("-", " ")).split())
    if kind == "person":
        return words
    words = _INITIALS.sub(lambda m: m[1].replace(" ", ""), words)  # "s p a" as "spa"
    return _without_foreign_forms(words.replace(" sp z oo", " spzoo").replace(" sa de cv", " sadecv"))


@cache
def _cjk_forms() -> tuple[str, ...]:
    return tuple(form.translate(_folds()) for form in _CJK_FORMS)


def _without_cjk_forms(text: str) -> str:
    if text.isascii():
        return text
    bare = re.sub(rf"\(\s*[{_CJK_SHORT}]\s*\)", " ", text)
    for form in _cjk_forms():
        bare = bare.strip().removeprefix(form).removesuffix(form)
        bare = bare.replace(f"({form})", " ")
    return bare if re.search(r"\w", bare) else text


def _without_accents(text: str) -> str:
    """é as e, ß as ss (casefold did), ø as o, ώ as ω; the voiced marks of kana and the й of Cyrillic stay: other letters."""
    if text.isascii():
        return text
    kept: list[str] = []
    for char in text.translate(_PLAIN_LATIN):
        parts = unicodedata.normalize("NFD", char)
        bare = len(parts) > 1 and unicodedata.name(parts[0], "").startswith(("LATIN", "GREEK"))
        kept.append("".join(p for p in parts if not unicodedata.combining(p)) if bare else char)
    return "".join(kept)


def _without_foreign_forms(words: str) -> str:
    left = _VIETNAMESE.sub("", words, count=1).split() or words.split()
    while len(left) > 1 and (left[-1] in _FORMS_LAST or left[-1] == "and"):
        left.pop()
    while len(left) > 1 and left[0] in _FORMS_FIRST:
        left.pop(0)
    return " ".join(left)
