"""Does every name we may have to print have its letters?"""

import pytest

from succession.typeset.fonts import FONTS, font_of, missing, path_of, runs

NAMES = ("髙橋 邊 斎藤製作所", "北京虚构机械有限公司", "臺灣虛構實業股份有限公司", "주식회사 가상상사 김철수", "Nguyễn Văn Ảo", "Spółka Łódzka",
         "ООО «Вымысел»", "Φανταστική ΑΕ", "Société Fictive Œuvrière", "①〜㈱ﾃｽﾄ・（株）")


@pytest.mark.parametrize("name", NAMES)
def test_every_letter_has_a_font(name):
    assert missing(name) == ""
    assert "".join(part for _font, part in runs(name)) == name


def test_a_letter_in_no_font_is_named():
    assert missing("a \U00012000b\U00012000") == "\U00012000" and font_of("\U00012000") is None


def test_fonts_are_files_of_installed_packages():
    assert all(path_of(name).is_file() for name, *_rest in FONTS)
    assert [font for font, _part in runs("ゆłり")] == ["Noto Sans CJK", "Noto Sans", "Noto Sans CJK"]
