"""Measure field suggestions: a labelled export as shipped, headers and whole systems held out, known schemas, ADA codes.

python tests/bench/field_suggesting.py [--wrong]   (--wrong lists what was not right); exits 1 when a gate is missed.
"""

from __future__ import annotations

import csv
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.dental.headers import fold
from workbench.suggest.fields import suggest_among
from workbench.suggest.known_fields import Field, known_fields, object_of, rows_of
from workbench.suggest.value_files import suggest_ada

TRUTH = Path(__file__).parent.parent / "suggest" / "truth"
SHOW_WRONG = "--wrong" in sys.argv
FIRST, THREE, PRECISE, COVERED, FOUND = 0.85, 0.95, 0.97, 0.60, 0.80
FIRST_UNSEEN, THREE_UNSEEN, FIRST_KNOWN = 0.75, 0.92, 0.90
MOST_LOST, MOST_GAP, BUCKET, MOST_SECONDS = 0.05, 0.05, 50, 2.0
DAY = r"(?:[A-Z][a-z]{2,8},? )?(?:\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[-/]\d{1,2}[-/]\d{2,4}|[A-Z][a-z]{2,8} \d{1,2},? \d{4})"
HOLDS = {
    "date": rf"(?:{DAY}|\d{{8}}).*",
    "datetime": rf"(?:{DAY}|\d{{8}}).*",
    "number": r"-?\$?[\d,]*\.?\d+%?|\(\$?[\d,.]+\)",
    "email": r"\S+@\S+|none|declined|n/a",
    "phone": r"[^A-WYZa-wyz]*\d{3}.*|x ?\d{2,5}",
    "url": r"\S+\.\S+",
    "checkbox": r"(?i)y|n|yes|no|t|f|true|false|0|1|2|-1|x",
    "user": rf"(?!(?:{DAY})\b)(?!\$|\d+\.\d\d$).{{1,40}}",
    "lookup": rf"(?!(?:{DAY})\b)(?!\$|\d+\.\d\d$).{{1,60}}",
}
"""What a field of each type holds, written apart from the code that is measured."""


@dataclass
class Tally:
    """What came out for one set of columns."""

    name: str
    rows: int = 0
    mapped: int = 0
    first: int = 0
    three: int = 0
    lost: int = 0
    unmapped: int = 0
    found: int = 0
    auto: int = 0
    auto_right: int = 0
    secret: int = 0
    unfit: int = 0
    said: list[tuple[float, bool]] = field(default_factory=list)

    def take(self, row: dict[str, Any], made: dict[str, Any], types: dict[tuple[str, str], str]) -> None:
        """Count one column: `row["fields"]` are the right answers, none when it has to stay."""
        named = [one["field"] for one in made["candidates"]]
        right = bool(named) and named[0] in row["fields"]
        self.rows += 1
        self.mapped += bool(row["fields"])
        self.first += right
        self.three += bool(set(named) & set(row["fields"]))
        self.lost += bool(row["fields"]) and not named
        self.unmapped += not row["fields"]
        self.found += not row["fields"] and not named
        self.auto += made["auto"]
        self.auto_right += made["auto"] and right
        self.secret += row["secret"] and bool(named)
        values = [one.strip() for one in row["sample_values"].split("|") if one.strip()]
        self.unfit += any(not _holds(types[one["object"], one["field"]], values) for one in made["candidates"])
        if named:
            self.said.append((made["candidates"][0]["confidence"], right))
        if SHOW_WRONG and (right != bool(row["fields"]) or (named and not row["fields"])):
            print(f"  {row['source_object']}.{row['source_column']}: {named or made['reason']}, not {row['fields']}")

    def line(self) -> str:
        """Return the row of the table."""
        return (
            f"| {self.name} | {self.rows} | {_share(self.first, self.mapped)} | {_share(self.three, self.mapped)} |"
            f" {_share(self.auto_right, self.auto)} | {_share(self.auto, self.rows)} | {self.found} of {self.unmapped} |"
            f" {self.lost} of {self.mapped} | {self.secret} | {self.unfit} |"
        )


