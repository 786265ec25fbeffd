"""Are twenty names looked for in a list of twenty thousand in less than a second?"""

from __future__ import annotations

import random
import time

from succession.disclosure.screening import ListEntry, ListIndex, Party, find_in

NAMES, PARTIES, SECONDS_MOST = 20_000, 20, 1.0
_GENERIC = "Trading Shipping Metals Holding Group International Finance Logistics".split()


def _word(chance: random.Random) -> str:
    return "".join(chance.choice("bcdfghklmnprstvz") + chance.choice("aeiou") for _ in range(chance.randint(2, 4))).capitalize()


def test_a_long_list_is_searched_within_a_second_once_it_is_loaded(capsys):
    chance = random.Random(20261130)
    words = [_word(chance) for _ in range(5_000)]
    firms = [ListEntry("made_up", "1", f"{' '.join(chance.sample(words, 2))} {chance.choice(_GENERIC)}", (), None, "organisation") for _ in range(NAMES // 2)]
    people = [ListEntry("made_up", "1", " ".join(chance.sample(words, 3)), (), None, "person") for _ in range(NAMES // 2)]
    began = time.perf_counter()
    listed = ListIndex([*firms, *people])
    find_in([Party(name, "officer", "person", None) for name in ("Иван", "홍길동", "タロウ", "Νίκος")], [listed])  # what is built when first asked
    loaded = time.perf_counter()
    sought = [Party(f"{chance.choice(words)} {chance.choice(words)} Trading", "organisation", "organisation", None) for _ in range(8)]
    sought += [Party(f"{chance.choice(words)} {chance.choice(words)}", "officer", "person", None) for _ in range(4)]
    sought += [Party(name, "officer", "person", None) for name in ("Иван Выдуманов", "홍길동", "ヤマダ タロウ", "Νίκος Ουρανίδης")]
    sought += [Party(firms[7].name, "organisation", "organisation", None), Party(firms[8].name[:-1], "group", "organisation", None),
               Party(people[7].name, "officer", "person", None), Party(" ".join(reversed(people[8].name.split())), "officer", "person", None)]
    assert len(sought) == PARTIES
    found = find_in(sought, [listed])
    took = time.perf_counter() - loaded
    with capsys.disabled():
        print(f"\n{PARTIES} names in {NAMES:,}: {took * 1000:.0f} ms, after {loaded - began:.1f} s of loading")
    assert {firms[7].name, firms[8].name, people[7].name, people[8].name} <= {candidate.entry_name for candidate in found}
    assert took < SECONDS_MOST
