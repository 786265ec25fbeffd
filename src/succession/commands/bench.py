"""How fast is it? Runs the measurements of tests/bench, which need a checkout and start servers of their own."""

from __future__ import annotations

import runpy
import sys

from succession.config import resource

MEASUREMENTS = ("codebook", "usefulness", "population", "imports", "scanner", "ledger", "alerts", "many", "text", "load", "scale")
BY_NAME = ("seed",)  # measures nothing by itself


def run(arguments: list[str]) -> int:
    """`succession bench [one of MEASUREMENTS] [size]`: all by default; the README quotes what they print."""
    directory = resource("tests/bench")
    wanted = arguments[:1] or list(MEASUREMENTS)
    if not directory.is_dir() or not set(wanted) <= {*MEASUREMENTS, *BY_NAME}:
        print(f"usage, in a checkout: succession bench [{'|'.join((*MEASUREMENTS, *BY_NAME))}] [size or options]")
        return 2
    for name in wanted:
        sys.argv = [name, *arguments[1:]]
        runpy.run_path(str(directory / f"{name}.py"), run_name="__main__")
    return 0
