"""Are searches read as they were meant, in four languages, and how long does reading one take?

Run: python tests/bench/text.py
What is judged, on which market and how is said in tests/judged_searches.py; the held-out half was never tuned on.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from time import process_time

sys.path.insert(0, str(Path(__file__).parents[1]))

import company_names  # noqa: E402
from judged_searches import by_language, judged  # noqa: E402


def main() -> None:
    from succession.market.dictionary import dictionary
    from succession.market.terms import parse_terms

    began = process_time()
    entries = len(dictionary().entries)
    print(f"{entries:,} words, ready after {process_time() - began:.2f} processor seconds")
    for part in ("dev", "widened", "held_out"):
        for figures in by_language(part):
            print(f"{part:<9} {figures.language:<8} {figures.searches:4} searches   precision@10 {figures.precision:6.1%}   not read {len(figures.unread)}")
    took = []
    for each in judged("dev") + judged("held_out"):
        began = process_time()
        parse_terms.__wrapped__(each.q)  # not what is remembered of it
        took.append(process_time() - began)
    print(f"reading one takes {median(took) * 1e6:.0f} us of the processor, at most {max(took) * 1e3:.1f} ms")
    for form, names in {"demo world": company_names.of_the_demo_world(), **company_names.put_together()}.items():
        read = sum(not parse_terms(name).unrecognised for name in names)
        print(f"of {len(names):,} names of companies ({form}) {read} are read as a search")


if __name__ == "__main__":
    main()
