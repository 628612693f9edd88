"""Every command has a handler of its own, whose two functions accept it."""

from inspect import signature
from typing import get_args, get_type_hints

from domain.decide import HANDLERS, on
from domain.decisions import records
from domain.decisions.context import record_needs
from domain.language import commands as c


def test_every_command_has_a_handler_and_nothing_else_has() -> None:
    assert HANDLERS.keys() == {*get_args(c.AnyCommand)}


def test_a_handler_needs_and_decides_for_its_own_command() -> None:
    for command, (handled, needs, decide) in HANDLERS.items():
        assert command is handled
        for function, position in ((needs, 0), (decide, 1)):
            name = list(signature(function).parameters)[position]
            hint = get_type_hints(function)[name]
            accepted = get_args(hint) or (hint,)
            assert any(issubclass(command, each) for each in accepted), f"{function} does not accept {command}"


def test_the_type_checker_refuses_a_function_of_another_command() -> None:
    # mypy reports an ignore that it does not need: were the two pairs accepted, the static checks would fail.
    on(c.ArchiveRecord, record_needs, records.restore_record)  # type: ignore[arg-type]  # The pair is wrong on purpose.
    on(c.ArchiveRecord, records.update_needs, records.archive_record)  # type: ignore[arg-type]  # As above.
