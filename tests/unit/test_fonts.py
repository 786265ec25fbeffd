"""Does every name we may have to print have its letters, in the order and the shapes its script asks for?"""

import pytest
from PIL import ImageChops

from succession.typeset.fonts import FONTS, font_of, missing, path_of, runs
from succession.typeset.outlines import outline
from succession.typeset.shaping import beside, pieces, shaped
from succession.typeset.watermark import letters

NAMES = ("髙橋 邊 斎藤製作所", "北京虚构机械有限公司", "臺灣虛構實業股份有限公司", "주식회사 가상상사 김철수", "Nguyễn Văn Ảo", "Spółka Łódzka",
         "ООО «Вымысел»", "Φανταστική ΑΕ", "Société Fictive Œuvrière", "①〜㈱ﾃｽﾄ・（株）", "محمد الخيالي", "شركة (خيال) القابضة ش.م.م", "می‌خواهم گروه", "דוד לוי בע״מ", "สมชาย ที่ปรึกษา จำกัด (มหาชน)",
         "नरेन्द्र क्षत्रिय प्राइवेट लिमिटेड", "வணக்கம் லிமிடெட்", "శ్రీ రామ్", "ក្រុមហ៊ុន", "বাংলা ক্ষেত্র লিমিটেড", "葛\U000e0100城")


@pytest.mark.parametrize("name", NAMES)
def test_every_letter_has_a_font(name):
    assert missing(name) == ""
    assert "".join(part for _font, part in runs(name)) == name
    assert all(glyph.number for glyph in shaped(name, "ja").glyphs), "no box"
    assert letters(name, 40, "ja").getbbox() and outline(name, 40, "ja").operators


def test_a_letter_in_no_font_is_named():
    assert missing("a \U00012000b\U00012000") == "\U00012000" and font_of("\U00012000") is None


def test_fonts_are_files_of_installed_packages():
    assert all(path_of(name).is_file() for name, *_rest in FONTS)
    assert [font for font, _part in runs("ゆłり")] == ["Noto Sans CJK", "Noto Sans", "Noto Sans CJK"]


def seen(text: str) -> list[tuple[str, bool]]:
    return [(piece.text.strip(), piece.rtl) for piece in pieces(text) if piece.text.strip()]


def test_a_script_that_runs_from_the_right_is_set_so_and_numbers_in_it_from_the_left():
    assert seen("Mr דוד 12 לוי (כהן)") == [("Mr", False), ("לוי (כהן)", True), ("12", False), ("דוד", True)]
    assert seen("شركة ABC القابضة") == [("القابضة", True), ("ABC", False), ("شركة", True)]
    assert seen(beside("محمد", "דוד Ltd", "2026-12-01 (x)")) == [("محمد", True), ("Ltd", False), ("דוד", True), ("2026-12-01 (x)", False)]
    assert seen("\u202edoc.exe") == [("doc.exe", True)], "what only steers is obeyed and not drawn"


def test_letters_join_and_stack():
    """Arabic letters inside a word are other shapes than alone, a conjunct is one shape, a Thai vowel takes no room of its own."""
    alone = {glyph.number for letter in "محم" for glyph in shaped(letter, "ja").glyphs}
    assert not alone & {glyph.number for glyph in shaped("محمد", "ja").glyphs}
    assert len(shaped("क्ष", "ja").glyphs) == 1
    assert shaped("ที่", "ja").width == shaped("ท", "ja").width
    right, left = (letters(text, 40, "ja") for text in ("שלום", "םולש"))
    assert right.size == left.size and ImageChops.difference(right, left).getbbox(), "read from the right"


def test_nothing_is_drawn_for_nothing():
    assert all(letters(text, 40, "ja").getbbox() is None for text in ("", "   ", "\u200d"))
