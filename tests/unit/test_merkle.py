"""Does a path lead to the signed root for its own leaf alone, and does it tell nothing of the others?"""

from __future__ import annotations

import hashlib
from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from succession.disclosure.merkle import HeadAt, leaf, leaf_salt, leaves, path, root, root_of

SALT = bytes(range(32))


def heads(count: int, deals: int = 1) -> dict[UUID, HeadAt]:
    return {UUID(int=n + 1): HeadAt(n + 1, hashlib.sha256(bytes([n % 256])).digest(), tuple(UUID(int=10**6 + n * deals + d) for d in range(deals)))
            for n in range(count)}


def test_the_tree_is_pinned_to_the_byte():
    """Signed roots hold this: another tree needs another statement, not another hash here."""
    assert root(leaves(SALT, heads(3), 6)).hex() == ROOT


ROOT = "30cb69cb252c8bc0d460eb2622ca7b2475e9c09ca442ece10d270f648656d0ee"


@settings(max_examples=20)
@given(st.integers(0, 40), st.integers(0, 2), st.integers(0, 2**20), st.integers(0, 9), st.integers(0, 255))
def test_every_leaf_has_a_path_and_no_other_leaf_place_or_path_reaches_the_root(count, deals, which, level, bit):
    level_of_leaves = leaves(SALT, heads(count, deals), 5)
    top, place = root(level_of_leaves), which % len(level_of_leaves)
    beside = path(level_of_leaves, place)
    assert root_of(level_of_leaves[place], place, beside) == top
    assert root_of(level_of_leaves[place], place ^ (1 << level), beside) != top
    other = bytearray(beside[level])
    other[bit // 8] ^= 1 << bit % 8
    assert root_of(level_of_leaves[place], place, [*beside[:level], bytes(other), *beside[level + 1:]]) != top
    assert root_of(beside[0], place, beside) != top or beside[0] == level_of_leaves[place]


def test_a_node_never_passes_for_a_leaf_nor_a_leaf_for_a_node():
    left, right = b"l" * 32, b"r" * 32
    assert hashlib.sha256(b"\x01" + left + right).digest() == root([left, right])
    assert leaf(left, "L", UUID(bytes=right[:16]), 0, right) != root([left, right])


def test_paths_are_as_long_and_places_as_even_whatever_goes_on():
    """One listing or three hundred with their deals: the same length, and a place that depends on the salt alone."""
    one, many = leaves(SALT, heads(1), 5), leaves(SALT, heads(300, 2), 5)
    assert len(one) == len(many) == 1024
    mine = UUID(int=1)
    found = leaf(leaf_salt(SALT, mine), "L", mine, 1, heads(1)[mine].hash)
    assert found in one and found in many
    assert abs(many.index(found) / 1024 - int.from_bytes(found[:4]) / 2**32) < 0.08
    assert len(leaves(SALT, heads(1024), 5)) == 4096


def test_the_same_head_has_another_leaf_in_every_checkpoint_and_for_every_deal_of_its_listing():
    head = HeadAt(7, b"h" * 32, (uuid4(), uuid4()))
    listing = uuid4()
    made = [set(leaves(salt * 32, {listing: head}, 7)) for salt in (b"a", b"b")]
    assert not made[0] & made[1]
    first, second = (leaf(leaf_salt(SALT, deal), "D", deal, head.seq, head.hash) for deal in head.deals)
    assert first != second
