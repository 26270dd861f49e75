"""Check an audit log with nothing but Python: each entry carries the hash of the one before, so that a change shows.

    python verify_log.py audit.jsonl
    python verify_log.py ledger.sqlite --anchor "1,234 entries: 0f3a9c2b71d4e856"

It reads the log that `workbench verify-log --out FOLDER` wrote, one entry a line, or the ledger's own file; no key is
needed. Exit 0: whole. Exit 1: not, and where. Exit 2: wrong usage. What no log can tell by itself is that its last
entries are missing, or that all of it was written anew: for that give the anchor, which stands in every signed report as
"Audit chain", and which whoever signed has kept.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

START = "0" * 64
NAMES = ("seq", "at", "actor", "act", "object", "token", "detail", "previous", "hash")
ANCHOR = re.compile(r"\D*(\d[\d,]*)\D*?\b([0-9a-f]{12,64})\s*")
"""The number of entries, and as many hex digits of the last one's hash as the report shows."""
MOST_TOLD = 20
Entry = dict[str, Any]


def canonical(entry: Entry) -> bytes:
    """Return the one way in which an entry is written."""
    return json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()


def entry_hash(entry: Entry) -> str:
    """Return the hash of an entry without its own, over its canonical JSON."""
    return hashlib.sha256(canonical(entry)).hexdigest()


def read_anchor(text: str) -> tuple[int, str]:
    """Return the number of entries and the hash, or its beginning, that an anchor names."""
    found = ANCHOR.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no anchor: write the number of entries and 12 to 64 digits of the last hash")
    return int(found[1].replace(",", "")), found[2]


def walk(entries: Iterable[Entry | str], anchors: Iterable[tuple[int, str]] = ()) -> tuple[int, str, list[str]]:
    """Return the number of the last entry, its hash, and every break; a text stands for an entry that cannot be read."""
    count, head, place, breaks = 0, START, 0, list[str]()
    signed = sorted(set(anchors))
    for place, entry in enumerate(entries, start=1):
        problem = entry if isinstance(entry, str) else _problem(entry)
        if isinstance(entry, str) or problem:
            breaks.append(f"entry {place} {problem}")
            count, head = place, ""
        else:
            stated = entry["hash"]
            if entry["seq"] != count + 1 or entry["previous"] != head:
                breaks.append(f"entry {entry['seq']} does not follow entry {count}")
            if entry_hash({name: value for name, value in entry.items() if name != "hash"}) != stated:
                breaks.append(f"entry {entry['seq']} was changed")
            count, head = entry["seq"], stated
        for number, beginning in signed:
            if number == place and not head.startswith(beginning):
                breaks.append(f"entry {number} is another one than was signed: the log was written anew")
    breaks += [
        f"the log ends after {place:,} entries, and {number:,} were signed: its tail is missing"
        for number, _ in signed
        if number > place
    ]
    return count, head, breaks


def _problem(entry: Entry) -> str:
    """Say what makes this no entry at all."""
    if set(entry) != set(NAMES):
        return "was changed: it has other fields"
    wrong = [name for name in NAMES if type(entry[name]) is not (int if name == "seq" else str)]
    return f"was changed: {', '.join(wrong)} cannot be" if wrong else ""


def read_lines(path: Path) -> Iterator[Entry | str]:
    """Yield the entries of an exported log; every byte counts, so a line must be written in the one way."""
    with path.open("rb") as file:
        for line in file:
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                entry = None
            if isinstance(entry, dict) and canonical(entry) + b"\n" == line:
                yield entry
            else:
                yield "was changed: it is not written as an entry is"


def read_ledger(path: Path) -> Iterator[Entry | str]:
    """Yield the entries of a ledger's own file, which is opened to read."""
    columns = ", ".join(f'"{name}"' for name in NAMES)
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        # Bytes that are no text must not stop the reader; their hash is another one.
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        for row in connection.execute(f"SELECT {columns} FROM audit ORDER BY seq"):
            yield dict(zip(NAMES, row, strict=True))


def is_ledger(path: Path) -> bool:
    """Say whether a file is a ledger and no exported log."""
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def main(words: list[str] | None = None) -> int:
    """Check one log and say what is wrong with it."""
    parser = argparse.ArgumentParser(prog="verify_log.py", description="Check an audit log of the workbench.")
    parser.add_argument("log", type=Path, help="audit.jsonl, or ledger.sqlite")
    parser.add_argument("--anchor", type=read_anchor, action="append", default=[], help='as "1234 0f3a9c2b71d4e856"')
    given = parser.parse_args(words)
    try:
        entries = read_ledger(given.log) if is_ledger(given.log) else read_lines(given.log)
        count, head, breaks = walk(entries, given.anchor)
    except (OSError, sqlite3.Error) as problem:
        print(f"{given.log.name} cannot be read: {problem}")
        return 1
    if not count and not breaks:
        breaks.append("the log holds no entry")
    for line in breaks[:MOST_TOLD]:
        print(line)
    if len(breaks) > MOST_TOLD:
        print(f"… and {len(breaks) - MOST_TOLD} more")
    print(f"{count:,} entries, head {head}: {'BROKEN' if breaks else 'unbroken'}")
    if not given.anchor:
        print("No --anchor was given: missing last entries would not show.")
    return 1 if breaks else 0


if __name__ == "__main__":
    sys.exit(main())
