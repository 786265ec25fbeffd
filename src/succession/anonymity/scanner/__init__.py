"""Does this text say who the company is?

`scan` reads any text that is to be published and returns the passages that could name the company or somebody near it.
"""

from __future__ import annotations

from succession.anonymity.scanner.findings import CLEAN, FOUND, KINDS, UNKNOWN, Own, Scan, Span
from succession.anonymity.scanner.passages import scan
from succession.anonymity.scanner.profile import own_of, own_of_profile

__all__ = ["CLEAN", "FOUND", "KINDS", "UNKNOWN", "Own", "Scan", "Span", "own_of", "own_of_profile", "scan"]
