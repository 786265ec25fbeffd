"""Do coded questions and replies have names, and does the database know the same table?"""

import pytest

from succession.codes import SCHEMES
from succession.disclosure.question_codes import NEUTRAL, QUESTIONS, REPLIES, replies_to


def test_every_code_has_its_name_and_no_name_is_left_over():
    assert set(SCHEMES["question"].codes) == set(QUESTIONS) and set(SCHEMES["question_reply"].codes) == set(REPLIES)


@pytest.mark.parametrize("code", QUESTIONS)
def test_every_question_has_replies_of_its_own_and_the_neutral_ones(code):
    assert len(replies_to(code)) > len(NEUTRAL) and replies_to(code)[-len(NEUTRAL):] == NEUTRAL


def test_words_of_ones_own_get_no_coded_reply_that_says_anything():
    assert replies_to(None) == NEUTRAL
    with pytest.raises(KeyError):
        replies_to("is_it_in_nara")
