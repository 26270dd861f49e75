"""From the pages alone a reader answers twelve questions; each answer is known from elsewhere and stands where the docs say."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from commands import Journey
from page_reader import missing

from workbench.mapping.files import read_mappings
from workbench.warehouse import open_warehouse

DOCS = Path(__file__).parent.parent.parent / "docs" / "reading-the-pages.md"
FATES = ("created", "updated", "unchanged", "held", "rejected", "excluded", "deferred")
OWN = "deleted: made by us, and nobody touched it"


def asked() -> dict[str, tuple[str, str]]:
    """The questions of the docs, each with its page and the heading under which the answer stands."""
    part = DOCS.read_text("utf-8").partition("## Twelve questions")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+\?) \| `([^`|]+)` \| \*([^|*]+)\* \|", part, re.MULTILINE)
    return {question: (page, heading) for question, page, heading in rows}


ASKED = asked()
questions = pytest.mark.parametrize("question", ASKED)


def fates_line(name: str, fates: dict[str, int]) -> str:
    return f"| {name} | " + " | ".join(f"{fates[one]:,}" for one in ("source", *FATES)) + " |"


class Known:
    """What the pages have to say, from the truth, the ledger's summary, the decision files and the books."""

    def __init__(self, journey: Journey) -> None:
        self.practice, self.folder, self.summary = journey.practice, journey.folder, journey.summary
        self.mappings: dict[str, dict[str, int]] = self.summary["mappings"]
        self.truth: dict[str, Any] = json.loads(journey.practice.truth.read_text())
        self.books: dict[str, Any] = json.loads((journey.folder / "reconciliation.json").read_text())

    def verdict(self) -> list[str]:
        assert (self.summary["reconciled"], self.summary["zero_write"]) == (True, True)
        differences = self.summary["differences"]
        return ["Reconciled", f"{differences} differences between the two sides.", "nothing left to write"]

    def patients(self) -> list[str]:
        patient = self.mappings["patient"]
        stages = Counter(one["fields"].get("lifecycle_stage") for one in self.truth["records"])
        assert patient["created"] + patient["updated"] == stages["Customer"]
        return [fates_line("patient", patient)]

    def held(self) -> list[str]:
        with open_warehouse(self.practice.settings.warehouse) as warehouse:
            found = warehouse.run("SELECT mapping, source_object, source_id, field, message FROM checked.held")
        assert {(one[1], one[2]) for one in found if one[1] != "users"} == {
            (one["source_object"], one["source_id"]) for one in self.truth["held"]
        }
        reasons: dict[tuple[str, str, str], list[str]] = {}
        for mapping, _, source_id, field, message in found:
            reasons.setdefault((mapping, field, message), []).append(source_id)
        return [f"| {message} | {len(ids):,} | {min(ids)}" for (_, _, message), ids in reasons.items()]

    def carriers(self) -> list[str]:
        with (self.practice.settings.own_decisions / "insurance_carrier.csv").open(newline="") as file:
            rows = [one for one in csv.DictReader(file) if one["decision"] in ("map", "keep")]
        became: dict[str, list[dict[str, str]]] = {}
        for row in rows:
            became.setdefault(row["destination_value"] or row["source_value"], []).append(row)
        merged = {name: rows for name, rows in became.items() if len(rows) > 1}
        assert len(merged) > 3
        assert {row["decided_by"] for rows in merged.values() for row in rows} == {"rehearsal"}
        spellings = [row["source_value"] for rows in merged.values() for row in rows]
        counts = [f"| {name} | {len(rows)} |" for name, rows in merged.items()]
        return (
            counts + [" ".join(name.split()) for name in spellings if not name.startswith("hmac:")] + [" | rehearsal |"]
        )

    def deals(self) -> list[str]:
        deals = [one["fields"] for one in self.truth["records"] if one["destination"] == "deal"]
        count = Counter(one["deal_pipeline"] for one in deals)
        amount = {
            name: sum(Decimal(one["amount"] or 0) for one in deals if one["deal_pipeline"] == name) for name in count
        }
        assert len(amount) > 1
        return [
            f"| {name} | {count[name]:,} | {count[name]:,} | {sum_:,.2f} | {sum_:,.2f} | yes |"
            for name, sum_ in amount.items()
        ]

    def unchecked(self) -> list[str]:
        found = [one for one in self.books["checks"] if one["status"] == "not checked"]
        assert len(found) == self.summary["reconciliation"]["not_checked"] > 0
        return [part for one in found for part in (f"| {one['check']} |", f"| {one['meaning']} |")]

    def signed(self) -> list[str]:
        lines = (self.practice.settings.own_decisions / "approvals.jsonl").read_text().splitlines()
        newest = {one["lock"]: one for one in map(json.loads, lines)}
        assert {"mapping", "load"} <= newest.keys()
        told = [f"| Signed: {lock} | {one['by']}, {one['at'][:10]}, " for lock, one in newest.items()]
        return [*told, f"| Snapshot | {newest['mapping']['binds']['snapshot'][:16]} |"]

    def left_out(self) -> list[str]:
        left = [one for one in read_mappings(self.practice.settings).objects if one.kind == "left_out"]
        assert any(self.mappings[one.name]["excluded"] for one in left)
        return [f"| {one.name} | {one.title} |" for one in left] + [f"left out: {one.reason}" for one in left]

    def waits(self) -> list[str]:
        count = Counter((one["mapping"], one["waits_for"].partition("/")[0]) for one in self.books["deferred"])
        assert {one["source_id"] for one in self.books["deferred"]} == {
            one["source_id"] for one in self.truth["deferred"]
        }
        return [f"| {mapping} | {parent} | {rows:,} |" for (mapping, parent), rows in count.items()]

    def calls(self) -> list[str]:
        calls, seconds = self.summary["calls"], self.summary["seconds"]["api"]
        span = f"{seconds / 3600:.1f} h" if seconds >= 7200 else f"{seconds / 60:.1f} min"
        return [f"| API calls | {calls:,} |", f"| API time | {span} |"]

    def messages(self) -> list[str]:
        count = self.truth["side_effects"]["messages_to_patients"]
        return [f"| Messages to patients | {count} |", "no patient would have noticed the load"]

    def rollback(self) -> list[str]:
        created = {name: one["created"] for name, one in self.mappings.items() if one["created"]}
        files = created.pop("attachment")
        return [f"| {name} | {OWN} | {rows:,} |" for name, rows in created.items()] + [
            f"| attachment | kept: Freshsales has no way to delete a file | {files:,} |"
        ]


