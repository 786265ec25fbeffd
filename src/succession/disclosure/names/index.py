"""Which names of a list are like this one? Looked up by keys, so that the length of the list hardly matters.

| score | reason       | what was found                                                                     |
|-------|--------------|------------------------------------------------------------------------------------|
| 100   | name         | same name after normalisation                                                      |
| 95    | alias        | same as one of the aliases                                                         |
| 90    | word_order   | same words in another order, or the same letters spaced otherwise                  |
| 88    | script       | the same name in another script, or another spelling of the same sound             |
| 80    | one_edit     | one letter added, dropped, changed or swapped with its neighbour                    |
| 70    | words        | all words of the shorter name stand in the longer one (two or more)                |
| 65    | initials     | same family name, and one side gives the other names by their first letters only   |
| 60    | weak_alias   | same as a name that the list itself calls weak                                     |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import NamedTuple

from succession.disclosure.names.scripts import Script, folded, rendered, script_of, spelt_alike
from succession.disclosure.names.writing import Kind, normalise

SCORES: dict[str, int] = {"name": 100, "alias": 95, "word_order": 90, "script": 88, "one_edit": 80, "words": 70, "initials": 65,
                          "weak_alias": 60}
# Below these lengths one letter makes another name: "AB" and "AC" are not alike. A Chinese character says more than a letter,
# but people have few of them; and what was rendered from another script is spelt loosely as it is.
MIN_EDIT_LATIN, MIN_EDIT_PERSON, MIN_EDIT_FIRM, MIN_EDIT_RENDERED = 6, 4, 6, 8
_ORDERED_MOST = 3  # words of a person that are tried in every order
# Words that say nothing of whose name it is: a name within another is found by the other words. Typed by hand.
_ORDINARY = frozenset(
    "international trading company group holding holdings global general industries industrial services limited asia pacific "
    "import export and of the bank trade shipping logistics investment investments management technology technologies".split())


class Name(NamedTuple):
    """One name of a list. `entry`: which entry it belongs to; `sort`: name, alias or weak_alias."""

    entry: int
    sort: str
    written: str
    kind: Kind


class _Form(NamedTuple):
    """A name as it is compared: as written, or (`script` given) rendered in Latin letters from that script."""

    name: int
    text: str
    joined: str
    script: Script | None


class Found(NamedTuple):
    """A likeness: the number of the name in what the index was built of, and why."""

    name: int
    reason: str


class Index:
    """The names of one kind of one list. Immutable once built; safe to read from several threads."""

    def __init__(self, names: Sequence[Name], kind: Kind) -> None:
        self._names, self._kind = names, kind
        self._forms: list[_Form] = []
        self._by_words, self._by_joined, self._by_piece, self._by_word, self._by_initials = (defaultdict(list) for _ in range(5))
        self._by_spelling: dict[str, list[int]] = defaultdict(list)
        self._native: dict[tuple[str, str], list[int]] = defaultdict(list)  # (script, fold): names written in that script
        self._latin: dict[Script, dict[str, list[int]]] = {}  # the same for names in Latin letters, built when first asked
        for number, name in enumerate(names):
            if name.kind == kind:
                for form in forms_of(number, name.written, kind):
                    self._enter(form, weak=name.sort == "weak_alias")

    def _enter(self, form: _Form, weak: bool) -> None:
        number = len(self._forms)
        self._forms.append(form)
        words = form.text.split()
        self._by_words[" ".join(sorted(words))].append(number)
        if weak:  # a weak name is found as it stands, and in no other way
            return
        self._by_joined[form.joined].append(number)
        if form.script:
            for fold in _folds(form.text, form.script, self._kind):
                self._native[form.script, fold].append(number)
        if form.text.isascii():
            self._by_spelling[spelt_alike(form.text)].append(number)
        if len(form.joined) >= self._edit_least(form) - 1:
            for piece in _pieces(form.joined):
                self._by_piece[piece].append(number)
        if len(words) >= 2:
            for word in set(words):
                self._by_word[word].append(number)
            if self._kind == "person":
                for key in _initials(words):
                    self._by_initials[key].append(number)

    def find(self, written: str) -> list[Found]:
        """Every name that is like this one, each with its best reason; in no order."""
        best: dict[int, str] = {}
        for form in forms_of(-1, written, self._kind):
            for number, reason in self._alike(form):
                name = self._forms[number].name
                if SCORES[reason] > SCORES.get(best.get(name, ""), 0):
                    best[name] = reason
        return [Found(name, reason) for name, reason in best.items()]

    def _alike(self, form: _Form) -> Iterator[tuple[int, str]]:
        words = form.text.split()
        for number in self._by_words.get(" ".join(sorted(words)), ()):
            yield number, self._same(self._forms[number], form)
        for joined in _orders(words, self._kind) if self._kind == "person" else (form.joined,):
            for number in self._by_joined.get(joined, ()):
                yield number, "word_order" if self._forms[number].script == form.script else "script"
            yield from self._one_edit(form, joined)
        yield from self._one_edit(form, "".join(sorted(words)))
        yield from self._other_script(form)
        if form.text.isascii():
            for text in _spaced_orders(words, self._kind):
                yield from ((number, "script") for number in self._by_spelling.get(spelt_alike(text), ()))
        if len(words) >= 2:
            yield from self._within(set(words))
            if self._kind == "person":
                yield from self._by_first_letters(words)

    def _same(self, known: _Form, form: _Form) -> str:
        sort = self._names[known.name].sort
        if known.script != form.script:
            return "weak_alias" if sort == "weak_alias" else "script"
        if sort == "weak_alias":
            return sort
        return sort if known.text == form.text else "word_order"

    def _edit_least(self, form: _Form) -> int:
        if form.script:
            return MIN_EDIT_RENDERED
        return MIN_EDIT_LATIN if form.text.isascii() else MIN_EDIT_PERSON if self._kind == "person" else MIN_EDIT_FIRM

    def _one_edit(self, form: _Form, joined: str) -> Iterator[tuple[int, str]]:
        tried: set[int] = set()
        least = self._edit_least(form)
        for piece in _probes(joined):
            for number in self._by_piece.get(piece, ()):
                if number not in tried:
                    tried.add(number)
                    known = self._forms[number]
                    if min(len(joined), len(known.joined)) >= max(least, self._edit_least(known)) and one_edit(joined, known.joined):
                        yield number, "one_edit"

    def _other_script(self, form: _Form) -> Iterator[tuple[int, str]]:
        if form.script:  # this name is written in a script of its own: Latin spellings, and others of the same script
            latin = self._latin_folds(form.script)
            for fold in _folds(form.text, form.script, self._kind):
                yield from ((number, "script") for number in latin.get(fold, ()))
        elif form.text.isascii():
            for script in ("kana", "hangul", "cyrillic", "greek"):
                for fold in _folds(form.text, script, self._kind):
                    yield from ((number, "script") for number in self._native.get((script, fold), ()))

    def _latin_folds(self, script: Script) -> dict[str, list[int]]:
        if script not in self._latin:
            built: dict[str, list[int]] = defaultdict(list)
            for number, form in enumerate(self._forms):
                if form.script is None and form.text.isascii() and self._names[form.name].sort != "weak_alias":
                    built[folded(form.text, script)].append(number)
            self._latin[script] = built
        return self._latin[script]

    def _within(self, words: set[str]) -> Iterator[tuple[int, str]]:
        """Names all of whose words stand in this one, or the other way round, with one word at least that tells."""
        telling = words - _ORDINARY
        counted: dict[int, int] = defaultdict(int)
        for word in telling:
            for number in self._by_word.get(word, ()):
                counted[number] += 1
        for number in counted:
            known = set(self._forms[number].text.split())
            shorter, longer = (known, words) if len(known) < len(words) else (words, known)
            if len(shorter) >= 2 and shorter < longer and shorter - _ORDINARY:
                yield number, "words"

    def _by_first_letters(self, words: list[str]) -> Iterator[tuple[int, str]]:
        for key in _initials(words):
            for number in self._by_initials.get(key, ()):
                known = self._forms[number].text.split()
                if any(len(word) == 1 for word in words) != any(len(word) == 1 for word in known):
                    yield number, "initials"


def forms_of(number: int, written: str, kind: Kind) -> list[_Form]:
    """A name as written and, from a script with a rendering, in Latin letters; nothing for a name without a letter."""
    text = normalise(written, kind)
    if not text:
        return []
    forms = [_Form(number, text, text.replace(" ", ""), None)]
    if script := script_of(text):
        latin = rendered(text, script)
        forms.append(_Form(number, latin, latin.replace(" ", ""), script))
    return forms


def _orders(words: list[str], kind: Kind) -> set[str]:
    return {text.replace(" ", "") for text in _spaced_orders(words, kind)}


def _spaced_orders(words: list[str], kind: Kind) -> list[str]:
    """A person's words in every order, as far as they are few: family names come first or last."""
    if kind == "organisation" or not 2 <= len(words):
        return [" ".join(words)]
    if len(words) <= _ORDERED_MOST:
        return [" ".join(order) for order in permutations(words)]
    return [" ".join(words), " ".join((*words[1:], words[0])), " ".join((words[-1], *words[:-1]))]


