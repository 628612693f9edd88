"""Tests: the distribution installs what it needs and no more, pinned, from no named place; the licence is whole."""

import re
import subprocess
import tomllib
from hashlib import sha256
from importlib import metadata
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from tests.house.repository import PACKAGES, ROOT, text

PYPROJECT: dict[str, Any] = tomllib.loads(text("pyproject.toml"))
PINNED = {
    canonicalize_name(line.split("==")[0]): line.split("==")[1]
    for line in text("constraints.txt").splitlines()
    if "==" in line
}
APACHE_2 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
RUN = "python3 -m venv .venv && . .venv/bin/activate && pip install -q -c constraints.txt -e . && merge-ledger demo"
TEST = "pip install -q -c constraints.txt -e '.[test]' && pytest"
UV_RUN = "uv venv && . .venv/bin/activate && uv pip install -q -c constraints.txt -e . && merge-ledger demo"
UV_TEST = "uv pip install -q -c constraints.txt -e '.[test]' && pytest"


def needed(name: str, extras: set[str], seen: set[NormalizedName]) -> set[NormalizedName]:
    """Every distribution that installing this one brings along."""
    for line in metadata.requires(name) or ():
        requirement = Requirement(line)
        wanted = (
            any(requirement.marker.evaluate({"extra": one}) for one in (extras or {""})) if requirement.marker else True
        )
        found = canonicalize_name(requirement.name)
        if wanted and found not in seen:
            seen.add(found)
            needed(found, set(requirement.extras), seen)
    return seen


def test_what_is_installed_is_pinned_to_what_is_installed() -> None:
    for name in needed("merge-ledger", {"", "test"}, set()):
        assert PINNED.get(name) == metadata.version(name), name


def test_the_demos_install_stays_small() -> None:
    assert needed("merge-ledger", set(), set()) <= {
        *("attrs", "cyclopts", "docstring-parser", "eventsourcing", "markdown-it-py", "mdurl", "msgspec", "pygments"),
        *("rich", "rich-rst", "typing-extensions"),
    }


def test_every_package_is_in_the_wheel() -> None:
    assert PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == list(PACKAGES)


def test_it_is_never_to_be_uploaded_to_an_index() -> None:
    assert "Private :: Do Not Upload" in PYPROJECT["project"]["classifiers"]


def tracked() -> list[str]:
    """Every file that a clone has."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)  # noqa: S607
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_package_index_is_named_anywhere() -> None:
    index = re.compile(r"pypi\.org|pythonhosted|--(extra-)?index-url|--find-links|^\s*index-url", re.MULTILINE)
    own = "tests/house/test_packaging.py"
    naming = [name for name in tracked() if name != own and index.search((ROOT / name).read_text(errors="replace"))]
    assert not naming
    assert "uv.lock" in text(".gitignore").split()


def test_every_lint_that_is_ignored_says_why() -> None:
    block = text("pyproject.toml").split("[tool.ruff.lint]")[1].split("[tool.mypy]")[0]
    ignores = [line for line in block.splitlines() if re.match(r'\s+"[A-Z]+[0-9]*",', line)]
    assert ignores
    assert all(re.search(r"#\s+\S+", line) for line in ignores)


def test_every_lint_that_is_ignored_in_place_is_named() -> None:
    nameless = re.compile(r"#\s*noqa(?!:)|#\s*type:\s*ignore(?!\[)")
    assert not [name for name in tracked() if name.endswith(".py") and nameless.search((ROOT / name).read_text())]


def test_the_licence_is_apache_2_word_for_word() -> None:
    assert PYPROJECT["project"]["license"] == "Apache-2.0"
    assert sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE_2


def test_the_changelog_has_this_version() -> None:
    assert f"## {PYPROJECT['project']['version']}" in text("CHANGELOG.md")


def test_the_readme_has_the_commands_of_a_newcomer() -> None:
    lines = text("README.md").splitlines()
    for command in (RUN, TEST, UV_RUN, UV_TEST):
        assert command in lines


def versions(words: str) -> list[str]:
    """Every version of Python from 3.10 on that is named."""
    return re.findall(r"\b3\.\d\d\b", words)


def versions_of_python() -> list[str]:
    return versions(" ".join(one for one in PYPROJECT["project"]["classifiers"] if "Python :: 3." in one))


def test_the_versions_of_python_that_are_tested_are_the_same_wherever_they_are_named() -> None:
    tested = versions_of_python()
    assert tested == [f"3.{11 + nth}" for nth in range(len(tested))]
    assert versions(text("CONTRIBUTING.md").split("\nTested on Python")[1].split(", which")[0]) == tested
    assert sorted(versions(text(".github/workflows/ci.yml"))) == tested


def test_the_oldest_version_of_python_is_the_same_wherever_it_is_named() -> None:
    oldest = versions_of_python()[0]
    assert PYPROJECT["project"]["requires-python"] == f">={oldest}"
    assert PYPROJECT["tool"]["ruff"]["target-version"] == "py" + oldest.replace(".", "")
    for name in ("README.md", "CONTRIBUTING.md", ".ci/run"):
        assert f"Python {oldest} or newer" in text(name), name


def test_nothing_that_is_needed_refuses_the_next_version_of_python() -> None:
    major, minor = versions_of_python()[-1].split(".")
    for name in needed("merge-ledger", {"", "test"}, {canonicalize_name("merge-ledger")}):
        accepted = metadata.metadata(name).json.get("requires_python") or ""
        assert f"{major}.{int(minor) + 1}.0" in SpecifierSet(str(accepted)), name


def test_ci_runs_the_readmes_test_command() -> None:
    assert TEST in text(".ci/run")
    assert "bash .ci/run" in text(".github/workflows/ci.yml")


def test_ci_can_be_run_and_read() -> None:
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
    checked = subprocess.run(["bash", "-n", ".ci/run"], cwd=ROOT, capture_output=True, check=False, text=True)  # noqa: S607
    assert checked.returncode == 0, checked.stderr
