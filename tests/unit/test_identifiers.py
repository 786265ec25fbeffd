"""Does a wrong digit ever pass, and does every common way of writing a right one?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from succession.accounts.identifiers import (
    corporate_number_check_digit,
    is_corporate_number,
    is_country_code,
    is_lei,
    lei_check_digits,
    make_corporate_number,
    read_corporate_number,
    read_email,
    read_japanese_phone,
    read_lei,
    read_postal_code,
)

# Assigned to public bodies and printed in official examples: the formula is right only if all of them pass.
ASSIGNED = ("7010401022916", "4011001098993", "7123456789012", "7000012050002", "1180301018771", "2000012010019")

BASE_NUMBERS = st.from_regex(r"[0-9]{12}", fullmatch=True).filter(str.isascii)


@pytest.mark.parametrize("number", ASSIGNED)
def test_assigned_numbers_pass(number: str) -> None:
    assert is_corporate_number(number)


@given(BASE_NUMBERS)
def test_no_other_check_digit_passes(base_number: str) -> None:
    right = corporate_number_check_digit(base_number)
    assert right in "123456789"
    assert [digit for digit in "0123456789" if is_corporate_number(digit + base_number)] == [right]


@given(BASE_NUMBERS, st.integers(0, 11), st.integers(1, 8))
def test_one_wrong_digit_is_noticed(base_number: str, place: int, shift: int) -> None:
    """Modulo 9 cannot tell 0 from 9, so a shift by nine is out of its reach; every other single slip is caught."""
    slipped = (int(base_number[place]) + shift) % 10
    if (slipped - int(base_number[place])) % 9 == 0:
        return
    number = make_corporate_number(base_number)
    wrong = number[: place + 1] + str(slipped) + number[place + 2 :]
    assert not is_corporate_number(wrong)


@pytest.mark.parametrize(
    "written",
    ["7010401022916", "７０１０４０１０２２９１６", "T7010401022916", "t7010401022916", "Ｔ7010401022916",
     "7-0104-0102-2916", "7 0104 0102 2916", " 7010401022916\n", "7‐0104‐0102‐2916"],
)
def test_ways_of_writing_a_corporate_number(written: str) -> None:
    assert read_corporate_number(written) == "7010401022916"


@pytest.mark.parametrize(
    "written",
    ["", "T", "7010401022917", "701040102291", "70104010229160", "010401022916", "7.0104E+12", "TT7010401022916",
     "7010401022916a", "٧٠١٠٤٠١٠٢٢٩١٦", "7010401022916" * 1000, "①010401022916"],
)
def test_what_is_not_a_corporate_number(written: str) -> None:
    assert read_corporate_number(written) is None


@pytest.mark.parametrize("base_number", ["", "12345678901", "1234567890123", "12345678901x", "１２３４５６７８９０１２"])
def test_a_base_number_is_twelve_ascii_digits(base_number: str) -> None:
    with pytest.raises(ValueError):
        corporate_number_check_digit(base_number)


def test_known_leis_pass() -> None:
    for lei in ("5493001KJTIIGC8Y1R12", "529900T8BM49AURSDO55", "HWUPKR0MPOU8FGXBT394"):
        assert is_lei(lei)
        assert read_lei(f" {lei[:4].lower()} {lei[4:10]}-{lei[10:]} ") == lei


@given(st.from_regex(r"[A-Z0-9]{18}", fullmatch=True), st.integers(0, 19), st.integers(1, 25))
def test_a_changed_character_breaks_an_lei(prefix: str, place: int, shift: int) -> None:
    """Letter for letter and digit for digit; a letter for a digit shifts what follows and can collide."""
    lei = prefix + lei_check_digits(prefix)
    assert is_lei(lei)
    kind = "0123456789" if lei[place].isdigit() else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    other = kind[(kind.index(lei[place]) + shift) % len(kind)]
    assert is_lei(lei[:place] + other + lei[place + 1 :]) == (other == lei[place])


@pytest.mark.parametrize("text", ["", "5493001KJTIIGC8Y1R13", "5493001KJTIIGC8Y1R1", "5493001kjtiigc8y1r12", "00" * 10])
def test_what_is_not_an_lei(text: str) -> None:
    assert not is_lei(text)


@pytest.mark.parametrize(
    ("written", "digits"),
    [("０３－１２３４－５６７８", "0312345678"), ("(0742) 00-0000", "0742000000"), ("+81 90 0000 1234", "09000001234"),
     ("+81 (0)742-00-0000", "0742000000"), ("090ー0000ー1234", "09000001234"), ("050-0000-0000", "05000000000")],
)
def test_phones(written: str, digits: str) -> None:
    assert read_japanese_phone(written) == digits


@pytest.mark.parametrize("written", ["", "12345", "312345678", "0312345678901", "03-1234-567x", "+1 212 555 0100"])
def test_what_is_not_a_japanese_phone(written: str) -> None:
    assert read_japanese_phone(written) is None


@pytest.mark.parametrize("written", ["〒630-8000", "６３０－８０００", "6308000", "630ー8000"])
def test_postal_codes(written: str) -> None:
    assert read_postal_code(written) == "630-8000"


def test_a_short_postal_code_is_refused() -> None:
    assert read_postal_code("630-800") is None


@pytest.mark.parametrize("address", ["owner@company.example", "A.B+c@Sub.Company.Example", "  x@y.example "])
def test_email_is_kept_in_lower_case(address: str) -> None:
    assert read_email(address) == address.strip().lower()


@pytest.mark.parametrize(
    "address",
    ["", "@", "a@", "@b.example", "a@b", "a b@c.example", "a@b..example", "a@-b.example", ".a@b.example", "a.@b.example",
     "a@b.example\nBcc: x@y.example", "a@b@c.example", "ａ@b.example", "a" * 65 + "@b.example", "a@" + "b" * 250 + ".example"],
)
def test_what_is_not_an_email(address: str) -> None:
    assert read_email(address) is None


def test_country_codes_are_iso_3166_1_capitals() -> None:
    assert is_country_code("JP") and is_country_code("GB")
    assert not any(map(is_country_code, ("", "jp", "UK", "EU", "XX", "JPN")))


@given(st.text(st.characters(), max_size=400))
def test_no_text_raises(text: str) -> None:
    for read in (read_corporate_number, read_lei, read_japanese_phone, read_postal_code, read_email):
        read(text)
