"""Who are the companies of the demo world, plainly synthetic but with Japan's margins?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from succession.anonymity import margins
from succession.anonymity.population import COLUMNS, Population, Provenance

WORLD_VERSION = 1  # changes whenever a draw changes, so that an old world is never taken for a new one


def build_world(size: int, seed: int, progress: Callable[[int, int], None] | None = None) -> Population:
    """`size` synthetic companies, the same for the same seed; `progress(done, total)` counts drawn columns."""
    rng = np.random.default_rng([WORLD_VERSION, seed])
    columns: dict[str, np.ndarray] = {}

    def put(name: str, values: np.ndarray) -> np.ndarray:
        columns[name] = values
        if progress:
            progress(len(columns), len(COLUMNS))
        return values

    prefecture, division = margins.draw_place_and_division(size, rng)
    put("prefecture", prefecture)
    put("municipality", margins.draw_municipality(prefecture, rng))
    jsic2 = put("jsic2", margins.draw_major_group(division, rng))
    put("jsic4", margins.draw_detailed(jsic2, rng))
    employees = put("employees", margins.draw_employees(division, rng))
    sole = margins.draw_sole(division, employees, rng)
    founded = put("founded", margins.draw_founded(division, sole, rng))
    put("legal_form", margins.draw_legal_form(division, sole, founded, rng))
    put("revenue_yen", margins.draw_revenue_yen(jsic2, employees, sole, rng))
    put("operating_margin", margins.draw_margin(jsic2, sole, rng))
    put("independent", margins.draw_independent(employees, sole, rng))
    provenance = {
        name: Provenance("synthesised", margins.SOURCES.get(name, margins.ASSUMED), name == "prefecture")
        for name in COLUMNS
    }
    identity = np.arange(1, size + 1)
    return Population(f"synthetic world {WORLD_VERSION}, seed {seed}", True, columns, provenance, identity=identity)
