"""Which names does a table in CSV hold? Headings in English or Japanese, UTF-8 or Shift_JIS, mapped by name."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from succession.anonymity.sources.source_file import DELIMITERS, ImportRefused, SourceText, examine, head_rows, read_rows
from succession.disclosure.lists.records import ENTRIES_MOST, Kind, Left, Reading, Refused, day_of, make_record
from succession.i18n import Message, _

# column: headings that mean it, in the form `_bare` gives them
HEADINGS: dict[str, tuple[str, ...]] = {
    "name": ("name", "fullname", "primaryname", "entityname", "companyname", "名称", "名前", "氏名", "企業名", "企業組織名", "会社名", "商号", "団体名"),
    "alias": ("alias", "aliases", "aka", "alsoknownas", "othernames", "別名", "別称", "別名称", "旧名称", "旧商号"),
    "weak_alias": ("weakalias", "weakaliases", "lowqualityalias", "通称"),
    "kind": ("kind", "type", "entitytype", "sdntype", "種別", "区分", "法人個人"),
    "country": ("country", "countries", "nationality", "countryorregion", "国名", "国", "国籍", "国地域", "国又は地域", "国名又は地域名"),
    "birth": ("birth", "birthyear", "yearofbirth", "dateofbirth", "dob", "生年", "生年月日"),
    "identifier": ("identifier", "identifiers", "registrynumber", "registrationnumber", "corporatenumber", "lei", "法人番号", "登記番号", "番号"),
    "reason": ("reason", "remarks", "programme", "program", "comment", "comments", "懸念区分", "理由", "備考", "登録理由", "懸念される大量破壊兵器の種別"),
    "listed_on": ("listedon", "listingdate", "datelisted", "掲載日", "登録日", "指定日"),
    "ref": ("ref", "id", "uid", "reference", "referencenumber", "no", "番", "項番", "管理番号"),
}  # fmt: skip
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("organisation", "organization", "entity", "company", "firm", "法人", "企業", "団体", "組織"), "organisation"),
    **dict.fromkeys(("person", "individual", "natural person", "個人", "自然人"), "person"),
}
_SEVERAL = re.compile(r"[;|；｜、\n]+|,\s+(?=\S)")
HEADINGS_WITHIN = 30


def read_csv(path: Path, mapping: Mapping[str, str], default_kind: Kind = "organisation") -> Reading:
    """Every usable row. `mapping`: column -> heading where ours do not know it. ImportRefused for a file as a whole."""
    text = examine(path)
    delimiter, skip, columns = _headings(text, mapping)
    reading = Reading([], [], Counter(), columns={column: name for column, (_at, name) in columns.items()})
    for rows in read_rows(text, delimiter):
        for line, cells in zip(rows.lines, rows.cells, strict=True):
            if line <= skip:
                continue
            said = {column: cells[at] if at < len(cells) else "" for column, (at, _name) in columns.items()}
            _row(reading, line, said, default_kind)
            if len(reading.records) > ENTRIES_MOST:
                raise ImportRefused(Message.of(_("The list holds more than {entries} entries."), entries=ENTRIES_MOST))
    return reading


def _row(reading: Reading, line: int, said: dict[str, str], default_kind: Kind) -> None:
    kind = _KINDS.get(unicodedata.normalize("NFKC", said.get("kind", "")).strip().casefold()) if said.get("kind", "").strip() else default_kind
    if kind is None:
        reading.skipped[said["kind"].strip()[:60]] += 1
        return
    try:
        reading.records.append(make_record(
            ref=said.get("ref"), name=said["name"], kind=kind, aliases=_several(said, "alias"), weak_aliases=_several(said, "weak_alias"),
            countries=_several(said, "country"), births=_several(said, "birth"), identifiers=_several(said, "identifier"),
            reason=said.get("reason"), listed_on=day_of(said.get("listed_on", "")), unknown=reading.unknown_countries))
    except Refused as refused:
        reading.left.append(Left(line, refused.message))


def _several(said: Mapping[str, str], column: str) -> list[str]:
    """A cell that may hold several: parted by semicolons, bars, 、 or lines; names also hold commas, the rest does not."""
    cell = said.get(column, "")
    return [part for part in (re.split(r"[;|；｜\n]+|、(?=\S)", cell) if "alias" in column else _SEVERAL.split(cell)) if part.strip()]


def _headings(text: SourceText, mapping: Mapping[str, str]) -> tuple[str, int, dict[str, tuple[int, str]]]:
    """(delimiter, line of the headings, column -> (position, heading)); ImportRefused when no row names a name."""
    for column in mapping:
        if column not in HEADINGS:
            raise ImportRefused(Message.of(_("There is no column {column}. Columns are: {columns}."), column=column, columns=", ".join(HEADINGS)))
    wanted = {_bare(heading): column for column, heading in mapping.items()}
    known = {heading: column for column, headings in HEADINGS.items() for heading in headings} | wanted
    for delimiter in DELIMITERS:
        rows = head_rows(text, delimiter)
        for line, cells in list(zip(rows.lines, rows.cells, strict=True))[:HEADINGS_WITHIN]:
            found: dict[str, tuple[int, str]] = {}
            for at, cell in enumerate(cells):
                column = known.get(_bare(cell))
                if column and (column not in found or _bare(cell) in wanted):
                    found[column] = (at, cell.strip()[:60])
            if "name" in found and set(mapping) <= set(found):
                return delimiter, line, found
    raise ImportRefused(Message.of(_("No row names a column of names. Say which it is: name=HEADING.")))


def _bare(heading: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", heading).casefold())
