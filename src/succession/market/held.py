"""What does a process hold of the market it reads?

Every one of these is either unchanging (cells, numbers of codes) or named by the state it was read in, and is used in a snapshot
with the same state alone; together they belong to one database.
"""

from __future__ import annotations

from succession.market.answers import Answers
from succession.market.cells import KnownCells
from succession.market.settled import Settled
from succession.market.tally import KnownCodes
from succession.standbys import Market


class Held:
    def __init__(self, answers_kept: int = 0) -> None:
        self.cells, self.codes, self.settled, self.answers = KnownCells(), KnownCodes(), Settled(), Answers(answers_kept)


def held_of(market: Market) -> Held:
    return market.held.setdefault(Held, Held())
