"""The verifier that a stranger runs: alone, with nothing but Python, over logs that somebody tampered with."""

from __future__ import annotations

import ast
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.journey.reconciling import SHORT
from workbench.ledger import verify_log
from workbench.ledger.audit import append_entry, audit_head, export_log, note
from workbench.ledger.store import Ledger
from workbench.ledger.verify_log import START, canonical, entry_hash, main, read_anchor, read_lines, walk

ENTRIES = 7
Line = bytes


@pytest.fixture
def log(ledger: Ledger, tmp_path: Path) -> Path:
    """The exported log of seven acts."""
    for number in range(ENTRIES - 1):
        with ledger.commit() as connection:
            append_entry(
                connection,
                ledger.key,
                actor="ana@desk",
                act="create applied",
                object_name="contact",
                record=f"contacts/C{number}",
                operation=number,
            )
    note(ledger, "records read", "tenant", actor="ana@desk", reason="Grüße “quoted”")
    return export_log(ledger, tmp_path / "out")[0]


def breaks_of(log: Path, content: bytes, *anchors: tuple[int, str]) -> list[str]:
    log.write_bytes(content)
    return walk(read_lines(log), anchors)[2]


def lines_of(log: Path) -> list[Line]:
    return log.read_bytes().splitlines(keepends=True)


def sealed(entry: dict[str, object]) -> Line:
    """An entry as somebody writes it who knows how."""
    rest = {name: value for name, value in entry.items() if name != "hash"}
    return canonical(rest | {"hash": entry_hash(rest)}) + b"\n"


def written_anew(lines: list[Line]) -> bytes:
    """A chain of these entries without a break in it, made by somebody who knows how."""
    head, made = START, b""
    for number, line in enumerate(lines, start=1):
        made += sealed(json.loads(line) | {"seq": number, "previous": head})
        head = json.loads(made.splitlines()[-1])["hash"]
    return made


def test_it_stands_alone_in_under_150_lines_of_the_standard_library() -> None:
    source = Path(str(verify_log.__file__)).read_text("utf-8")
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        for name in (
            [one.name for one in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert len(source.splitlines()) < 150
    assert imported - sys.stdlib_module_names == set()


def test_the_exported_program_finds_the_log_whole_by_itself(log: Path, ledger: Ledger) -> None:
    count, head = audit_head(ledger)
    words = [sys.executable, "-I", "-S", "verify_log.py", "audit.jsonl", "--anchor", f"{count} entries: {head[:16]}"]
    told = subprocess.run(words, cwd=log.parent, capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (0, f"{ENTRIES} entries, head {head}: unbroken\n"), told.stderr


def test_the_ledger_itself_can_be_checked_too(log: Path, ledger: Ledger, tmp_path: Path, capsys) -> None:
    assert main([str(tmp_path / "ledger.sqlite")]) == 0
    assert "unbroken\nNo --anchor was given: missing last entries would not show." in capsys.readouterr().out


def test_each_changed_byte_is_found(log: Path) -> None:
    whole = b"".join(lines_of(log)[:2])
    assert breaks_of(log, whole) == []
    unseen = []
    for place in range(len(whole)):
        for changed in (whole[place] ^ 1, whole[place] ^ 0x20):
            if not breaks_of(log, whole[:place] + bytes([changed]) + whole[place + 1 :]):
                unseen.append((place, changed))
    assert unseen == []


def test_each_byte_added_or_taken_out_is_found(log: Path) -> None:
    whole = b"".join(lines_of(log)[:2])
    places = range(0, len(whole), 2)
    taken = [place for place in places if not breaks_of(log, whole[:place] + whole[place + 1 :])]
    added = [place for place in places if not breaks_of(log, whole[:place] + b" " + whole[place:])]
    assert (taken, added) == ([], [])


def test_each_deletion_but_of_the_tail_is_found(log: Path) -> None:
    lines = lines_of(log)
    for first in range(ENTRIES):
        for last in range(first + 1, ENTRIES):
            assert breaks_of(log, b"".join(lines[:first] + lines[last:])) != [], (first, last)


def test_each_swap_is_found(log: Path) -> None:
    lines = lines_of(log)
    for first in range(ENTRIES):
        for second in range(first + 1, ENTRIES):
            swapped = list(lines)
            swapped[first], swapped[second] = lines[second], lines[first]
            assert breaks_of(log, b"".join(swapped)) != [], (first, second)


def test_each_insertion_is_found_even_of_an_entry_with_the_right_hash(log: Path) -> None:
    lines = lines_of(log)
    for place in range(ENTRIES + 1):
        for copied in lines:
            assert breaks_of(log, b"".join([*lines[:place], copied, *lines[place:]])) != [], place
    for place in range(ENTRIES):
        previous = json.loads(lines[place - 1])["hash"] if place else START
        forged = sealed(json.loads(lines[place]) | {"seq": place + 1, "previous": previous, "actor": "nobody"})
        assert breaks_of(log, b"".join([*lines[:place], forged, *lines[place:]])) != [], place


@pytest.mark.parametrize("shown", [16, 64])
def test_each_cut_tail_is_found_with_the_anchor_and_only_with_it(log: Path, ledger: Ledger, shown: int) -> None:
    lines, (count, head) = lines_of(log), audit_head(ledger)
    anchor = (count, head[:shown])
    assert breaks_of(log, b"".join(lines), anchor) == []
    for kept in range(ENTRIES):
        assert breaks_of(log, b"".join(lines[:kept])) == []
        assert breaks_of(log, b"".join(lines[:kept]), anchor) == [
            f"the log ends after {kept} entries, and {count} were signed: its tail is missing"
        ]


def test_a_log_written_anew_without_a_break_is_found_with_any_anchor_after_the_change(log: Path) -> None:
    lines = lines_of(log)
    heads = [json.loads(line)["hash"] for line in lines]
    changed = [lines[0], lines[1], canonical(json.loads(lines[2]) | {"actor": "nobody"}) + b"\n", *lines[3:]]
    forged = written_anew(changed)
    assert breaks_of(log, forged) == []
    for number, head in enumerate(heads, start=1):
        found = breaks_of(log, forged, (number, head))
        assert bool(found) == (number >= 3), number
        assert found == [] or "the log was written anew" in found[0]


def test_entries_that_came_after_the_signature_leave_the_anchor_valid(log: Path, ledger: Ledger) -> None:
    count, head = audit_head(ledger)
    anchor = read_anchor(f"Audit chain ({count:,} entries) {head[:SHORT]}")
    note(ledger, "records read", "tenant")
    assert walk(read_lines(export_log(ledger, log.parent)[0]), [anchor])[2] == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbf", id="a byte order mark"),
        pytest.param(b"\n", id="an empty line"),
        pytest.param(b"[" * 100_000 + b"\n", id="lists without end"),
        pytest.param(b'{"seq": ' + b"9" * 5_000 + b"}\n", id="a number without end"),
        pytest.param(b'"text"\n', id="a text"),
        pytest.param(b"null\n", id="null"),
        pytest.param(b"\xff\xfe\x00\n", id="no text"),
        pytest.param(b"NaN\n", id="not a number"),
    ],
)
def test_what_is_no_entry_is_told_and_stops_nothing(log: Path, content: bytes) -> None:
    whole = log.read_bytes()
    for hostile in (content + whole, whole + content):
        assert any("was changed" in one for one in breaks_of(log, hostile))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"seq": 1.0}, id="a number that equals"),
        pytest.param({"seq": True}, id="true that equals 1"),
        pytest.param({"seq": "1"}, id="a text of it"),
        pytest.param({"previous": None}, id="no hash before"),
        pytest.param({"hash": 0}, id="a hash that is no text"),
        pytest.param({"more": "x"}, id="one field more"),
    ],
)
def test_an_entry_of_another_shape_is_told_whatever_its_hash_says(log: Path, change: dict[str, object]) -> None:
    first, *rest = lines_of(log)
    entry = json.loads(first) | change
    line = canonical(entry) + b"\n" if "hash" in change else sealed(entry)
    assert breaks_of(log, line + b"".join(rest))[0].startswith("entry 1 was changed: ")


