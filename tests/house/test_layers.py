"""Tests: imports point one way, and every module says which layer it is of."""

import ast
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from tests.house.repository import CODE, PACKAGES, ROOT, sources

# The vocabularies of the domain stand in one place each, however long they are.
LONG_BY_DESIGN = {
    "domain/language/commands.py": "every command",
    "domain/language/events.py": "every event",
    "domain/language/refusals.py": "every refusal",
    "projections/reading/shapes.py": "every shape that readers see",
}
LINES_MAX = 310
TEST_LINES_MAX = 500


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names.add((node.module or "").split(".")[0])
    return names


def test_imports_point_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True) == 0


def test_the_domain_imports_the_standard_library_and_msgspec_alone() -> None:
    allowed = {*sys.stdlib_module_names, "msgspec", "domain"}
    foreign = {path.name: found for path in sources("domain") if (found := imported(path) - allowed)}
    assert not foreign


def test_each_library_is_imported_by_its_own_layer_alone() -> None:
    homes = {"eventsourcing": "ledger", "kafka": "consumers", "cyclopts": "cli", "rich": "cli"}
    strays = [
        f"{path.relative_to(ROOT)} imports {library}"
        for path in sources(*PACKAGES)
        for library in imported(path) & homes.keys()
        if path.relative_to(ROOT).parts[0] != homes[library]
    ]
    assert not strays


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_says_its_layer(package: str) -> None:
    for path in sources(package):
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert said.startswith(f"Layer: {package}. "), path.relative_to(ROOT)


def test_modules_are_read_in_one_sitting() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources(*CODE)}
    assert not {
        name: lines
        for name, lines in lengths.items()
        if lines > (TEST_LINES_MAX if name.startswith("tests/") else LINES_MAX) and name not in LONG_BY_DESIGN
    }
