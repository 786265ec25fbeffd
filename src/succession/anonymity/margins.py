"""How do official figures fill the columns of a population that nobody imported?

Every `draw_` takes what is known of each company (arrays of one length) and a generator, and returns one value per
company. Sources and kinds (official, synthesised) are in the head lines of the tables in db/reference.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from succession.codes import SCHEMES, division_of, read_table

PREFECTURES = 47
MAJOR_GROUPS = 99
DIVISIONS = tuple("ABCDEFGHIJKLMNOPQR")  # S (government) and T (unclassifiable) hold no private establishment
LEGAL_FORMS = tuple(SCHEMES["legal_form"].codes)
SOLE = LEGAL_FORMS.index("sole_proprietor")

# Synthesised: nothing official at hand says how these run.
OLDEST_OPENING, AGE_BEFORE_1985_SCALE_YEARS = 1868, 18.0
SOLE_BY_SIZE = np.array([1, 0.55, 0.2, 0.08, 0.04, 0.02, 0.01, 0, 0])
SUBSIDIARY_BY_SIZE = np.array([0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5])
LARGEST_ESTABLISHMENT = 3000
SOLE_REVENUE_FACTOR, SOLE_EXTRA_MARGIN = 0.45, 0.03
MARGIN_SCALE, MARGIN_TAIL = 0.05, 4
SHARE_YUGEN, SHARE_GODO, SHARE_PARTNERSHIP = 0.45, 0.2, 0.01
COMPANIES_ACT = 2006  # in force 2006-05-01: no new limited companies since, limited liability companies only since
FOREIGN_GOVERNMENT = 96
LATEST_OPENING = 2016  # of the newest table; a band open above is drawn up to here
OPEN_BAND_FACTOR = 3  # a revenue band open above is drawn up to this multiple of its lower edge

#: Column of a population -> where a value comes from that nobody imported, as its provenance says.
SOURCES = {
    "prefecture": "2021 Economic Census: establishments by prefecture x division",
    "jsic2": "2021 Economic Census by division; major groups by number of detailed industries",
    "employees": "2006 Establishment and Enterprise Census: division x size",
    "founded": "2016 Economic Census: division x legal form x opening period",
    "legal_form": "2016 Economic Census: division x legal form; kinds of company assumed",
    "municipality": "2021 Economic Census: largest municipality per prefecture; power law assumed",
}
ASSUMED = "assumption of the synthetic world (db/reference/world.tsv, margins.py)"


def _pick(shares: np.ndarray, row: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One column index per entry of `row`, drawn by the shares in that row of the table."""
    cumulative = np.cumsum(shares, axis=1) / shares.sum(axis=1, keepdims=True)
    flat = (cumulative + np.arange(len(shares))[:, None]).ravel()
    found = np.searchsorted(flat, row + rng.random(len(row)), side="right") - row * shares.shape[1]
    return np.clip(found, 0, shares.shape[1] - 1)


def _by_division(name: str, *labels: str) -> dict[tuple[str, ...], np.ndarray]:
    """Figures of a table whose rows stand for one or more divisions: label cells -> (18 divisions, figures)."""
    found: dict[tuple[str, ...], np.ndarray] = {}
    for row in read_table(f"db/reference/{name}.tsv"):
        figures = [float(value) for column, value in row.items() if column not in ("divisions", *labels)]
        table = found.setdefault(tuple(row[label] for label in labels), np.zeros((len(DIVISIONS), len(figures))))
        table[[DIVISIONS.index(division) for division in row["divisions"]]] = figures
    return found


@cache
def establishments() -> np.ndarray:
    """(47 prefectures, 18 divisions A-R): private establishments, 2021."""
    rows = read_table("db/reference/establishments_2021.tsv")
    return np.array([[float(row[division]) for division in DIVISIONS] for row in rows])


@cache
def sizes() -> np.ndarray:
    """(18 divisions, 9 size bands): establishments, 2006."""
    return _by_division("size_2006")[()]


@cache
def openings() -> dict[tuple[str, ...], np.ndarray]:
    """("company" | "corporation" | "sole",) -> (18 divisions, 15 periods): establishments, 2016."""
    return _by_division("opening_2016", "form")


@cache
def detailed_codes() -> dict[int, np.ndarray]:
    """Major group -> its four-digit codes as numbers (0911 = 911), without the administrative ones."""
    rows = read_table("db/reference/detailed_industries.tsv")
    return {int(r["major_group"]): np.array([int(r["major_group"] + d) for d in r["detailed"].split()]) for r in rows}


@cache
def division_index() -> np.ndarray:
    """Index into DIVISIONS by major group 0-99; -1 for none."""
    divisions = ["", *(division_of(f"{group:02}") for group in range(1, MAJOR_GROUPS + 1))]
    return np.array([DIVISIONS.index(d) if d in DIVISIONS else -1 for d in divisions])