ANSWERS = {
    "Do both sides agree, and would a second load write anything?": Known.verdict,
    "How many patients were moved, and what became of the others?": Known.patients,
    "What was held, and why?": Known.held,
    "Which carrier spellings were merged into one, and by whom?": Known.carriers,
    "What do the deals add up to, by pipeline?": Known.deals,
    "What was not checked?": Known.unchecked,
    "Who signed the mapping and the load, over which snapshot?": Known.signed,
    "What stays behind on purpose?": Known.left_out,
    "What waits for another record, and for which kind?": Known.waits,
    "How many calls did it take, and how long is that at the plan's pace?": Known.calls,
    "Did a patient get a message?": Known.messages,
    "What would a rollback take back?": Known.rollback,
}


@pytest.fixture(scope="module")
def known(journey: Journey) -> Known:
    return Known(journey)


def test_the_docs_ask_twelve_questions_and_each_has_an_answer():
    assert list(ASKED) == list(ANSWERS)
    assert len(ASKED) == 12


@questions
def test_the_answer_stands_where_the_docs_say(known, question):
    page, heading = ASKED[question]
    answers = ANSWERS[question](known)
    html = (known.folder / page).read_text("utf-8")
    assert answers
    assert missing(html, heading, answers) == []


def without(html: str, heading: str) -> str:
    """A page that has lost what stands under a heading, up to the next one."""
    begins = html.index("</", html.index(f">{heading}</"))
    ends = html.find("<h2", begins)
    return html[: html.index(">", begins) + 1] + html[ends if ends > 0 else len(html) :]


@questions
def test_an_answer_that_is_taken_out_is_missed(known, question):
    page, heading = ASKED[question]
    answers = ANSWERS[question](known)
    html = (known.folder / page).read_text("utf-8")
    assert missing(without(html, heading), heading, answers) == answers
