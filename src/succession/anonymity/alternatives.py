"""What else may a company's teaser say, so that neither label, nor the choice between them, gives anything away?

Coarser codes, and nothing else. Everybody of a cell may say less about any attribute, so whoever could have chosen a label
are whole cells: at least k companies, also for somebody who knows the method and guesses how the companies of every cell
choose, and also when two labels of one company are seen, because both hold the whole cell.

A trade ("a coarser place for a finer band") cannot be offered. Take the members of a cell who would share the other label.
They share both labels, and that pair is a finer key, which the build tried before it made the cell: they were too few, or
not diverse, or, where it is finer in the attribute aside alone, too few others would have been left (peeling.py). So a
trade always leaves fewer than k to somebody who sees both labels, or who guesses that their cell trades and another does
not. Argued in db/README.md, shown in tests/unit/test_alternatives.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import msgspec
import numpy as np

from succession.anonymity.codebook import Codebook
from succession.codes import ANY, ATTRIBUTES, SCHEMES, ancestors, leaves

Codes = Mapping[str, str]


class Alternative(msgspec.Struct, frozen=True):
    """One code instead of the cell's. `could_show`: companies of the population that could show this label, of their own
    cells; `usefulness_percent`: what is left of all that a teaser can tell a buyer, in the weights of the codebook."""

    attribute: str
    shown: str
    code: str
    could_show: int
    usefulness_percent: int


@cache
def wider(attribute: str, code: str) -> tuple[str, ...]:
    """The codes that say less than this one, nearest first. Hokkaido the region says as much as the prefecture does."""
    return tuple(above for above in ancestors(attribute, code) if leaves(attribute, above) != leaves(attribute, code))


def relabelled(codes: Codes, coarser: Codes) -> dict[str, str]:
    """The label of a cell with some of its codes made coarser. ValueError naming a code that is not coarser than it was."""
    for attribute, code in coarser.items():
        if attribute not in ATTRIBUTES or code not in wider(attribute, codes[attribute]):
            raise ValueError(f"{attribute}={code} is not coarser than {codes.get(attribute)}")
    return {name: coarser.get(name, codes[name]) for name in ATTRIBUTES}


def coarser_codes(codes: Codes, label: Codes) -> dict[str, str]:
    """What a label says less than its cell: the inverse of `relabelled`."""
    return {name: label[name] for name in ATTRIBUTES if label[name] != codes[name]}


def alternatives(codebook: Codebook, codes: Codes) -> tuple[Alternative, ...]:
    """Every coarser code a cell's teaser may show, one attribute at a time, nearest first; any of them go together."""
    found = []
    for name in ATTRIBUTES:
        for code in wider(name, codes[name]):
            label = relabelled(codes, {name: code})
            found.append(Alternative(name, codes[name], code, could_show(codebook, label), usefulness(codebook, label)))
    return tuple(found)


def could_show(codebook: Codebook, label: Codes) -> int:
    """How many companies of the population could show this label: the members of every cell that lies inside it."""
    inside = np.ones(len(codebook.cells), dtype=bool)
    for name in ATTRIBUTES:
        if label[name] != ANY:
            codes = SCHEMES[name].codes
            within = np.array([label[name] in (code, *ancestors(name, code)) for code in codes])
            inside &= within[codebook.code_positions[name]]
    return int(codebook.sizes[inside].sum())


def usefulness(codebook: Codebook, label: Codes) -> int:
    """100 for a teaser at the finest level of everything, 0 for one that says nothing; whole per cent, rounded down."""
    lost = most = 0
    for name, weight, losses in codebook.header.losses:
        most += weight * (losses[-1] - losses[0])
        lost += weight * (losses[len(losses) - 1 - len(ancestors(name, label[name]))] - losses[0])
    return 100 * (most - lost) // most