def test_the_same_entry_written_another_way_is_told(log: Path) -> None:
    first, *rest = lines_of(log)
    other = json.dumps(json.loads(first)).encode() + b"\n"
    twice = first.replace(b'{"act":', b'{"act":"else","act":', 1)
    for line in (other, twice, first.replace(b"\n", b"\r\n")):
        assert breaks_of(log, line + b"".join(rest))[0] == "entry 1 was changed: it is not written as an entry is"


def not_text(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE audit SET actor = x'ff00' WHERE seq = 4")


def broken_text(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE audit SET actor = CAST(x'ff41' AS TEXT) WHERE seq = 4")


@pytest.mark.parametrize("harm", [not_text, broken_text])
def test_bytes_that_are_no_text_in_a_ledger_are_told(
    log: Path, tmp_path: Path, harm: Callable[[sqlite3.Connection], None], capsys
) -> None:
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        harm(connection)
    connection.close()
    assert main([str(tmp_path / "ledger.sqlite")]) == 1
    assert "entry 4 was changed" in capsys.readouterr().out


def test_what_is_no_log_at_all_is_never_whole(tmp_path: Path, capsys) -> None:
    (tmp_path / "empty.jsonl").touch()
    with sqlite3.connect(tmp_path / "other.sqlite") as connection:
        connection.execute("CREATE TABLE other (seq INTEGER)")
    connection.close()
    for name in ("empty.jsonl", "other.sqlite", "nowhere.jsonl"):
        assert main([str(tmp_path / name)]) == 1, name
    assert "the log holds no entry" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "12", "abc", "12 xyz", "12 0f3a", "12 entries: 0F3A9C2B71D4E856"])
def test_what_is_no_anchor_is_wrong_usage(log: Path, text: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(log), "--anchor", text])
    assert ended.value.code == 2


@pytest.mark.parametrize("text", ["1,234 entries: 0f3a9c2b71d4e856", "Audit chain (1,234 entries) 0f3a9c2b71d4e856", "1234:0f3a9c2b71d4e856"])  # fmt: skip
def test_an_anchor_is_read_as_the_report_shows_it(text: str) -> None:
    assert read_anchor(text) == (1234, "0f3a9c2b71d4e856")
