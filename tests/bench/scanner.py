"""How many characters a second does the scanner read, what does it cost to load, and does a profile slow it down?

Run: python tests/bench/scanner.py [characters]
The texts are the ordinary prose of tests/scanner_texts/dev, short and joined to pages; single thread. Besides wall time
the processor's time is printed, which others at work on the machine disturb less. The yardstick is Sudachi alone on the
same text: what anybody pays who looks at Japanese words at all.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).parents[1]))

from scanner_texts import texts  # noqa: E402
from scanner_texts.variants import profile  # noqa: E402

RUNS = 5
PAGE = 4_000  # characters: the longest prose of a profile


def rates(work: Callable[[str], object], pieces: list[str]) -> tuple[int, int]:
    """Characters a second of wall time and of processor time, median of a few runs."""
    characters = sum(map(len, pieces))
    wall, processor = [], []
    for _ in range(RUNS):
        began, busy = perf_counter(), process_time()
        for piece in pieces:
            work(piece)
        wall.append(characters / (perf_counter() - began))
        processor.append(characters / (process_time() - busy))
    return int(median(wall)), int(median(processor))


def pages(sample: list[str], characters: int) -> list[str]:
    """The sample over and over, as pages."""
    text = "\n".join(sample)
    text *= 1 + characters // len(text)
    return [text[at : at + PAGE] for at in range(0, characters, PAGE)]


def main(characters: int = 200_000) -> None:
    began = perf_counter()
    from succession.anonymity.scanner import Own, scan
    from succession.anonymity.scanner.morphemes import morphemes

    scan("最初の一文。", locale="ja")
    print(f"loading and the first sentence {perf_counter() - began:6.2f} s")
    own = Own(**profile(texts.own_companies("dev")[0]))
    for locale in ("ja", "en"):
        short = [text.text for text in texts.ordinary("dev", locale)]
        long = pages(short, characters)
        for name, pieces in (("sentences", short), ("pages", long)):
            wall, processor = rates(lambda piece: scan(piece, locale=locale), pieces)  # noqa: B023
            print(f"{locale} {name:<10} {wall:10,} characters/s   {processor:10,} a processor second")
        wall, processor = rates(lambda piece: scan(piece, own, locale=locale), long)  # noqa: B023
        print(f"{locale} with a profile {wall:6,} characters/s   {processor:10,} a processor second")
        if locale == "ja":
            wall, processor = rates(morphemes, long)
            print(f"{locale} Sudachi alone  {wall:6,} characters/s   {processor:10,} a processor second")
    print(f"memory at its highest {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
