"""Tests: docs/architecture.md draws every folder that has code, names only what exists, and has the right order."""

import re
import tomllib
from pathlib import PurePosixPath

import pytest

from tests.house.repository import PACKAGES, ROOT, sources, text

PAGE = text("docs/architecture.md")
PICTURE = re.findall(r"## Folders\n\n```text\n(.*?)```", PAGE, re.DOTALL)[0].splitlines()
NAMED = re.compile(r"`((?:[\w.]+/)+(?:[\w-]+\.\w+)?|[\w/-]+\.(?:py|md|toml))`")
PICTURE_LINES_MAX = 40
INDENT = 2


def drawn() -> dict[str, str]:
    """Return every path in the picture with its sentence; two blanks of indent are one folder deeper."""
    lines: dict[str, str] = {}
    above: list[str] = []
    for line in PICTURE:
        name, sentence = line.strip().split(maxsplit=1)
        depth = (len(line) - len(line.lstrip())) // INDENT
        above[depth:] = [name.rstrip("/")]
        lines["/".join(above)] = sentence
    return lines


def test_the_picture_has_every_folder_with_code_and_a_sentence_for_each() -> None:
    with_code = {str(path.parent.relative_to(ROOT)) for path in sources(*PACKAGES)}
    assert {path for path in drawn() if not path.endswith(".py")} == with_code
    assert all(" " in sentence for sentence in drawn().values())


def test_the_picture_fits_on_one_screen() -> None:
    assert len(PICTURE) < PICTURE_LINES_MAX


@pytest.mark.parametrize("path", drawn())
def test_what_the_picture_names_exists(path: str) -> None:
    assert (ROOT / path).exists()
    folder = PurePosixPath(path).parent if path.endswith(".py") else PurePosixPath(path)
    for named in re.findall(r"[\w/]+\.py", drawn()[path]):
        assert (ROOT / folder / named).is_file(), f"{folder}: {named}"


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:[\w.]+/)+(?:[\w-]+\.\w+)?|[\w/-]+\.(?:py|md|toml))`", PAGE)))
)
def test_every_file_and_folder_named_in_the_text_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_order_of_folders_is_that_of_the_import_contracts() -> None:
    contracts = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    orders = {
        layers[0].split(".")[0]: [re.sub(r"\b\w+\.(?=\w)", "", layer) for layer in layers]
        for layers in (one["layers"] for one in contracts if one["type"] == "layers")
        if "." in layers[0]
    }
    documented = re.findall(r"^(\w+) +(\w+ [^\n]*> [^\n]*)$", PAGE, re.MULTILINE)
    assert {layer: order.split(" > ") for layer, order in documented} == orders
