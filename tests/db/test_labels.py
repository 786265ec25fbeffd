"""Does the database know which code lies inside which, and can a label say more than its cell?"""

import pytest
from market_world import put_in_force

from succession.codes import ATTRIBUTES, SCHEMES, ancestors
from succession.market.codebooks import label_id, load_codebook
from succession.market.order import PLACE_RANK, REVENUE_RANK


async def test_the_tree_of_codes_is_the_one_of_the_tables(as_database_role):
    owner = await as_database_role("owner")
    await owner.execute("SET ROLE succession_seeder")
    rows = await owner.fetch("SELECT attribute, code, parent FROM market.code_parent")
    assert {tuple(row) for row in rows} == {
        (name, code.code, code.parent) for name in ATTRIBUTES for code in SCHEMES[name].codes.values() if code.parent}
    for attribute, code in (("place", "JP-29"), ("industry", "24"), ("revenue", "under_200")):
        for wider in SCHEMES[attribute].codes:
            inside = await owner.fetchval("SELECT market.lies_inside($1, $2, $3)", attribute, code, wider)
            assert inside == (wider == code or wider in ancestors(attribute, code)), wider


async def _insert(connection, version, cell, codes, **changed):
    row = {"codebook_version": version, **codes, "place_rank": PLACE_RANK[codes["place"]],
           "revenue_rank": REVENUE_RANK[codes["revenue"]], "parent": cell.cell, "size": cell.size} | changed
    async with connection.transaction():
        await connection.execute(f"INSERT INTO market.cell ({', '.join(row)}) VALUES ({', '.join(f'${n}' for n in range(1, len(row) + 1))})",
                                 *row.values())


async def test_a_label_says_less_than_its_cell_and_the_api_adds_no_cell(world, as_database_role):
    book = await put_in_force(world)
    app = await as_database_role("succession_app")
    cell = next(cell for cell in book.cells if cell.place == "JP-13" and cell.margin != "any")
    codes = dict(zip(ATTRIBUTES, cell.key, strict=True))
    blurred = codes | {"place": "kanto"}
    for wrong, changed in (
        (codes, {}),  # the cell itself
        (codes | {"place": "kansai"}, {}),  # not inside
        (blurred, {"size": cell.size + 1}),  # another crowd than its cell's
        (blurred, {"parent": 10**6}),  # of no cell
    ):
        with pytest.raises(Exception) as refused:
            await _insert(app, book.version, cell, wrong, **changed)
        assert refused.value.sqlstate == "SU002" and refused.value.constraint_name == "label_coarser"
    with pytest.raises(Exception) as refused:  # a region cannot become a prefecture again
        region = next(c for c in book.cells if c.place == "kanto" and c.margin != "any")
        await _insert(app, book.version, region, dict(zip(ATTRIBUTES, region.key, strict=True)) | {"place": "JP-13", "margin": "any"})
    assert refused.value.sqlstate == "SU002"
    with pytest.raises(Exception) as refused:
        await _insert(app, book.version, cell, blurred, parent=None)
    assert refused.value.sqlstate == "42501"
    row_of_cell = await app.fetchval("SELECT id FROM market.cell WHERE codebook_version = $1 AND number = $2", book.version, cell.cell)
    made = await label_id(app, row_of_cell, blurred)
    assert made == await label_id(app, row_of_cell, blurred) != row_of_cell
    with pytest.raises(Exception) as refused:
        await app.execute("DELETE FROM market.cell WHERE id = $1", made)
    assert refused.value.sqlstate == "42501"
    assert (await load_codebook(app, book.version)).version == book.version, "labels are no part of the codebook"


async def test_readers_of_the_market_cannot_tell_a_label_from_a_cell(as_database_role):
    """The codes are all there is: neither that a label stands for a cell, nor for which."""
    for role in ("market_public", "market_buyer", "market_desk", "market_domestic"):
        reader = await as_database_role(role)
        for column in ("parent", "number", "size"):
            with pytest.raises(Exception) as refused:
                await reader.fetch(f"SELECT {column} FROM market.cell LIMIT 1")
            assert refused.value.sqlstate == "42501", (role, column)
