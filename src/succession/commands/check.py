"""Are the files that are generated from others up to date? Catalogues now; the schema is compared in the test suite."""

from __future__ import annotations

from succession.i18n import check_catalogues


def run(arguments: list[str]) -> int:
    """`succession check`: prints every message that lacks a translation; exit status 1 when there are any."""
    problems = check_catalogues()
    for problem in problems:
        print(problem)
    print("catalogues complete" if not problems else f"{len(problems)} problems")
    return 1 if problems else 0
