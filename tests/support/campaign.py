"""Run the long tests in three processes and write what really ran into docs/reliability.md: never a figure by hand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
SEEDS = "tests/load/test_seeds.py"
POINTS = "tests/load/test_every_point.py"
KILLS = "tests/load/test_kills.py"
TWO_RUNS = "tests/cli/test_two_runs_in_turn.py"
EDITS = "tests/load/test_rollback_edits.py"
MODEL = "tests/load/test_stateful.py"
SLICED = (
    "tests/load/test_crashes.py tests/load/test_lost_answers.py tests/load/test_rollback.py tests/load/test_sweep.py"
)
ANY = "tests/dental_exec/test_any_dialect.py tests/tenant/test_any_request.py"
FAULTS = "faults"
"""Stands for every test that the table of faults names, in whichever room it is."""
PROCESSES = (
    [(f"{SEEDS} {POINTS}", "0/2")],
    [(SEEDS, "1/2"), (f"{FAULTS} {SLICED}", "")],
    [(f"{KILLS} {TWO_RUNS}", ""), (f"{EDITS} {MODEL}", ""), (ANY, "")],
)
"""What each of three runs, one after the other. The third waits most of the time: for processes that start, and for leases
of those that were killed. Tests that `make test` runs as they are, and no fault names, are not run again."""
ALONE = ({0}, {1})
FACTS = ("points", "kills")


def main() -> int:
    """Run everything, write the figures, and return 1 when anything was violated."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder)
        chains = [
            subprocess.Popen([sys.executable, __file__, "--chain", str(place), str(told)])
            for place in range(len(PROCESSES))
        ]
        for chain in chains:
            chain.wait()
        cases = [case for path in sorted(told.glob("*.xml")) for case in ElementTree.parse(path).iter("testcase")]
    lines, violations = figures(cases, (time.monotonic() - started) / 60)
    text = PAGE.read_text("utf-8")
    begin, end = "<!-- campaign -->\n", "<!-- end of campaign -->"
    head, _, rest = text.partition(begin)
    PAGE.write_text(head + begin + "\n".join(lines) + "\n" + end + rest.partition(end)[2], "utf-8")
    print("\n".join(lines))
    return 1 if violations or not cases else 0


def run_chain(place: int, told: Path) -> None:
    """Run the files of one process, each to a report of its own."""
    if place < len(ALONE) and len(os.sched_getaffinity(0)) >= len(ALONE):
        os.sched_setaffinity(0, ALONE[place])  # two that compute all the time, a core each: neither waits for the other
    named = sorted(set(re.findall(r"tests/[a-z_/]+\.py::\w+", PAGE.read_text("utf-8"))))
    already = {one for process in PROCESSES for files, _ in process for one in files.split()}
    faults = [one for one in named if one.partition("::")[0] not in already]
    for number, (files, part) in enumerate(PROCESSES[place]):
        environment = {**os.environ, "WORKBENCH_CAMPAIGN": "1", **({"PART": part} if part else {})}
        report = told / f"{place}-{number}.xml"
        tests = [path for one in files.split() for path in (faults if one == FAULTS else [one])]
        command = [sys.executable, "-m", "pytest", *tests, f"--junitxml={report}", "-o", "junit_family=xunit1"]
        subprocess.run(command, cwd=ROOT, env=environment, check=False)


def figures(cases: list[ElementTree.Element], minutes: float) -> tuple[list[str], int]:
    """Return the lines that are written, and how many tests failed."""
    facts: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    stories, failed = 0, []
    for case in cases:
        is_story = "test_seeds" in case.get("classname", "")
        stories += is_story
        for one in case.iter("property"):
            name, count = str(one.get("name")), int(str(one.get("value")))
            (faults if is_story and name not in FACTS else facts)[name] += count
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(f"{case.get('classname')}::{case.get('name')}")
    tried = ", ".join(f"{name} {count:,}" for name, count in sorted(faults.items()) if count)
    lines = [
        f"Run on {datetime.now(UTC):%Y-%m-%d} in {minutes:.0f} minutes, three processes: {len(cases):,} tests.",
        "",
        "| What | How many |",
        "| --- | --- |",
        f"| crash points: a load ended there, and went on to the same end | {facts['points']:,} |",
        f"| true `kill -9` of loading processes | {facts['kills']:,} |",
        f"| seeds: stories of faults, users and deaths by chance | {stories:,} |",
        f"| tests of faults F1 to F50, random tables, requests, edits and models | {len(cases) - stories:,} |",
        f"| violations | {len(failed):,} |",
        "",
        f"What happened in the stories: {tried or 'nothing'}.",
    ]
    if failed:
        lines += ["", "Violated:", "", *(f"- `{re.sub(r'[|`]', '', one)}`" for one in failed)]
    return lines, len(failed)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--chain"]:
        run_chain(int(sys.argv[2]), Path(sys.argv[3]))
    else:
        sys.exit(main())