def _folds(text: str, script: Script, kind: Kind) -> set[str]:
    """Folds of a Latin rendering or spelling, of a person in every order; a name that is one word is cut as names are."""
    words = text.split()
    texts = _spaced_orders(words, kind)
    if kind == "person" and len(words) == 1 and script in ("kana", "hangul") and len(text) <= 24:
        texts += [f"{text[at:]} {text[:at]}" for at in range(2, len(text) - 1)]
        texts += [f"{text[:at]} {text[at:]}" for at in range(2, len(text) - 1)]
    return {folded(each, script) for each in texts}


def _initials(words: list[str]) -> Iterator[str]:
    """Family name at either end, and the first letters of the rest."""
    for family, given in ((words[-1], words[:-1]), (words[0], words[1:])):
        if len(family) > 1:
            yield f"{family}|{given[0][0]}"


def _pieces(joined: str) -> Iterator[tuple[int, int, str]]:
    """Two pieces of a name, one of which is untouched by any one edit: its first half, and what follows the letter after it."""
    half = len(joined) // 2
    yield len(joined), 0, joined[:half]
    yield len(joined), 1, joined[half + 1:]


def _probes(joined: str) -> Iterator[tuple[int, int, str]]:
    for length in (len(joined) - 1, len(joined), len(joined) + 1):
        half = length // 2
        yield length, 0, joined[:half]
        if rest := length - half - 1:
            yield length, 1, joined[-rest:]


def one_edit(a: str, b: str) -> bool:
    """Whether one insertion, deletion, substitution or swap of neighbours makes `a` into `b`."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    if len(a) > len(b):
        a, b = b, a
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    if len(a) < len(b):
        return a[start:] == b[start + 1:]
    rest_a, rest_b = a[start:], b[start:]
    return rest_a[1:] == rest_b[1:] or (rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:])
