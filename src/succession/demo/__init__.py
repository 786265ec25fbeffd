"""A whole market on one machine: fictitious people and companies, every process, and one deal walked over HTTP."""

from __future__ import annotations


def run(arguments: list[str]) -> int:
    """`succession demo`. Imported here and not above: the demo's children pass through this package and need none of it."""
    from succession.demo.program import run as run_demo

    return run_demo(arguments)