@cache
def major_group_shares() -> np.ndarray:
    """(18 divisions, 99 groups): a group's share of its division = that of the detailed industries (synthesised)."""
    shares = np.zeros((len(DIVISIONS), MAJOR_GROUPS))
    for group, codes in detailed_codes().items():
        if division_index()[group] >= 0 and group != FOREIGN_GOVERNMENT:
            shares[division_index()[group], group - 1] = len(codes)
    return shares


@cache
def _money() -> np.ndarray:
    """(100 major groups from 0, 3): revenue per head JPY m, log spread, mean margin as a ratio (synthesised)."""
    table = np.zeros((MAJOR_GROUPS + 1, 3))
    for row in read_table("db/reference/world.tsv"):
        first, _, last = row["major_groups"].partition("-")
        figures = (float(row["revenue_per_head"]), float(row["spread"]), float(row["margin_mean"]) / 100)
        table[int(first) : int(last or first) + 1] = figures
    return table


@cache
def _municipality_shares() -> np.ndarray:
    """(47, most municipalities of any): shares falling by the power law that meets the largest official share."""
    rows = read_table("db/reference/municipalities_2021.tsv")
    shares = np.zeros((len(rows), max(int(row["municipalities"]) for row in rows)))
    for line, row in enumerate(rows):
        rank = np.arange(1, int(row["municipalities"]) + 1)
        flat, steep = 0.0, 5.0
        for _ in range(40):
            power = (flat + steep) / 2
            largest = 1 / np.sum(rank**-power)
            flat, steep = (power, steep) if largest < int(row["largest_permille"]) / 1000 else (flat, power)
        shares[line, : len(rank)] = rank**-power
    return shares


def _size_edges() -> tuple[np.ndarray, np.ndarray]:
    columns = list(read_table("db/reference/size_2006.tsv")[0])[1:]
    lower = np.array([int(column.rstrip("+").split("-")[0]) for column in columns])
    return lower, np.append(lower[1:], LARGEST_ESTABLISHMENT + 1)


def _size_band(employees: np.ndarray) -> np.ndarray:
    return np.searchsorted(_size_edges()[0], employees, side="right").clip(1) - 1


