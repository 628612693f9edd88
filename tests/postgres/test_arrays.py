"""Layer: tests. What goes to PostgreSQL comes back as it went: every kind of column, and text that it cannot hold."""

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.store.postgres.arrays import (
    Column,
    Documents,
    Flags,
    Integers,
    NullableIntegers,
    NullableTexts,
    Texts,
    adapters_of_columns,
    read_text,
    stored_text,
)
from tests.postgres.server import Databases

texts = st.text(st.characters(codec="utf-8"))
rare = st.text(st.sampled_from("\0\1\2a"), max_size=6)
integers = st.integers(-(2**63), 2**63 - 1)


@given(texts | rare)
def test_text_is_stored_without_nul_and_read_as_it_was(text: str) -> None:
    assert "\0" not in stored_text(text)
    assert read_text(stored_text(text)) == text


@given(st.lists(rare))
def test_stored_text_sorts_as_the_text_does(found: list[str]) -> None:
    assert [read_text(text) for text in sorted(map(stored_text, found))] == sorted(found)


@pytest.mark.parametrize(
    "column",
    [
        Texts(["", "a\0b", "é\U0001f600", '{"x": "\\\\"}']),
        Texts([]),
        Documents([b"{}", b'"\\u0000"']),
        Documents([]),
        Integers([0, -1, 2**63 - 1, -(2**63)]),
        Integers([]),
        Flags([True, False]),
        NullableTexts(["a", None, ""]),
        NullableTexts([None]),
        NullableIntegers([1, None, -1]),
        NullableIntegers([]),
    ],
)
def test_a_column_is_an_array(postgres_url: str, column: Column) -> None:
    with psycopg.connect(postgres_url, context=adapters_of_columns()) as connection:
        row = connection.execute("SELECT %s, array_ndims(%s), cardinality(%s)", [column] * 3, binary=True).fetchone()
    assert row is not None
    found, dimensions, cardinality = row
    assert dimensions == (1 if found else None)
    assert cardinality == len(found)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(texts | rare, integers, st.none() | texts, st.none() | integers, st.booleans()), max_size=20))
def test_rows_come_back_as_they_went(
    databases: Databases, rows: list[tuple[str, int, str | None, int | None, bool]]
) -> None:
    with psycopg.connect(databases.server, context=adapters_of_columns()) as connection:
        columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], [], []]
        kinds = (Texts, Integers, NullableTexts, NullableIntegers, Flags)
        packed = [kind(values) for kind, values in zip(kinds, columns, strict=True)]
        found = connection.execute("SELECT * FROM unnest(%s, %s, %s, %s, %s)", packed, binary=True).fetchall()
    assert [tuple(read_text(v) if isinstance(v, str) else v for v in row) for row in found] == rows