def read(name: str) -> list[dict[str, str]]:
    """Return the rows of one truth file."""
    with (TRUTH / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def dev_rows() -> list[dict[str, Any]]:
    """Return the labelled export, one row a column."""
    secret = re.compile(r"soc sec|ssn|bank|pwd|password|signature", re.IGNORECASE)
    return [
        {
            **row,
            "fields": [one] if (one := row["expected_destination_field"]) else [],
            "secret": bool(secret.search(row["source_column"])),
        }
        for row in read("columns_dev.csv")
    ]


def unseen_rows() -> dict[str, list[dict[str, Any]]]:
    """Return columns of systems that the dictionary does not hold, by system."""
    found = defaultdict[str, list[dict[str, Any]]](list)
    for row in read("columns_unseen.csv"):
        secret = (
            bool(re.search(r"\bss\b|S\.S|SSNO|drivers|Bank|Sig |DOB|password|PIN|Alarm", row["source_column"]))
            and not row["field"]
        )
        found[row["system"]].append({**row, "fields": [row["field"]] if row["field"] else [], "secret": secret})
    return dict(found)


def known_rows(there: set[tuple[str, str]]) -> dict[str, list[dict[str, Any]]]:
    """Return the columns of the shipped dictionary that this destination has a field for, or that stay, by system."""
    found = defaultdict[str, list[dict[str, Any]]](list)
    for row in rows_of("known_columns.csv"):
        named = [one for one in (row["fields"] or "").split("|") if (row["object"], one) in there]
        if named or not row["fields"]:
            called = row["table"] if object_of(row["table"]) == row["object"] else row["object"]
            about = {"source_object": called, "source_column": row["column"], "sample_values": ""}
            found[row["system"]].append({**about, "fields": named, "secret": "secret" in (row["reason"] or "")})
    return dict(found)


def tally(
    name: str, rows: Sequence[dict[str, Any]], fields: Sequence[Field], without: Iterable[str] = (), **how: bool
) -> Tally:
    """Suggest for one set of columns and count; `alone` asks each without the phrase that it is itself."""
    types = {(one.object, one.name): one.kind for one in fields}
    made = Tally(name)
    if how.get("alone"):
        answers = [suggest_among([row], _unsaid(row["source_column"], fields), without=set(without))[0] for row in rows]
    else:
        answers = suggest_among(rows, fields, without=set(without))
    for row, answer in zip(rows, answers, strict=True):
        made.take(row, answer, types)
    return made


def total(name: str, parts: Sequence[Tally]) -> Tally:
    """Return the sum of several tallies."""
    made = Tally(name)
    for part in parts:
        for key, value in vars(part).items():
            if key != "name":
                setattr(made, key, getattr(made, key) + value)
    return made


def _unsaid(header: str, fields: Sequence[Field]) -> list[Field]:
    words = fold(header)
    return [replace(one, said={said: sure for said, sure in one.said.items() if said != words}) for one in fields]


def _holds(kind: str, values: Sequence[str]) -> bool:
    return kind not in HOLDS or all(re.fullmatch(HOLDS[kind], one) for one in values)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def calibration(said: Sequence[tuple[float, bool]]) -> int:
    """Print how often what was said with a confidence was right, and return how many buckets are out."""
    buckets = defaultdict[int, list[tuple[float, bool]]](list)
    for confidence, right in said:
        buckets[min(int(confidence * 10 + 1e-9), 9) if confidence < 0.95 else 10].append((confidence, right))
    names = {10: "0.95 and above", 9: "0.90 to 0.94"}
    print("\n| Said | Columns | Mean of what was said | Right | |\n| --- | --- | --- | --- | --- |")
    wrong = 0
    for bucket in sorted(buckets):
        mean = sum(one for one, _ in buckets[bucket]) / len(buckets[bucket])
        right = sum(one for _, one in buckets[bucket]) / len(buckets[bucket])
        is_out = len(buckets[bucket]) >= BUCKET and abs(mean - right) > MOST_GAP
        wrong += is_out
        name = names.get(bucket, f"{bucket / 10:.2f} to {bucket / 10 + 0.09:.2f}")
        print(f"| {name} | {len(buckets[bucket])} | {mean:.3f} | {right:.3f} | {'OUT' if is_out else ''} |")
    return wrong


def ada_wrong() -> tuple[int, int]:
    """Return how many values of the ADA set are not read as they should be, and how many there are."""
    rows = read("ada_dev.csv")
    made = suggest_ada([row["raw"] for row in rows])
    right = [
        (";".join(one["codes"]), one["verdict"], bool(one["reason"])) == (row["expected_codes"], row["status"], True)
        for row, one in zip(rows, made, strict=True)
    ]
    return right.count(False), len(rows)


def main() -> int:
    """Print the tables and the gates."""
    fields = known_fields(read("fields_there.csv"))
    known = known_rows({(one.object, one.name) for one in fields})
    every, dev, unseen = set(known), dev_rows(), unseen_rows()
    began = time.process_time()
    shipped = tally("labelled export, as shipped", dev, fields)
    seconds = (time.process_time() - began) * 258 / len(dev)
    alone = tally("the same, each header's own phrase withheld, no dictionary", dev, fields, every, alone=True)
    strange = [tally(f"unseen: {name}", rows, fields) for name, rows in unseen.items()]
    held = [tally(f"held out: {name}", rows, fields, [name]) for name, rows in known.items()]
    recognised = [tally(f"recognised: {name}", rows, fields) for name, rows in known.items()]
    sums = [total(name, parts) for name, parts in
            (("unseen, all", strange), ("held out, all", held), ("recognised, all", recognised))]  # fmt: skip
    print("| Columns | Rows | Right at 1 | Within 3 | Auto-accepted right | Auto-accepted | Unmapped found | Lost |"
          " Sensitive proposed | Unfit |\n|" + " --- |" * 10)  # fmt: skip
    everything = [shipped, alone, *strange, sums[0], *held, sums[1], *recognised, sums[2]]
    for one in everything:
        print(one.line())
    out = calibration([*alone.said, *sums[0].said, *sums[1].said])
    wrong_codes, codes = ada_wrong()
    gates: list[tuple[str, float, float, Callable[[float, float], bool]]] = [
        ("as shipped, right at 1", shipped.first / shipped.mapped, FIRST, float.__ge__),
        ("as shipped, within 3", shipped.three / shipped.mapped, THREE, float.__ge__),
        ("as shipped, auto-accepted right", shipped.auto_right / shipped.auto, PRECISE, float.__ge__),
        ("as shipped, auto-accepted", shipped.auto / shipped.rows, COVERED, float.__ge__),
        ("as shipped, unmapped found", shipped.found / shipped.unmapped, FOUND, float.__ge__),
        ("as shipped, mapped called unmapped", shipped.lost / shipped.mapped, MOST_LOST, float.__le__),
    ]
    for one in (alone, sums[0], sums[1]):
        gates += [
            (f"{one.name}, right at 1", one.first / one.mapped, FIRST_UNSEEN, float.__ge__),
            (f"{one.name}, within 3", one.three / one.mapped, THREE_UNSEEN, float.__ge__),
            (f"{one.name}, unmapped found", one.found / one.unmapped, FOUND, float.__ge__),
        ]
    gates += [
        ("recognised, right at 1", sums[2].first / sums[2].mapped, FIRST_KNOWN, float.__ge__),
        ("sensitive columns proposed anywhere", float(sum(one.secret for one in everything)), 0.0, float.__le__),
        ("proposals that do not fit, anywhere", float(sum(one.unfit for one in everything)), 0.0, float.__le__),
        (f"buckets of {BUCKET} and more that are out of {MOST_GAP}", float(out), 0.0, float.__le__),
        (f"ADA values read wrongly, of {codes}", float(wrong_codes), 0.0, float.__le__),
        ("seconds of processor time for 258 columns", seconds, MOST_SECONDS, float.__le__),
    ]
    print("\n| Gate | Measured | Bound | |\n| --- | --- | --- | --- |")
    missed = 0
    for name, measured, bound, holds in gates:
        is_out = not holds(float(measured), bound)
        missed += is_out
        sign = "≥" if holds is float.__ge__ else "≤"
        print(f"| {name} | {measured:.3f} | {sign} {bound:g} | {'OUT' if is_out else ''} |")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
