"""Is this written identifier well formed, and how is it written once?

Well formed means shape and check digits. It does not say that the number was ever assigned or to whom: that is
*declared* by its holder and *confirmed* by a reviewer. Each `read_` function takes what a person typed (full-width
digits, hyphens, a leading T) and returns the one spelling that is stored, or None.
"""

from __future__ import annotations

import re
import unicodedata

from succession.codes import SCHEMES

INPUT_LIMIT = 320  # the longest identifier here is an e-mail address (RFC 5321: 64 + 1 + 255)

_SEPARATORS = re.compile(r"[\s\-‐‑‒–—―−ーｰ.・]")
_BASE_NUMBER = re.compile(r"[0-9]{12}")
_CORPORATE_NUMBER = re.compile(r"[1-9][0-9]{12}")
_LEI = re.compile(r"[A-Z0-9]{18}[0-9]{2}")
_DOMESTIC_PHONE = re.compile(r"0[1-9][0-9]{8}|0[2-9]0[0-9]{8}")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])")


def _folded(text: str) -> str:
    """Half-width, upper case, without the separators people put between groups; empty when far too long."""
    if len(text) > INPUT_LIMIT:
        return ""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()


# --- corporate number ---------------------------------------------------------------------------------------------


def corporate_number_check_digit(base_number: str) -> str:
    """The digit that precedes a 12-digit base number in a corporate number (hojin bango); never 0.

    9 - (sum of P_n x Q_n mod 9), P_n the n-th digit from the right, Q_n = 1 for odd n and 2 for even n (Ministerial
    Ordinance 70 of 2014; its printed formula takes the remainder inside the sum, no assigned number agrees with that).
    ValueError unless `base_number` is 12 ASCII digits.
    """
    if _BASE_NUMBER.fullmatch(base_number) is None:
        raise ValueError("a base number is 12 digits")
    weighted = sum(int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(base_number)))
    return str(9 - weighted % 9)


def make_corporate_number(base_number: str) -> str:
    """13 digits: check digit and base number. Fictitious companies use base numbers from 9999..., which are unassigned."""
    return corporate_number_check_digit(base_number) + base_number


def is_corporate_number(text: str) -> bool:
    """Whether `text` is exactly 13 ASCII digits with a right check digit."""
    return _CORPORATE_NUMBER.fullmatch(text) is not None and corporate_number_check_digit(text[1:]) == text[0]


def read_corporate_number(text: str) -> str | None:
    """A corporate number, or a qualified-invoice number (T and the same 13 digits), as 13 digits."""
    number = _folded(text).removeprefix("T")
    return number if is_corporate_number(number) else None


# --- legal entity identifier --------------------------------------------------------------------------------------


def lei_check_digits(prefix: str) -> str:
    """The last two characters of an LEI after its first 18 (ISO 17442, ISO 7064 MOD 97-10). ValueError otherwise."""
    if re.fullmatch(r"[A-Z0-9]{18}", prefix) is None:
        raise ValueError("an LEI has 18 letters or digits before its check digits")
    return f"{98 - _mod_97(prefix + '00'):02d}"


def is_lei(text: str) -> bool:
    """Whether `text` is 20 characters A-Z, 0-9 with right check digits."""
    return _LEI.fullmatch(text) is not None and lei_check_digits(text[:18]) == text[18:]


def read_lei(text: str) -> str | None:
    lei = _folded(text)
    return lei if is_lei(lei) else None


def _mod_97(characters: str) -> int:
    return int("".join(str(int(character, 36)) for character in characters)) % 97


# --- phone, postal code, e-mail, country --------------------------------------------------------------------------


def read_japanese_phone(text: str) -> str | None:
    """A Japanese number in its digits with the trunk 0 ('+81 3-1234-5678' -> '0312345678'): ten, or eleven for 0X0."""
    digits = re.sub(r"[()]", "", _folded(text))
    if digits.startswith(("+81", "0081", "01081")):
        digits = "0" + re.sub(r"^(?:\+81|0081|01081)0?", "", digits)
    return digits if _DOMESTIC_PHONE.fullmatch(digits) else None


def read_postal_code(text: str) -> str | None:
    """'〒６３０ー８０００' or '6308000' -> '630-8000'."""
    digits = _folded(text).removeprefix("〒")
    return f"{digits[:3]}-{digits[3:]}" if re.fullmatch(r"[0-9]{7}", digits) else None


def read_email(text: str) -> str | None:
    """The address in lower case, or None.

    Only addresses a plain SMTP client can use: ASCII, no quoted local part, a domain of at least two labels. Whether
    anybody reads it is proved by a single-use link, not here.
    """
    address = text.strip()
    local, separator, domain = address.rpartition("@")
    if not separator or len(local) > 64 or len(domain) > 253:
        return None
    if _LOCAL_PART.fullmatch(local) is None or _DOMAIN.fullmatch(domain) is None:
        return None
    return address.lower()


def is_country_code(text: str) -> bool:
    """Whether `text` is an ISO 3166-1 alpha-2 code in capitals."""
    return text in SCHEMES["country"].codes