def draw_place_and_division(size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(prefecture 1-47, index into DIVISIONS), jointly by the establishments of 2021."""
    cell = _pick(establishments().reshape(1, -1), np.zeros(size, dtype=np.int64), rng)
    return cell // len(DIVISIONS) + 1, cell % len(DIVISIONS)


def draw_division(prefecture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Index into DIVISIONS, by the establishments of the company's prefecture."""
    return _pick(establishments(), prefecture.astype(np.int64) - 1, rng)


def draw_major_group(division: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Major group 1-99 within the division."""
    return _pick(major_group_shares(), division, rng) + 1


def draw_detailed(jsic2: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Four-digit code within the major group; the n-th most frequent weighs 1/n (synthesised, order by chance)."""
    found = np.zeros(len(jsic2), dtype=np.int16)
    for group in np.unique(jsic2).tolist():
        members = np.flatnonzero(jsic2 == group)
        codes = np.random.default_rng(group).permutation(detailed_codes()[group])
        shares = 1 / np.arange(1.0, len(codes) + 1)[None, :]
        found[members] = codes[_pick(shares, np.zeros(len(members), np.int64), rng)]
    return found


def draw_municipality(prefecture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """prefecture * 1000 + a running number from 1: numbered places, none of them real."""
    row = prefecture.astype(np.int64) - 1
    return prefecture.astype(np.int32) * 1000 + _pick(_municipality_shares(), row, rng).astype(np.int32) + 1


def draw_employees(division: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Persons engaged: the band by the figures of 2006, evenly in the logarithm within a band."""
    lower, upper = _size_edges()
    band = _pick(sizes(), division, rng)
    drawn = lower[band] * (upper[band] / lower[band]) ** rng.random(len(band))
    return np.clip(drawn.astype(np.int32), lower[band], upper[band] - 1).astype(np.int32)


@cache
def _sole_by_division_and_size() -> np.ndarray:
    """(18, 9): chance of a sole proprietor, falling with size so that each division's share is that of 2016."""
    sole, corporation = (openings()[(form,)].sum(axis=1) for form in ("sole", "corporation"))
    wanted = sole / (sole + corporation)
    size_shares = sizes() / sizes().sum(axis=1, keepdims=True)
    low, high = np.zeros(len(DIVISIONS)), np.full(len(DIVISIONS), 1e4)
    for _ in range(60):
        factor = (low + high) / 2
        too_few = (np.minimum(1, factor[:, None] * SOLE_BY_SIZE) * size_shares).sum(axis=1) < wanted
        low, high = np.where(too_few, factor, low), np.where(too_few, high, factor)
    return np.minimum(1, factor[:, None] * SOLE_BY_SIZE)


def draw_sole(division: np.ndarray, employees: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Whether the company is a sole proprietor."""
    return rng.random(len(division)) < _sole_by_division_and_size()[division, _size_band(employees)]


def draw_founded(division: np.ndarray, sole: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Year of opening by division and form (2016); before 1985 falling exponentially into the past (synthesised)."""
    tables = np.stack([openings()[("corporation",)], openings()[("sole",)]])
    tables[1][tables[1].sum(axis=1) == 0] = tables[0][tables[1].sum(axis=1) == 0]
    period = _pick(tables.reshape(-1, tables.shape[2]), sole * len(DIVISIONS) + division, rng)
    old = 1984 - rng.exponential(AGE_BEFORE_1985_SCALE_YEARS, len(period)).astype(np.int16)
    within_ten = rng.integers(0, 10, len(period))
    years = [np.maximum(old, OLDEST_OPENING), 1985 + within_ten, 1995 + within_ten]
    return np.select([period == 0, period == 1, period == 2], years, default=2002 + period).astype(np.int16)


def draw_legal_form(
    division: np.ndarray, sole: np.ndarray, founded: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Index into LEGAL_FORMS: companies among corporations by division (2016), kinds of company synthesised."""
    company = openings()[("company",)].sum(axis=1) / openings()[("corporation",)].sum(axis=1)
    kind = rng.random(len(division))
    young = founded >= COMPANIES_ACT
    conditions = [
        sole,
        rng.random(len(division)) >= company[division],
        kind < SHARE_PARTNERSHIP,
        ~young & (kind < SHARE_YUGEN),
        young & (kind < SHARE_GODO),
    ]
    names = ("sole_proprietor", "other_corporation", "gomei_goshi", "tokurei_yugen", "godo")
    chosen = np.select(conditions, [LEGAL_FORMS.index(name) for name in names], default=LEGAL_FORMS.index("kk"))
    return chosen.astype(np.int8)


def draw_revenue_yen(
    jsic2: np.ndarray, employees: np.ndarray, sole: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Yearly revenue in yen, in steps of JPY 10,000: headcount x lognormal revenue per head of the industry."""
    per_head, spread, _ = _money()[jsic2].T
    factor = np.exp(spread * rng.standard_normal(len(jsic2))) * np.where(sole, SOLE_REVENUE_FACTOR, 1.0)
    return np.rint(employees * per_head * factor * 100).astype(np.int64) * 10_000


def draw_margin(jsic2: np.ndarray, sole: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Operating profit / revenue, in steps of 0.1 %: heavy-tailed around the industry's mean."""
    drawn = _money()[jsic2, 2] + sole * SOLE_EXTRA_MARGIN + MARGIN_SCALE * rng.standard_t(MARGIN_TAIL, len(jsic2))
    return np.round(np.clip(drawn, -0.9, 0.6), 3)


def draw_independent(employees: np.ndarray, sole: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Whether nobody owns the company but its owners: neither listed nor a subsidiary (synthesised)."""
    return sole | (rng.random(len(employees)) >= SUBSIDIARY_BY_SIZE[_size_band(employees)])


# --- the same, within what is known: an interval per company, both ends in it (see `written` for the axes)


def _pick_each(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One column index per row, by the weights of the row; 0 where all are zero."""
    cumulative = np.cumsum(weights, axis=1)
    found = (cumulative <= (rng.random(len(weights)) * cumulative[:, -1])[:, None]).sum(axis=1)
    return np.where(cumulative[:, -1] > 0, np.minimum(found, weights.shape[1] - 1), 0)


def draw_major_group_within(
    prefecture: np.ndarray, low: np.ndarray, high: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Major group in the divisions whose codes lie between `low` and `high`, by the prefecture's establishments."""
    groups = np.arange(MAJOR_GROUPS + 1)
    members = [groups[division_index() == division] for division in range(len(DIVISIONS))]
    first, last = np.array([(of[0] * 100, of[-1] * 100 + 99) for of in members]).T
    allowed = (first >= low[:, None]) & (last <= high[:, None])
    return draw_major_group(_pick_each(establishments()[prefecture.astype(np.int64) - 1] * allowed, rng), rng)


@cache
def _detailed_within() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows, most codes of any) codes and shares, and the row of each minor group 0-999, then of each major group.

    The shares are those of `draw_detailed`. A minor group without a code of its own gets the row of its major group.
    """
    rows: list[tuple[np.ndarray, np.ndarray]] = []
    row_of = np.zeros(1000 + MAJOR_GROUPS + 1, dtype=np.int64)
    for group, listed in detailed_codes().items():
        codes = np.random.default_rng(group).permutation(listed)
        shares = 1 / np.arange(1.0, len(codes) + 1)
        row_of[[1000 + group, *range(group * 10, group * 10 + 10)]] = len(rows)
        rows.append((codes, shares))
        for minor in np.unique(codes // 10).tolist():
            row_of[minor] = len(rows)
            rows.append((codes[codes // 10 == minor], shares[codes // 10 == minor]))
    widest = max(len(codes) for codes, _ in rows)
    padded = [(np.pad(codes, (0, widest - len(codes))), np.pad(shares, (0, widest - len(codes)))) for codes, shares in rows]
    return np.array([codes for codes, _ in padded]), np.array([shares for _, shares in padded]), row_of


def draw_detailed_within(jsic2: np.ndarray, low: np.ndarray, high: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Four-digit code within the minor group where the interval is no wider, else within the major group."""
    codes, shares, row_of = _detailed_within()
    row = row_of[np.where(high - low < 10, low // 10, 1000 + jsic2.astype(np.int64))]
    return codes[row, _pick(shares, row, rng)]


def draw_employees_within(
    division: np.ndarray, low: np.ndarray, high: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Persons engaged from `low` to `high`: bands by the figures of 2006, evenly in the logarithm within one."""
    lower, upper = _size_edges()
    least = np.maximum(lower, low[:, None])
    most = np.minimum(upper, high[:, None].astype(np.int64) + 1)
    weights = sizes()[division] * np.maximum(0, np.log(np.maximum(most, least) / least) / np.log(upper / lower))
    band = _pick_each(weights, rng)
    rows = np.arange(len(band))
    drawn = least[rows, band] * (most[rows, band] / least[rows, band]) ** rng.random(len(band))
    return np.clip(drawn.astype(np.int64), low, high)


def draw_founded_within(
    division: np.ndarray, sole: np.ndarray, low: np.ndarray, high: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Year of opening from `low` to `high`: evenly in a closed period, falling exponentially in one open to the past."""
    anywhere = draw_founded(division, sole, rng)
    old = np.maximum(high - rng.exponential(AGE_BEFORE_1985_SCALE_YEARS, len(high)).astype(np.int64), OLDEST_OPENING)
    closed = rng.integers(low, np.maximum(low, np.minimum(high, LATEST_OPENING)) + 1)
    open_below, open_above = low < OLDEST_OPENING, high > LATEST_OPENING
    return np.select([open_below & open_above, open_below], [anywhere, np.minimum(old, high)], default=closed)


def draw_legal_form_within(
    division: np.ndarray, sole: np.ndarray, founded: np.ndarray, first: np.ndarray, last: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Position in LEGAL_FORMS from `first` to `last`, with the chances of `draw_legal_form`."""
    company = openings()[("company",)].sum(axis=1) / openings()[("corporation",)].sum(axis=1)
    kinds = np.zeros((2, len(LEGAL_FORMS)))  # among companies: before the Companies Act, since
    kinds[:, LEGAL_FORMS.index("gomei_goshi")] = SHARE_PARTNERSHIP
    kinds[0, LEGAL_FORMS.index("tokurei_yugen")] = SHARE_YUGEN - SHARE_PARTNERSHIP
    kinds[1, LEGAL_FORMS.index("godo")] = SHARE_GODO - SHARE_PARTNERSHIP
    kinds[:, LEGAL_FORMS.index("kk")] = 1 - kinds.sum(axis=1)
    weights = kinds[(founded >= COMPANIES_ACT).astype(int)] * company[division][:, None]
    weights[:, LEGAL_FORMS.index("other_corporation")] = 1 - company[division]
    weights[:, SOLE] = sole
    position = np.arange(len(LEGAL_FORMS))
    weights *= (position >= first[:, None]) & (position <= last[:, None]) & ((position == SOLE) == sole[:, None])
    chosen = _pick_each(weights, rng)
    return np.clip(chosen, first, last)


def draw_revenue_within(
    jsic2: np.ndarray, employees: np.ndarray, sole: np.ndarray, low: np.ndarray, high: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Yearly revenue in yen: as `draw_revenue_yen` where anything is possible, else evenly in the logarithm of the band."""
    anywhere = draw_revenue_yen(jsic2, employees, sole, rng)
    least = np.maximum(low, 1_000_000).clip(max=np.maximum(high, 1))
    most = np.where(high > 10**14, least * OPEN_BAND_FACTOR, high)
    banded = (least * (most / least) ** rng.random(len(least))).astype(np.int64).clip(low, high)
    return np.where((low == 0) & (high > 10**14), anywhere, banded)
