"""Which chapters does the walk have, and which company walks it?"""

from __future__ import annotations

import secrets
from datetime import date
from random import Random

import numpy as np

from succession.anonymity.codebook import Codebook
from succession.anonymity.margins import LEGAL_FORMS
from succession.anonymity.population import Population
from succession.codes import LEVELS
from succession.demo import story_deal, story_disclosure, story_listing, story_market
from succession.demo.companies import Company, company
from succession.demo.names import Stems
from succession.market.publication import figures_of

CHAPTERS = (
    ("第一章　表計算ファイルから掲載まで", "I. From a spreadsheet to a teaser", story_listing.CHAPTER),
    ("第二章　だれに見えるか", "II. Who sees it", story_market.CHAPTER),
    ("第三章　社名が明かされるまで", "III. Until the name is told", story_disclosure.CHAPTER),
    ("第四章　窓口の紹介", "IV. The desk introduces another buyer", story_market.DESK),
    ("第五章　交渉から成約まで", "V. From talks to the closing", story_deal.CHAPTER),
    ("第六章　約束が果たされるまで", "VI. Until every promise is kept", story_deal.AFTERWARDS),
)
_NUMBERS_FROM = 90_000_000  # corporate numbers apart from those of the market (companies.py)
_MANUFACTURERS = range(9, 33)
REGIONS = LEVELS["place"][1]


def company_of_a_walk(world: Population, codebook: Codebook, today: date) -> Company:
    """Another manufacturer of the world for every walk, with guarantees to be released and a teaser that shows its trade and
    its region."""
    rng = Random(secrets.token_bytes(16))
    column = world.columns
    wanted = np.isin(column["jsic2"], _MANUFACTURERS) & (column["employees"] >= 8) & (column["revenue_yen"] >= 100_000_000)
    wanted &= (column["operating_margin"] > 0) & (column["legal_form"] == LEGAL_FORMS.index("kk")) & (column["founded"] >= 1930)
    assigned = codebook.assign(world)
    for _try in range(2_000):
        member = int(rng.choice(np.flatnonzero(wanted)))
        made = company(world, member, _NUMBERS_FROM - 10_000_000 + rng.randrange(10**7), Stems(rng).take(), rng, today)
        cell = codebook.lookup(*figures_of(made.profile))
        if cell and made.profile.guarantees and cell.industry.isdigit() and cell.place in REGIONS:
            # So few in its own prefecture that the Center's name, which tells the prefecture, has to wait for a person.
            if np.sum((assigned == cell.cell) & (column["prefecture"] == column["prefecture"][member])) < codebook.k:
                return made
    raise LookupError("no company of this world can walk")
