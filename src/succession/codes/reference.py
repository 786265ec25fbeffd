"""How is a typed table of db/reference read?"""

from __future__ import annotations

from succession.config import resource


def read_table(relative_path: str) -> tuple[dict[str, str], ...]:
    """Rows of a tab-separated reference file: `#` lines name the source, the next line the columns.

    Raises ValueError naming the line when a row has another number of cells than the head.
    """
    return table_of(resource(relative_path).read_text(encoding="utf-8"), relative_path)


def table_of(text: str, name: str) -> tuple[dict[str, str], ...]:
    """The same from the text of a table; `name` is what it is called in a ValueError."""
    columns: list[str] = []
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("#") or not line:
            continue
        cells = line.split("\t")
        if not columns:
            columns = cells
        elif len(cells) != len(columns):
            raise ValueError(f"{name} line {number}: {len(cells)} cells, the head names {len(columns)}")
        else:
            rows.append(dict(zip(columns, cells, strict=True)))
    return tuple(rows)


def source_of(relative_path: str) -> str:
    """The first `#` line of a reference file: what it holds and where it comes from."""
    with resource(relative_path).open(encoding="utf-8") as file:
        return file.readline().removeprefix("#").strip()
