"""How much of what identifies does the scanner find, and how much ordinary prose does it strike out in vain?

Run: python tests/bench/scanner_recall.py [dev|held_out|both] [--misses]
An entity counts as found only when every one of its characters is covered, by spans of whatever kind. The texts and how
they were made: tests/scanner_texts/README.md. The held-out half was never tuned on: of it only figures are printed,
never a text, and `--misses` is refused.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from scanner_texts import texts  # noqa: E402
from scanner_texts.texts import Marked, Text  # noqa: E402
from scanner_texts.variants import profile  # noqa: E402

from succession.anonymity.scanner import Own, scan  # noqa: E402

RESULTS = Path(__file__).parents[2] / "var" / "scanner_recall.json"
# The uniqueness lint warns, it does not redact; figures of a business are wanted in its description.
LINT = {"unique", "number"}
PROMISES = {"own_variants": .99, "organisation": .95, "person": .95, "place": .95, "formatted": .995}
MOST_OVER_REDACTION, LEAST_CHARACTERS_PER_S = .12, 100_000


def covered(text: Text, own: dict | None) -> tuple[list[str | None], str]:
    """(per character the kind of a span over it, or None; the scan's state). The lint's kinds give way to others."""
    result = scan(text.text, Own(**own) if own else None, locale=text.locale)
    kinds: list[str | None] = [None] * len(text.text)
    for span in sorted(result.spans, key=lambda s: s.kind not in LINT):
        kinds[span.start:span.end] = [span.kind] * (span.end - span.start)
    return kinds, str(result.state)


def found(span: Marked, kinds: list[str | None]) -> bool:
    return all(kinds[span.start:span.end])


def least(hits: int, entities: int) -> float:
    """Lower end of the 95 % interval of Wilson: what this many entities allow to be claimed."""
    z, share = 1.96, hits / entities
    middle = share + z * z / (2 * entities)
    return (middle - z * math.sqrt(share * (1 - share) / entities + z * z / (4 * entities**2))) / (1 + z * z / entities)


class Tally:
    """Entities and hits per group, misses kept only for the half that may be looked at."""

    def __init__(self, keep_misses: bool) -> None:
        self.entities: Counter[str] = Counter()
        self.hits: Counter[str] = Counter()
        self.states: Counter[str] = Counter()
        self.misses: list[tuple[str, str, str, str]] = []
        self.keep_misses = keep_misses

    def add(self, sample: Iterable[Text], judge: Callable[[Marked, list[str | None]], bool] = found) -> Tally:
        for text in sample:
            kinds, state = covered(text, text.own)
            self.states[state] += 1
            for span in text.spans:
                self.entities[span.group] += 1
                if judge(span, kinds):
                    self.hits[span.group] += 1
                elif self.keep_misses:
                    self.misses.append((text.id, span.group, span.text, text.text))
        return self

    def figures(self) -> dict[str, object]:
        total, hits = self.entities.total(), self.hits.total()
        groups = {g: {"entities": n, "found": self.hits[g], "recall": round(self.hits[g] / n, 4),
                      "at_least": round(least(self.hits[g], n), 4)} for g, n in self.entities.items()}
        return {"entities": total, "found": hits, "recall": round(hits / total, 4),
                "at_least": round(least(hits, total), 4), "states": dict(self.states), "groups": groups}


def over_redaction(sample: list[Text], profiles: list[dict | None]) -> dict[str, object]:
    """Share of characters struck out in texts that need none of it, per kind; text n is told profile n."""
    characters, struck = 0, Counter()
    for n, text in enumerate(sample):
        kinds, _ = covered(text, profiles[n % len(profiles)])
        characters += len(kinds)
        struck.update(kind for kind in kinds if kind)
    lint = sum(struck[kind] for kind in LINT)
    return {"characters": characters, "share": round((struck.total() - lint) / characters, 4),
            "lint_share": round(lint / characters, 4),
            "kinds": {kind: round(n / characters, 4) for kind, n in struck.most_common()}}


def beside_marks(sample: list[Text]) -> float:
    """Share of unmarked characters struck out in sentences that do name somebody."""
    characters = struck = 0
    for text in sample:
        kinds, _ = covered(text, None)
        marked = {i for span in text.spans for i in range(span.start, span.end)}
        rest = [kind for i, kind in enumerate(kinds) if i not in marked]
        characters += len(rest)
        struck += sum(kind is not None and kind not in LINT for kind in rest)
    return round(struck / characters, 4)


def characters_per_s(sample: list[Text], own: dict | None) -> int:
    """On passages of about 500 characters, the size of a field, after a first run that loads the dictionary."""
    passages: list[str] = [""]
    for text in sample:
        if len(passages[-1]) > 500:
            passages.append("")
        passages[-1] += text.text + "\n"
    told, locale = Own(**own) if own else None, sample[0].locale
    scan(passages[0], told, locale=locale)
    start = perf_counter()
    for passage in passages:
        scan(passage, told, locale=locale)
    return round(sum(map(len, passages)) / (perf_counter() - start))


def measure(part: str) -> tuple[dict[str, object], list[tuple[str, str, str, str]]]:
    """All figures of one half, and the misses, which are empty for the held-out half."""
    keep = part == "dev"
    tallies: dict[str, Tally] = {}
    for locale in ("ja", "en"):
        tallies[f"third_party.{locale}"] = Tally(keep).add(texts.third_party(part, locale))
    for name in ("own_variants", "own_further", "own_profile", "formatted", "formatted_other"):
        tallies[name] = Tally(keep).add(getattr(texts, name)(part))
    for locale in ("ja", "en"):
        # The lint need only point at the description: one struck character is a warning to the person who reads.
        tallies[f"unique.{locale}"] = Tally(keep).add(
            texts.unique(part, locale), lambda span, kinds: any(kinds[span.start:span.end]))
    profiles = [profile(company) for company in texts.own_companies(part)]
    figures: dict[str, object] = {name: tally.figures() for name, tally in tallies.items()}
    for locale in ("ja", "en"):
        prose = texts.ordinary(part, locale)
        figures[f"ordinary.{locale}"] = over_redaction(prose, [None])
        figures[f"ordinary.{locale} with a profile"] = over_redaction(prose, profiles)
        figures[f"beside names.{locale}"] = beside_marks(texts.third_party(part, locale))
        figures[f"characters_per_s.{locale}"] = characters_per_s(prose, None)
        figures[f"characters_per_s.{locale} with a profile"] = characters_per_s(prose, profiles[0])
    return figures, [miss for tally in tallies.values() for miss in tally.misses]


def _verdict(name: str, group: str, recall: float) -> str:
    promise = PROMISES.get(name if not group else group if name.startswith("third_party") else "")
    return "" if promise is None else f"   promise {promise:.1%}: {'kept' if recall >= promise else 'NOT KEPT'}"


def show(part: str, figures: dict[str, object]) -> None:
    print(f"== {part}")
    for name, value in figures.items():
        if isinstance(value, dict) and "groups" in value:
            print(f"{name:<38}{value['entities']:6d} entities  found {value['recall']:7.2%}  at least "
                  f"{value['at_least']:6.1%}{_verdict(name, '', value['recall'])}   {value['states']}")
            for group, row in value["groups"].items():
                print(f"    {group:<34}{row['entities']:6d}           found {row['recall']:7.2%}  at least "
                      f"{row['at_least']:6.1%}{_verdict(name, group, row['recall'])}")
        elif isinstance(value, dict):
            kept = "kept" if value["share"] <= MOST_OVER_REDACTION else "NOT KEPT"
            print(f"{name:<38}{value['characters']:6d} characters, struck out in vain {value['share']:6.2%}   promise "
                  f"{MOST_OVER_REDACTION:.0%}: {kept}   lint {value['lint_share']:.2%}   {value['kinds']}")
        elif name.startswith("characters_per_s"):
            print(f"{name:<38}{value:10,d}   promise {LEAST_CHARACTERS_PER_S:,}")
        else:
            print(f"{name:<38}{value:10.2%} of the unmarked characters")


def main(part: str = "both", misses: bool = False, results: Path = RESULTS) -> dict[str, object]:
    """Print the figures of one half or both and write them as JSON. ValueError for misses of the held-out half."""
    if part not in (*texts.PARTS, "both"):
        raise ValueError(f"{part} is not one of dev, held_out, both")
    if misses and part != "dev":
        raise ValueError("misses are shown of dev only: who reads held-out misses tunes on them")
    report: dict[str, object] = {}
    for half in texts.PARTS if part == "both" else (part,):
        report[half], missed = measure(half)
        show(half, report[half])
        if misses:
            by_group = defaultdict(list)
            for id, group, entity, text in missed:
                by_group[group].append(f"    {id}  {entity!r}  in  {text!r}")
            for group, rows in by_group.items():
                print(f"-- missed: {group} ({len(rows)})", *rows, sep="\n")
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
    return report


if __name__ == "__main__":
    main(*[word for word in sys.argv[1:2] if not word.startswith("--")], misses="--misses" in sys.argv)
