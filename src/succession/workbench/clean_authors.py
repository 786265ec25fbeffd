"""Who wrote this comment, who changed this word? In what is left of an office file: "Author 1", "Author 2", the same one everywhere.

Comments, tracked changes and the lists of persons behind them keep their words and who of them said what; names, initials, accounts,
times, and the folder a workbook was saved in go. Prose is left alone: a name that somebody typed into a sentence is content.
"""

from __future__ import annotations

import re

from lxml import etree

from succession.workbench.filetypes import RefusedFile

PART_MOST_BYTES = 60_000_000
#: Parts that can say who: all of a text, and of workbooks and slides those about comments, persons, sharing.
WHERE = re.compile(r"^(word/.*\.xml|xl/(comments[^/]*|threadedcomments/.*|persons/.*|revisions/.*|workbook)(\.xml)?|xl/.*comment[^/]*\.xml|"
                   r"ppt/(commentauthors|authors|comments/.*)(\.xml)?)$", re.IGNORECASE)
_NAMES = frozenset(("author", "userName", "lastEditedBy", "displayName"))  # attributes that hold a name wherever they stand
_NAMED = frozenset(("cmAuthor", "author", "userInfo"))  # elements whose attribute `name` does
_ACCOUNTS, _TIMES = frozenset(("userId", "providerId")), frozenset(("date", "dt", "dT", "dateUtc", "dateTime"))
_THEN = "1980-01-01T00:00:00Z"


class Authors:
    """Of one file: which name became which number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def without(self, content: bytes) -> bytes:
        """A part without its names. Raises RefusedFile."""
        if len(content) > PART_MOST_BYTES:
            raise RefusedFile("too_much_inside")
        try:
            root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False))
        except (etree.XMLSyntaxError, ValueError):
            raise RefusedFile("not_readable") from None
        if root.getroottree().docinfo.doctype:
            raise RefusedFile("not_readable")
        changed = [self._clean(element) for element in root.iter(etree.Element)]
        if not any(changed):
            return content
        return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)

    def _called(self, name: str) -> str:
        return f"Author {self._numbers.setdefault(name, len(self._numbers) + 1)}"

    def _clean(self, element: etree._Element) -> bool:
        kind, changed = etree.QName(element).localname, False
        for attribute, value in element.attrib.items():
            said = etree.QName(attribute).localname
            if said in _NAMES or (said == "name" and kind in _NAMED):
                element.set(attribute, self._called(value))
            elif said == "initials":
                element.set(attribute, "A")
            elif said in _ACCOUNTS:
                element.set(attribute, "None" if said == "providerId" else self._called(element.get("name", value)))
            elif said in _TIMES:
                element.set(attribute, _THEN)
            elif said == "url" and kind == "absPath":
                element.set(attribute, "")
            else:
                continue
            changed = True
        if kind == "author" and element.text:  # of the old comments of a workbook
            element.text, changed = self._called(element.text), True
        if kind == "t" and element.text and (name := next((each for each in self._numbers if element.text.startswith(f"{each}:")), None)):
            element.text, changed = self._called(name) + element.text[len(name):], True  # which a workbook writes before a comment by itself
        return changed
