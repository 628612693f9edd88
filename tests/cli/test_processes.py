import os
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.cli.running import contact, lines
from tests.cli.terminal import COMMAND, TIMEOUT_S, environment, on_terminal, run, start

MERGE = {
    "type": "merge_records",
    "command_id": "merge-1",
    "object_type": "contacts",
    "primary_id": "101",
    "secondary_id": "102",
    "result_id": "103",
}
PAIR = lines(contact("101", city="Gent"), contact("102", city="Brugge"))


def applied(folder: Path) -> int:
    if not (folder / "ledger.db").exists():
        return 0
    database = sqlite3.connect(folder / "ledger.db")
    try:
        return int(database.execute("select count(*) from events where type like 'command.%'").fetchone()[0])
    finally:
        database.close()


def test_without_a_command_the_help_is_shown(tmp_path: Path) -> None:
    ran = run(tmp_path)
    assert ran.returncode == 0
    assert b"Usage: merge-ledger COMMAND" in ran.stdout


def test_a_file_with_merges_is_asked_about_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_bytes(PAIR + lines(MERGE))
    no = on_terminal(tmp_path, "apply", "c.jsonl", answers=[("[y/N]", "n\n")])
    assert "apply 3 commands of c.jsonl? 1 of them are merges, which are final" in no.screen
    assert no.code == 2
    assert applied(tmp_path) == 0
    yes = on_terminal(tmp_path, "apply", "c.jsonl", answers=[("[y/N]", "y\n")])
    assert (yes.code, applied(tmp_path)) == (0, 3)


def test_a_file_without_merges_and_yes_are_not_asked_about(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(PAIR)
    (tmp_path / "b.jsonl").write_bytes(lines(MERGE))
    assert "[y/N]" not in on_terminal(tmp_path, "apply", "a.jsonl").screen
    assert "[y/N]" not in on_terminal(tmp_path, "apply", "b.jsonl", "--yes").screen
    assert applied(tmp_path) == 3


def test_what_has_come_through_a_pipe_is_answered_when_it_is_quiet(tmp_path: Path) -> None:
    with start(tmp_path, "apply", "-") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        first, second = PAIR.splitlines(keepends=True)
        for part, rest in ((first, second[:20]), (second[20:], b"")):
            process.stdin.write(part + rest)
            process.stdin.flush()
            assert b'"applied"' in process.stdout.readline()
        process.stdin.close()
        assert process.wait(TIMEOUT_S) == 0


def test_a_closed_pipe_ends_it_quietly(tmp_path: Path) -> None:
    with start(tmp_path, "--help") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(TIMEOUT_S) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_a_closed_pipe_in_the_middle_of_a_file_is_quiet_and_says_so_by_its_code(tmp_path: Path) -> None:
    many = lines(*(contact(str(number)) for number in range(1, 5001)))
    (tmp_path / "c.jsonl").write_bytes(many)
    with start(tmp_path, "apply", "c.jsonl") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(TIMEOUT_S) == 141
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert applied(tmp_path) % 1000 == 0


def feed(process: subprocess.Popen[bytes], count: int) -> None:
    assert process.stdin is not None
    for number in range(1, count + 1):
        process.stdin.write(lines(contact(str(number))))
    process.stdin.flush()


def test_ctrl_c_says_how_far_it_came_and_that_the_file_can_be_run_again(tmp_path: Path) -> None:
    with start(tmp_path, "apply", "-") as process:
        assert process.stdout is not None
        drain = threading.Thread(target=process.stdout.read)
        drain.start()
        feed(process, 2500)
        deadline = time.monotonic() + TIMEOUT_S
        while applied(tmp_path) < 2500 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        told = process.stderr.read().decode()
        assert process.wait(TIMEOUT_S) == 130
        drain.join()
    assert "stopped after line 2,500: 2,500 applied; run the same file again to continue" in told
    assert "Traceback" not in told
    assert applied(tmp_path) == 2500


def test_an_unexpected_error_is_one_line_and_a_file_with_the_details(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import consumers.commands.files\n"
        "def read_batches(*args, **options):\n"
        "    raise KeyError('ann@example.com')\n"
        "consumers.commands.files.read_batches = read_batches\n"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    ran = run(tmp_path, "apply", "-", "--account=shop", PYTHONPATH=path)
    told = ran.stderr.decode()
    assert ran.returncode == 70
    assert told.count("\n") == 1
    assert told.startswith("merge-ledger: unexpected KeyError, a bug of ours; its details are in ")
    [report] = (tmp_path / ".local" / "state" / "merge-ledger").iterdir()
    assert str(report) in told
    assert "read_batches" in report.read_text()
    assert "shop" not in report.read_text().splitlines()[0]
    assert report.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("locale", ["C", "POSIX", "nl_BE.ISO-8859-1"])
def test_data_is_utf_8_whatever_the_locale(tmp_path: Path, locale: str) -> None:
    refused = lines({**contact("1"), "properties": {"é": 1}}) + "{é}\n".encode()
    ran = run(tmp_path, "apply", "-", stdin=refused, LC_ALL=locale, PYTHONIOENCODING="ascii")
    assert ran.returncode == 1
    assert ran.stdout.decode().count("\n") == 2


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words", [("--help",), ("apply", "c.jsonl"), ("apply", "c.jsonl", "-o", "table")], ids=" ".join
)
def test_output_that_cannot_be_written_is_told_in_one_line(
    tmp_path: Path, words: tuple[str, ...], unbuffered: str
) -> None:
    (tmp_path / "c.jsonl").write_bytes(PAIR)
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(  # noqa: S603  our own command
            [*COMMAND, *words],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment(tmp_path, PYTHONUNBUFFERED=unbuffered),
            timeout=TIMEOUT_S,
            check=False,
        )
    assert ran.returncode == 2
    assert ran.stderr.decode() == "merge-ledger: the output cannot be written: No space left on device\n"


def test_a_slow_reader_gets_all_even_where_python_does_not_buffer(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_bytes(lines(*(contact(str(number)) for number in range(1, 3001))))
    with start(tmp_path, "apply", "c.jsonl", PYTHONUNBUFFERED="1") as process:
        assert process.stdout is not None
        time.sleep(1.0)
        assert process.stdout.read().count(b"\n") == 3000
        assert process.stderr is not None
        process.stderr.read()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_closed_standard_stream_is_no_surprise(tmp_path: Path, closed: str) -> None:
    command = " ".join([*COMMAND, "merge", "contacts", "1", "2", closed])
    ran = subprocess.run(command, shell=True, cwd=tmp_path, env=environment(tmp_path), timeout=TIMEOUT_S, check=False)  # noqa: S602
    assert ran.returncode == 2
