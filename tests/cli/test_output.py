import csv
import io

import pytest

from cli.drawing.output import as_csv, document, flattened, line


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_json_is_one_document() -> None:
    assert document({"a": [1, "é"]}) == '{\n  "a": [\n    1,\n    "é"\n  ]\n}\n'.encode()


def test_jsonl_is_one_line() -> None:
    assert line({"a": "x\ny"}) == b'{"a":"x\\ny"}\n'


def test_csv_flattens_objects_and_joins_lists() -> None:
    data = as_csv([{"id": "1", "properties": {"city": "Gent", "n": 5, "f": False}, "merged_ids": ["2", "3"]}])
    assert rows_of(data) == [
        {"id": "1", "properties.city": "Gent", "properties.n": "5", "properties.f": "false", "merged_ids": "2;3"}
    ]


def test_csv_has_the_columns_of_all_rows() -> None:
    assert rows_of(as_csv([{"a": 1}, {"b": None, "c": [{"d": 1}]}])) == [
        {"a": "1", "b": "", "c": ""},
        {"a": "", "b": "", "c": '[{"d":1}]'},
    ]


def test_csv_quotes_what_needs_it() -> None:
    assert rows_of(as_csv([{"a": 'x,"y"\nz'}])) == [{"a": 'x,"y"\nz'}]


def test_csv_of_nothing_is_nothing_or_the_header_asked_for() -> None:
    assert as_csv([]) == b""
    assert as_csv([], ["a", "b"]) == b"a,b\n"


@pytest.mark.parametrize(("value", "expected"), [({"a": {}}, {"a": ""}), ({}, {}), ("x", {"value": "x"})])
def test_edges_of_flattening(value: object, expected: dict[str, str]) -> None:
    assert flattened(value) == expected
