"""Tests: one word for one thing: the glossary defines a word once, and no class name means two things."""

import ast
import re
from collections import defaultdict

from tests.house.repository import PACKAGES, ROOT, sources, text

# Names that two modules give to different classes. Each has its reason; a name that is not here has one class.
SHARED = {
    "Answer": "An answer of the ledger to one command, and of the command line to one question.",
    "AssociationEffects": "As Effects.",
    "Column": "A column of an array for PostgreSQL, and of a table on the terminal.",
    "CommandIdReused": "The event, and the refusal that it stores.",
    "DeadLetter": "A dead letter as it is read from its topic, and as it is to be written.",
    "Effects": "What a merge did, and with what only readers know.",
    "Folded": "A state with its version, in the cache and for the library.",
    "Handler": "What decides a command, and what answers HTTP.",
    "Identifiers": "A projection, and the shape of what a lineage unites.",
    "Lineage": "A need of a decision, and a projection.",
    "Lineages": "Lineages as of a moment, and as they are published.",
    "Log": "A part of the ledger's interface: what readers use, and what the runner uses.",
    "MarkedNotDuplicates": "An event, and a refusal because of it.",
    "Merge": "A merge in the lineage index, and its explanation.",
    "Pages": "A part of the ledger's interface, used by two modules.",
    "PostgresSnapshot": "A snapshot of the log, and of the read models.",
    "Progress": "How far a run is, and how it is shown.",
    "Record": "A record as decisions see it, and as readers see it.",
    "RecordArchived": "An event, and a refusal because of it.",
    "Segment": "A definition, and what readers see.",
    "Setting": "A setting of an account, and of the command line.",
    "Settings": "Settings of a worker, and of the command line.",
    "Snapshot": "A snapshot of the log, and of the read models: one port each.",
    "SqliteSnapshot": "As PostgresSnapshot.",
    "Takes": "A part of the ledger's interface, used by two modules.",
    "View": "What decisions read, and a view in SQL.",
    "Workflow": "As Segment.",
}


def classes() -> dict[str, list[str]]:
    """Return the public names of all classes, each with the modules that define one."""
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for path in sources(*PACKAGES):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(str(path.relative_to(ROOT)))
    return homes


def test_a_class_name_means_one_thing() -> None:
    shared = {name: homes for name, homes in classes().items() if len(homes) > 1}
    assert not {name: homes for name, homes in shared.items() if name not in SHARED}


def test_the_glossary_defines_a_word_once() -> None:
    first_cells = re.findall(r"^\| (\*\*.+?) \| ", text("docs/glossary.md"), re.MULTILINE)
    words = [word for cell in first_cells for word in re.findall(r"\*\*(.+?)\*\*", cell)]
    assert words
    assert len(words) == len(set(words))
