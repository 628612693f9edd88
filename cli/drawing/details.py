"""Layer: cli. Draws detail pages: a lineage, a segment, a workflow, an account, the installation."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from cli.drawing.output import cell
from cli.drawing.pages import facts, heading, section, some
from cli.drawing.tables import Column, Row, new_table, status_text, table, text
from cli.session.session import visible
from cli.session.settings import KNOWN


def lineage_page(lineage: Row) -> RenderableType:
    """Draw which records became which: as a tree from the current one, or as a list if it is deep."""
    nodes = {node["record_id"]: node for node in lineage["nodes"]}
    tree = Tree(_node(nodes, lineage["root"], "bold cyan"), guide_style="dim")
    waiting = [(tree, lineage["root"], 1)]
    while waiting:  # Chains are 250 deep: no recursion.
        branch, record_id, depth = waiting.pop()
        if depth > _TREE_DEPTH_MAX:
            return table(_NODES, [node for node in lineage["nodes"] if node.get("merge_id")])
        node = nodes.get(record_id) or {}
        sides = [node[side] for side in ("primary_id", "secondary_id") if node.get(side)]
        waiting += [(branch.add(_node(nodes, side, "")), side, depth + 1) for side in sides]
    return tree


_TREE_DEPTH_MAX: Final = 14
_NODES: Final = (
    Column("record", "record_id", "bold cyan"),
    Column("primary", "primary_id"),
    Column("secondary", "secondary_id"),
    Column("merge", "merge_id", "dim"),
    Column("at", "at", "dim"),
)


def _node(nodes: Mapping[str, Row], record_id: str, style: str) -> Text:
    node = nodes.get(record_id) or {}
    told = Text(visible(record_id), style)
    return told.append(f"  {node['merge_id']} {node.get('at') or ''}", "dim") if node.get("merge_id") else told


def outcome_page(outcome: Row) -> RenderableType:
    """Draw the outcome of one command."""
    details = outcome.get("details") or {}
    named = {name: value for name, value in outcome.items() if name not in {"command_id", "status", "details"}}
    return Group(
        heading(Text(visible(str(outcome["command_id"] or "preview")), "bold cyan"), status_text(outcome["status"])),
        facts([(name.replace("_", " "), text(value)) for name, value in (named | details).items()]),
    )


def segment_page(segment: Row) -> RenderableType:
    """Draw a segment: its members, and who was removed by a merge or a person."""
    about = facts(
        [
            ("type", text(segment["object_type"])),
            ("kind", text(segment["kind"])),
            ("members", some(segment.get("members") or ())),
        ]
    )
    return _with_removals(_titled(segment["segment_id"], segment["name"]), about, "Removals", segment.get("removals"))


def workflow_page(workflow: Row) -> RenderableType:
    """Draw a workflow: its enrollments and unenrollments, with causes."""
    enrolled = workflow.get("enrolled") or ()
    about = Group(
        facts([("type", text(workflow["object_type"]))]),
        section("Enrolled", table(_CAUSED, enrolled) if enrolled else Text("nobody", "dim")),
    )
    title = _titled(workflow["workflow_id"], workflow["name"])
    return _with_removals(title, about, "Unenrollments", workflow.get("unenrollments"))


_CAUSED: Final = (
    Column("record", "record_id", "cyan"),
    Column("cause", "cause"),
    Column("reason", "reason"),
    Column("at", "at", "dim"),
)


def _titled(one_id: str, name: str) -> RenderableType:
    return heading(Text(visible(one_id), "bold cyan"), Text(visible(name), "bold"))


def _with_removals(
    title: RenderableType, about: RenderableType, name: str, removals: Sequence[Row] | None
) -> RenderableType:
    return Group(title, about, section(name, table(_CAUSED, removals))) if removals else Group(title, about)


def settings_page(account: Mapping[str, Any]) -> RenderableType:
    """Draw an account's settings with their origin."""
    drawn = new_table(visible(f"account {account['account']}, as of position {account['position']:,}"))
    for head in ("setting", "value", "origin"):
        drawn.add_column(head, overflow="fold")
    for name, one in account["settings"].items():
        command = f" {one['command_id']}" if one.get("command_id") else ""
        drawn.add_row(Text(name, "bold"), text(one["value"]), Text(visible(one["origin"] + command), "dim"))
    return drawn


_CHECKS: Final = (
    Column("check", "name"),
    Column("", lambda row: "ok" if row["ok"] else "failed"),
    Column("found", "found"),
    Column("next step", "next_step"),
)


def status_page(told: Mapping[str, Any]) -> RenderableType:
    """Draw the state of the installation."""
    parts: list[RenderableType] = []
    for part in ("database", "projections", "publishing"):
        if part not in told:
            continue
        named = [(name.replace("_", " "), text(value)) for name, value in _spoken(told[part] or {})]
        parts += [Text(part, "bold"), facts(named or [("", Text("none yet", "dim"))]), Text("")]
    if "kafka" in told:
        parts.append(table(_CHECKS, told["kafka"], "kafka"))
    settings = new_table("settings")
    settings.add_column("setting", no_wrap=True)  # The names are ours, and short.
    for head in ("value", "origin", "meaning"):
        settings.add_column(head, overflow="fold")
    for one in told["settings"]:
        known = KNOWN[one["name"]]
        settings.add_row(Text(one["name"], "bold"), text(one["value"]), one["origin"], Text(known.meaning, "dim"))
    return Group(*parts, settings)


def _spoken(part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in part.items():
        yield (
            name,
            f"{value:,}" if isinstance(value, int) else f"{value:.1f}" if isinstance(value, float) else cell(value),
        )
