"""Which names does a list in XML hold: the UN's consolidated list, OFAC's SDN list, or one described by a mapping?

Read as a stream, one record at a time. A document type, an entity, a reference outside the file, deep nesting, or a record
without end refuses the file. Element names are those the publishers document; of what they offer, only what a comparison of
names needs is read. Both lists change now and then: what is not there is read as not said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from succession.anonymity.sources.source_file import ImportRefused
from succession.disclosure.lists.records import ENTRIES_MOST, Kind, Left, ListRecord, Reading, Refused, day_of, make_record
from succession.i18n import Message, _

FILE_BYTES_MOST = 256 * 2**20
DEPTH_MOST, RECORD_ELEMENTS_MOST = 32, 20_000
RECORD = {"un_xml": frozenset({"INDIVIDUAL", "ENTITY"}), "ofac_xml": frozenset({"sdnEntry"})}
GENERIC_FIELDS = ("ref", "name", "alias", "weak_alias", "kind", "country", "birth", "identifier", "reason", "listed_on")

Read = Callable[[Element, Reading], ListRecord | None]


def read_xml(path: Path, format_: str, mapping: Mapping[str, str] | None = None) -> Reading:
    """Every usable record. `format_`: un_xml, ofac_xml or generic_xml, the last with a mapping of `record` and fields to
    paths of element names. ImportRefused for a file as a whole."""
    if path.stat().st_size > FILE_BYTES_MOST:
        raise ImportRefused(Message.of(_("The file is larger than {megabytes} MB."), megabytes=FILE_BYTES_MOST // 2**20))
    if format_ == "generic_xml":
        names, read = _generic(mapping or {})
    else:
        names, read = RECORD[format_], {"un_xml": _un, "ofac_xml": _ofac}[format_]
    reading = Reading([], [], Counter())
    try:
        for number, element in enumerate(_records(path, names, reading), start=1):
            if number > ENTRIES_MOST:
                raise ImportRefused(Message.of(_("The list holds more than {entries} entries."), entries=ENTRIES_MOST))
            try:
                if (record := read(element, reading)) is not None:
                    reading.records.append(record)
            except Refused as refused:
                reading.left.append(Left(number, refused.message))
    except DefusedXmlException as broken:
        raise ImportRefused(Message.of(_("The file declares a document type or entities: such files are not read."))) from broken
    except (ParseError, LookupError, ValueError) as broken:
        if isinstance(broken, ImportRefused):
            raise
        raise ImportRefused(Message.of(_("The file is not well-formed XML."))) from broken
    if not reading.records and not reading.left and not reading.skipped:
        raise ImportRefused(Message.of(_("The file holds no element called {names}."), names=", ".join(sorted(names))))
    return reading


def _records(path: Path, names: frozenset[str], reading: Reading) -> Iterator[Element]:
    """Each record once it is whole, then forgotten; what lies outside of records is never kept."""
    above: list[Element] = []
    inside, elements = 0, 0
    with path.open("rb") as file:
        for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
            if event == "start":
                above.append(element)
                elements = elements + 1 if inside else 0
                if len(above) > DEPTH_MOST or elements > RECORD_ELEMENTS_MOST:
                    raise ImportRefused(Message.of(_("The file is nested deeper, or a record is longer, than any list needs.")))
                if len(above) == 1:
                    reading.as_of = day_of(element.get("dateGenerated", ""))
                inside += inside > 0 or _local(element) in names
                continue
            above.pop()
            if inside == 1:
                yield element
            if inside:
                inside -= 1
            if not inside:
                if _local(element) == "Publish_Date":
                    reading.as_of = day_of(element.text or "")
                element.clear()
                if above:
                    above[-1].remove(element)


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _texts(element: Element, *path: str) -> Iterator[str]:
    """The texts at a path of local names below an element."""
    if not path:
        if text := "".join(element.itertext()).strip():
            yield text
        return
    for child in element:
        if _local(child) == path[0]:
            yield from _texts(child, *path[1:])


def _text(element: Element, *path: str) -> str:
    return next(_texts(element, *path), "")


def _children(element: Element, *path: str) -> Iterator[Element]:
    if not path:
        yield element
        return
    for child in element:
        if _local(child) == path[0]:
            yield from _children(child, *path[1:])


# --- the United Nations Security Council consolidated list


def _un(element: Element, reading: Reading) -> ListRecord:
    of = _local(element)
    name = " ".join(part for field in ("FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME") if (part := _text(element, field)))
    strong, weak = list(_texts(element, "NAME_ORIGINAL_SCRIPT")), []
    for alias in _children(element, f"{of}_ALIAS"):
        (weak if _text(alias, "QUALITY").casefold() == "low" else strong).append(_text(alias, "ALIAS_NAME"))
    births = [_text(birth, field) for birth in _children(element, f"{of}_DATE_OF_BIRTH") for field in ("DATE", "YEAR", "FROM_YEAR", "TO_YEAR")]
    return make_record(
        ref=_text(element, "DATAID") or _text(element, "REFERENCE_NUMBER"), name=name, kind="person" if of == "INDIVIDUAL" else "organisation",
        aliases=strong, weak_aliases=weak, births=births,
        countries=[*_texts(element, "NATIONALITY", "VALUE"), *_texts(element, f"{of}_ADDRESS", "COUNTRY")],
        identifiers=_texts(element, f"{of}_DOCUMENT", "NUMBER"), reason=_text(element, "UN_LIST_TYPE"), listed_on=day_of(_text(element, "LISTED_ON")),
        unknown=reading.unknown_countries)


# --- the list of specially designated nationals of OFAC, in its simple form

_OFAC_KINDS: dict[str, Kind] = {"individual": "person", "entity": "organisation"}


def _ofac(element: Element, reading: Reading) -> ListRecord | None:
    said = _text(element, "sdnType")
    if (kind := _OFAC_KINDS.get(said.casefold())) is None:
        reading.skipped[said[:60]] += 1
        return None
    strong, weak = [], []
    for alias in _children(element, "akaList", "aka"):
        (weak if _text(alias, "category").casefold() == "weak" else strong).append(_ofac_name(alias))
    return make_record(
        ref=_text(element, "uid"), name=_ofac_name(element), kind=kind, aliases=strong, weak_aliases=weak,
        countries=[*_texts(element, "nationalityList", "nationality", "country"), *_texts(element, "addressList", "address", "country")],
        births=_texts(element, "dateOfBirthList", "dateOfBirthItem", "dateOfBirth"), identifiers=_texts(element, "idList", "id", "idNumber"),
        reason=", ".join(_texts(element, "programList", "program")), unknown=reading.unknown_countries)


def _ofac_name(element: Element) -> str:
    return f"{_text(element, 'firstName')} {_text(element, 'lastName')}"


# --- any other list: a small file says where the fields are


def _generic(mapping: Mapping[str, str]) -> tuple[frozenset[str], Read]:
    """`record=Entry`, `name=Names/Full`, `kind=Type`, ...; `kind` may also be the word person or organisation."""
    for field in mapping:
        if field != "record" and field not in GENERIC_FIELDS:
            raise ImportRefused(Message.of(_("There is no column {column}. Columns are: {columns}."), column=field,
                                           columns=", ".join(("record", *GENERIC_FIELDS))))
    if not {"record", "name"} <= set(mapping):
        raise ImportRefused(Message.of(_("The mapping names the element of a record and the path of its name: record=..., name=....")))
    paths = {field: tuple(path.split("/")) for field, path in mapping.items()}

    def read(element: Element, reading: Reading) -> ListRecord:
        def said(field: str) -> list[str]:
            return list(_texts(element, *paths[field])) if field in paths else []

        always = mapping.get("kind", "organisation")
        word: Any = always if always in ("person", "organisation") else next(iter(said("kind")), "").casefold()
        kind: Kind = "person" if word in ("person", "individual", "個人", "p", "i") else "organisation"
        name, *more = said("name") or [""]
        return make_record(
            ref=next(iter(said("ref")), None), name=name, kind=kind, aliases=[*more, *said("alias")], weak_aliases=said("weak_alias"),
            countries=said("country"), births=said("birth"), identifiers=said("identifier"), reason=", ".join(said("reason")),
            listed_on=day_of(next(iter(said("listed_on")), "")), unknown=reading.unknown_countries)

    return frozenset({mapping["record"]}), read
