"""The whole population under every guess at how sellers choose their labels: is anybody ever left with fewer than k?

Without HTTP, because here every company of the population publishes. What is over HTTP is in choices.py.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from random import Random

import numpy as np
import pytest

from succession.anonymity.alternatives import relabelled, wider
from succession.anonymity.codebook import Cell, Codebook, build
from succession.anonymity.peeling import UNPLACED
from succession.anonymity.population import Population
from succession.anonymity.world import build_world
from succession.codes import ATTRIBUTES

K = 20
Label = tuple[str, ...]
Policy = Callable[[Cell], dict[str, str]]


@pytest.fixture(scope="module")
def world() -> Population:
    return build_world(20_000, seed=11)


@pytest.fixture(scope="module")
def book(world: Population) -> Codebook:
    return build(world, K, "major_group")


def _codes(cell: Cell) -> dict[str, str]:
    return dict(zip(ATTRIBUTES, cell.key, strict=True))


def _always(cell: Cell) -> dict[str, str]:
    """Every seller says as little as may be of the place and the trade."""
    return {name: options[-1] for name in ("place", "industry") if (options := wider(name, _codes(cell)[name]))}


def _never(_cell: Cell) -> dict[str, str]:
    return {}


def _mixed(seed: int) -> Policy:
    """Each cell chooses as it likes, and the attacker knows how each does."""

    def choice(cell: Cell) -> dict[str, str]:
        rng = Random(f"{seed}/{cell.cell}")
        options = {name: wider(name, code) for name, code in _codes(cell).items()}
        return {name: rng.choice(codes) for name, codes in options.items() if codes and rng.random() < 0.4}

    return choice


def _one_only(cell: Cell) -> dict[str, str]:
    """One cell in fifty speaks like its coarser neighbours, all others say everything."""
    return _always(cell) if cell.cell % 50 == 7 else {}


GUESSES = {"always": _always, "never": _never, "one cell": _one_only} | {f"mixed {seed}": _mixed(seed) for seed in range(4)}


def _labels(book: Codebook, world: Population, policy: Policy) -> list[Label | None]:
    """What every company of the population publishes under a policy."""
    of_cell = [tuple(relabelled(_codes(cell), policy(cell)).values()) for cell in book.cells]
    return [of_cell[cell] if cell != UNPLACED else None for cell in book.assign(world).tolist()]


@pytest.mark.parametrize("guess", GUESSES)
def test_somebody_who_knows_how_everybody_chooses_finds_k(world: Population, book: Codebook, guess: str) -> None:
    count = Counter(label for label in _labels(book, world, GUESSES[guess]) if label)
    assert min(count.values()) >= K and len(count) > 40


@pytest.mark.parametrize("guess", GUESSES)
def test_they_are_diverse_as_well(world: Population, book: Codebook, guess: str) -> None:
    members = defaultdict(list)
    for member, label in enumerate(_labels(book, world, GUESSES[guess])):
        if label:
            members[label].append(member)
    column = world.columns
    for label, rows in members.items():
        revenue = column["revenue_yen"][rows]
        assert len(set(column["municipality"][rows].tolist())) >= 3, label
        assert len(set(column["jsic4"][rows].tolist())) >= 3, label
        assert 10 * revenue.max() <= 6 * revenue.sum(), label


@pytest.mark.parametrize("guess", GUESSES)
def test_seeing_two_labels_of_a_company_leaves_k(world: Population, book: Codebook, guess: str) -> None:
    """The label chosen and the cell's own, or two choices one after the other."""
    for other in ("never", "mixed 0", "mixed 3"):
        first, second = _labels(book, world, GUESSES[guess]), _labels(book, world, GUESSES[other])
        count = Counter(pair for pair in zip(first, second, strict=True) if pair[0])
        assert min(count.values()) >= K


def test_a_label_that_is_also_the_key_of_another_cell_only_hides_among_more(world: Population, book: Codebook) -> None:
    keys = {cell.key: cell for cell in book.cells}
    shared = 0
    for guess in ("always", "mixed 1", "mixed 2"):
        count = Counter(label for label in _labels(book, world, GUESSES[guess]) if label)
        for cell in book.cells:
            label = tuple(relabelled(_codes(cell), GUESSES[guess](cell)).values())
            if label != cell.key and label in keys:
                shared += 1
                assert count[label] >= cell.size
    assert shared > 10, "it happens"


# --- it can object --------------------------------------------------------------------------------------------------


def _trading(book: Codebook, world: Population) -> list[Label | None]:
    """The tempting offer: whoever finds k companies with the same finer codes, all over the region, says those instead."""
    plain, finest = _labels(book, world, _never), _finest(book, world)
    traded = [label and (wider("place", label[0]) or (label[0],))[:1] + fine[1:2] + label[2:] for label, fine in zip(plain, finest, strict=True)]
    count = Counter(label for label in traded if label)
    return [new if new and count[new] >= K else old for new, old in zip(traded, plain, strict=True)]


def _finest(book: Codebook, world: Population) -> list[Label]:
    column = world.columns
    return [(f"JP-{p:02}", f"{i:02}") for p, i in zip(column["prefecture"].tolist(), column["jsic2"].tolist(), strict=True)]


def test_these_attacks_see_a_trade(world: Population, book: Codebook) -> None:
    """k companies share every traded label, so it looks safe; the label and the cell together give them away."""
    traded, plain = _trading(book, world), _labels(book, world, _never)
    chosen = np.array([new != old for new, old in zip(traded, plain, strict=True)])
    assert chosen.sum() > 500 and min(Counter(label for label in traded if label).values()) < K, "those who are left over"
    pairs = Counter(pair for pair in zip(traded, plain, strict=True) if pair[0])
    assert min(pairs.values()) < 5
