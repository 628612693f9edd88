"""Layer: cli. Draws one record, or one merge with both sides and why, on a page.

What is drawn is the JSON of the contract, so a page never knows more or less than `-o json`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.drawing.tables import Row, new_table, status_text, text
from cli.session.session import visible

_LISTED_MAX: Final = 20
_SIDE_STYLES: Final = {"primary": "green", "secondary": "cyan", "both": "magenta", "computed": "magenta"}


def facts(pairs: Sequence[tuple[str, RenderableType]]) -> Table:
    """Draw names beside values."""
    drawn = Table.grid(padding=(0, 2))
    drawn.add_column(style="dim", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in pairs:
        drawn.add_row(name, value)
    return drawn


def heading(*parts: RenderableType) -> Table:
    """Draw the first line of a page."""
    drawn = Table.grid(padding=(0, 2))
    drawn.add_row(*parts)
    return drawn


def section(title: str, body: RenderableType) -> RenderableType:
    """Draw a part of a page under its name."""
    return Group(Text(""), Text(title, "bold"), body)


def some(items: Sequence[str], style: str = "") -> Text:
    """Draw a list of ids, the first of a long one."""
    shown = text(list(items[:_LISTED_MAX]), style)
    return shown if len(items) <= _LISTED_MAX else shown.append(f" … {len(items):,} in all", "dim")


# -- a record ---------------------------------------------------------------------------------------------------------


def record_page(record: Row) -> RenderableType:
    """Draw a record, a tombstone or what is left of an erased record."""
    named = Text(visible(f"{record.get('object_type', 'record')} {record['id']}"), "bold cyan")
    parts: list[RenderableType] = [heading(named, status_text(record["status"]))]
    if record["status"] in {"merged_away", "erased"}:
        return Group(*parts, facts([(name, text(value)) for name, value in record.items() if name not in _HEADED]))
    if record.get("requested_id") not in {None, record["id"]}:
        via = ", ".join(record.get("redirected_via") or ())
        parts.append(Text(visible(f"{record['requested_id']} leads here through {via}"), "yellow"))
    parts.append(
        facts(
            [
                ("merged from", some(record.get("merged_ids") or ())),
                ("version", Text(f"{record.get('version')}, as of position {record.get('position', 0):,}")),
                ("updated", text(record.get("updated_at"))),
            ]
        )
    )
    properties = record.get("properties") or {}
    parts.append(section("Properties", facts([(visible(name), text(value)) for name, value in properties.items()])))
    around = list(_around(record))
    if around:
        parts.append(section("Around it", facts(around)))
    return Group(*parts)


_HEADED: Final = {"id", "status", "object_type"}


def _around(record: Row) -> Iterator[tuple[str, RenderableType]]:
    if links := record.get("associations"):
        yield "associations", Group(*(_link(one) for one in links[:_LISTED_MAX]))
        if len(links) > _LISTED_MAX:
            yield "", Text(f"… {len(links):,} in all", "dim")
    if total := record.get("activities_total"):
        yield "activities", Text(f"{total:,}, the newest ").append_text(some((record.get("activities") or ())[:3]))
    segments = record.get("segments") or {}
    for kind in ("static", "active"):
        if segments.get(kind):
            yield f"{kind} segments", some(segments[kind])
    for name in ("workflows", "usertokens"):
        if record.get(name):
            yield name, some(record[name])
    for name, values in (record.get("additional_identifiers") or {}).items():
        yield visible(f"also {name}"), some(values)
    if playbooks := record.get("playbooks"):
        yield "playbooks", text([f"{one['playbook_id']} ({one['state']})" for one in playbooks])
    for system, external_ids in (record.get("sync_ids") or {}).items():
        yield f"sync {system}", some(external_ids)
    for one in record.get("suppressions") or ():
        yield (
            "suppressed",
            text(" ".join(str(one[name]) for name in ("kind", "topic", "address") if one.get(name)), "red"),
        )
    for name in ("active_call", "recreated_from"):
        if record.get(name):
            yield name.replace("_", " "), text(record[name])


def _link(link: Row) -> Text:
    drawn = text(f"{link['object_type']} {link['id']}")
    labels = [_label(one) for one in link.get("labels") or ()]
    return drawn.append(f"  {', '.join(labels)}" if labels else "", "dim")


def _label(label: Row) -> str:
    attributes = _attributes(label.get("attributes") or {})
    return visible(f"{label['label']} ({attributes})" if attributes else str(label["label"]))


def _attributes(said: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in said.items())


# -- a merge ----------------------------------------------------------------------------------------------------------


def merge_page(merge: Row) -> RenderableType:
    """Draw a merge or its preview: both sides and the result beside one another, and why."""
    result = merge.get("result_id") or "a new record"
    named = f"{merge['object_type']} {merge['primary_id']} + {merge['secondary_id']} → {result}"
    parts: list[RenderableType] = [Text(visible(named), "bold")]
    known = [(label, merge.get(name)) for label, name in _MERGE_FACTS]
    parts.append(facts([(label, text(value)) for label, value in known if value is not None]))
    parts.append(_decisions(merge))
    effects = list(_effects(merge.get("effects") or {}))
    if effects:
        parts += [Text("Effects", "bold"), facts(effects)]
    for warning in merge.get("warnings") or ():
        parts.append(Text(visible(f"! {warning['message']} ({warning['code']})"), "yellow"))
    if merge.get("preview_token"):
        parts += [Text(""), facts([("preview token", text(merge["preview_token"], "cyan"))])]
    return Group(*parts)


def merge_line(merge: Row) -> Text:
    """Draw a merge in one line."""
    told = f"{merge['object_type']} {merge['primary_id']} + {merge['secondary_id']} -> {merge['result_id']}"
    return Text(visible(f"{told}   position {merge['position']}"))


_MERGE_FACTS: Final = (
    ("merge", "merge_id"),
    ("happened", "occurred_at"),
    ("position", "position"),
    ("actor", "actor"),
    ("reason", "reason"),
    ("rule set", "rule_set"),
    ("properties moved", "properties_moved"),
)


def _decisions(merge: Row) -> RenderableType:
    drawn = new_table()
    drawn.add_column("property", style="bold", overflow="fold")
    drawn.add_column(Text(visible(f"primary {merge['primary_id']}")), overflow="fold")
    drawn.add_column(Text(visible(f"secondary {merge['secondary_id']}")), overflow="fold")
    for head in ("result", "from", "why"):
        drawn.add_column(head, overflow="fold", no_wrap=head == "from")
    for one in merge.get("decisions") or ():
        side = one.get("from")
        drawn.add_row(
            Text(visible(one["property"])),
            _side(one.get("primary"), is_kept=side in {"primary", "both", "computed"}),
            _side(one.get("secondary"), is_kept=side in {"secondary", "both", "computed"}),
            text(one.get("value"), _SIDE_STYLES.get(str(side), "")),
            text(side, _SIDE_STYLES.get(str(side), "")),
            _why(one),
        )
    return drawn


def _side(side: Mapping[str, Any] | None, *, is_kept: bool) -> Text:
    value = text(None if side is None else side.get("value"))
    value.stylize("" if is_kept else "dim")
    at = str((side or {}).get("at") or "")[:10]
    return value.append(f"  {at}", "dim") if at else value


def _why(decision: Row) -> Text:
    told = Text(str(decision.get("rule")), "bold").append(f" {decision.get('rule_name')}", "not bold")
    return told.append(", chosen", "yellow") if decision.get("chosen_by_user") else told


def _effects(effects: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, RenderableType]]:
    for name, value in effects.items():
        told = f"{path} {name}".strip().replace("_", " ")
        if isinstance(value, dict) and not _is_ref(value):
            yield from _effects(value, told)
        elif value:
            yield told, text([_ref(one) for one in value] if isinstance(value, list) else value)


def _is_ref(value: Mapping[str, Any]) -> bool:
    return not any(isinstance(one, dict | list) for one in value.values()) and "id" in value


def _ref(one: Any) -> str:  # noqa: ANN401  whatever JSON can hold
    if isinstance(one, dict):
        told = (value for value in one.values() if value not in (None, "", [], {}))
        return " ".join(f"({_attributes(value)})" if isinstance(value, dict) else str(value) for value in told)
    return str(one)
