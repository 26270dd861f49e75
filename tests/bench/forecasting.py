"""Hold the forecast against the calls that are counted, by mapping: full loads, and a large one against a transport that only counts.

python tests/bench/forecasting.py [PATIENTS ...] [--counting PATIENTS]   (500 5000 --counting 50000 without any)
Full loads go to Growth, Pro and Enterprise, sample first, as a run does; the calls of reading back are held, too. The
large load drives planner, loader and pacer, and its calls are answered in this process: nothing is kept of them but what
the loader asks for again. Exits 1 where a mapping is off by more than a tenth.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))

import httpx
from loading import load
from rooms import Practice, decide, land, make_practice, stage_and_check

from workbench.journey.desk import apply_setup, counting, reading
from workbench.journey.loading import forecast
from workbench.journey.reconciling import reconcile_run
from workbench.journey.record import current_run
from workbench.load.loader import BATCH_ROWS, run_load
from workbench.load.plan import draw_sample, plan_load
from workbench.load.session import open_session
from workbench.mapping.setup import make_setup
from workbench.pacing import HOUR, HOURLY, Pacing
from workbench.reports.estimate import Forecast
from workbench.vocabulary import Kind, Plan

KINDS = (Kind.RECORD, Kind.FILE)
PLANS = (Plan.GROWTH, Plan.PRO, Plan.ENTERPRISE)
BOUND = 0.1
FEW = 2
"""Calls by which a small mapping may be off: a tenth of five is none."""
TIME, PER_PAGE = "x-rehearsal-time", 100
Record = dict[str, Any]


class Counting(httpx.BaseTransport):
    """Answers writes and the list pages of what came in bulk by itself; what a tenant offers is asked of the real one."""

    def __init__(self) -> None:
        self.real = httpx.HTTPTransport()
        self.ids, self.jobs = count(1_000_000), count(1)
        self.newest: dict[str, list[Record]] = defaultdict(list)
        self.last: dict[str, Record] = {}
        self.results: dict[str, str] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.partition("/api/")[2].strip("/")
        if (request.method == "GET" and path.split("/")[0] in ("selector", "settings")) or path.endswith("/filters"):
            return self.real.handle_request(request)
        request.read()
        status, body = self._answer(request, path)
        headers = {TIME: request.headers.get(TIME, "0")}
        return httpx.Response(status, json=body, headers=headers, request=request)

    def _answer(self, request: httpx.Request, path: str) -> tuple[int, Any]:
        plural, _, rest = path.partition("/")
        if plural == "job_statuses":
            return 200, {"status": "SUCCESS", "data": self.results[rest]}
        if rest.startswith("view/"):
            page = int(request.url.params["page"])
            rows = self.newest[plural][::-1]
            return 200, {plural: rows[(page - 1) * PER_PAGE : page * PER_PAGE], "meta": {"total": len(rows)}}
        if plural == "documents":
            return 201, {"id": next(self.ids), "msg": "", "url": ""}
        body = json.loads(request.content)
        if rest == "bulk_upsert":
            return 200, {"message": "", "job_status_url": self._job(request, plural, body[plural])}
        [(singular, sent)] = [(name, one) for name, one in body.items() if name != "unique_identifier"]
        known = self.last.get(plural)
        key = (sent.get("custom_field") or {}).get("cf_source_system_id")
        if rest == "upsert" and known and key == known["custom_field"]["cf_source_system_id"]:
            return 200, {singular: known}
        record = self._record(request, {name: one for name, one in sent.items() if name != "closed_date"})
        if rest == "upsert":
            self.last[plural] = record
        return (200 if request.method == "PUT" else 201), {singular: record}

    def _record(self, request: httpx.Request, sent: Record) -> Record:
        made = datetime.fromtimestamp(float(request.headers.get(TIME, "0")), UTC).isoformat()
        return {**sent, "id": next(self.ids), "created_at": made}

    def _job(self, request: httpx.Request, plural: str, items: list[Record]) -> str:
        """Make the rows that have an e-mail or a name for a key, and refuse those of our own field, as tenants may."""
        made = [one["data"] for one in items if {"emails", "name"} & one.keys()]
        # A batch sends all of its calls before it looks for what they made.
        self.newest[plural] = [*self.newest[plural], *(self._record(request, one) for one in made)][-BATCH_ROWS:]
        refused = [{"index": place, "message": "unknown identifier"} for place in range(len(items) - len(made))]
        counts = {"succeeded": len(made), "failed": len(refused)}
        number = str(next(self.jobs))
        self.results[number] = json.dumps({"record_status": counts, "detailed_failure_report": refused})
        return f"{str(request.url).partition('/api/')[0]}/api/job_statuses/{number}"


def off(made: Forecast, calls: dict[str, int]) -> Iterator[str]:
    """Yield a line a mapping, marked where the forecast is off."""
    for row in made.figures.by_mapping.iter_rows(named=True):
        counted = calls.get(row["mapping"], 0)
        wrong = abs(row["load"] - counted)
        mark = " OFF" if wrong > max(BOUND * counted, FEW) else ""
        ratio = f"{row['load'] / counted:>8.3f}" if counted else f"{'–':>8}"
        yield f"{row['mapping']:<20}{row['records']:>9,}{row['load']:>10,}{counted:>10,}{ratio}{mark}"


HEAD = f"{'mapping':<20}{'records':>9}{'forecast':>10}{'counted':>10}{'ratio':>8}"


def make_ready(practice: Practice) -> None:
    """Do what comes before the first write, over a practice that is landed."""
    decide(practice)
    apply_setup(practice.settings, make_setup(practice.settings, practice.mappings))
    with reading(practice.settings) as desk:
        alias = desk.tenant.alias
    stage_and_check(practice.settings, alias)


def full_load(landed: Practice, copy: Path, plan: Plan) -> list[str]:
    """Load a copy of a practice on a plan, and return the lines that hold the forecast beside it."""
    shutil.copytree(landed.folder, copy)
    toml = copy / "migration.toml"
    toml.write_text(toml.read_text("utf-8").replace('plan = "enterprise"', f'plan = "{plan}"'), "utf-8")
    practice = Practice(copy, landed.truth)
    try:
        make_ready(practice)
        settings, mappings = practice.settings, practice.mappings
        made = forecast(settings, mappings)
        load(practice.folder)
        folder = settings.runs / current_run(settings).run_id
        lines = [HEAD, *off(made, json.loads((folder / "calls.json").read_text("utf-8")))]
        read = sum(reconcile_run(settings, mappings).made.calls.values())
        ours = made.figures.total("verify") - _sampled(practice)
        wrong = " OFF" if abs(ours - read) > BOUND * read else ""
        return [*lines, f"{'reading back':<29}{ours:>10,}{read:>10,}{ours / read:>8.3f}{wrong}", made.headline]
    finally:
        practice.stop_tenant()
        shutil.rmtree(copy, ignore_errors=True)


def _sampled(practice: Practice) -> int:
    """Count the records of the sample that have an address and are read again after it."""
    kinds = {one.name for one in practice.mappings.objects if one.kind is Kind.RECORD and one.destination != "note"}
    with counting(practice.settings, practice.mappings) as (warehouse, _):
        rows = warehouse.run("SELECT mapping, count(*) FROM coming WHERE in_sample AND state = 'moves' GROUP BY 1")
    return sum(rows_of for mapping, rows_of in rows if mapping in kinds)


def counting_load(landed: Practice) -> list[str]:
    """Plan and load a practice against a transport that only counts, and return the lines, with hours by the pacer."""
    make_ready(landed)
    settings, mappings = landed.settings, landed.mappings
    made = forecast(settings, mappings)
    run = current_run(settings).run_id
    calls: dict[str, int] = {}
    with open_session(settings, mappings, landed.base_url, run, actor="bench", transport=Counting()) as session:
        sample = draw_sample(settings, mappings)
        for scope in (sample, None):
            plan = plan_load(settings, mappings, session.schema, session.ledger, run, scope=scope)
            for name, spent in run_load(session, plan, kinds=KINDS).calls.items():
                calls[name] = calls.get(name, 0) + spent
    lines = [HEAD, *off(made, calls)]
    for plan in PLANS:
        pacing, moment = Pacing(HOURLY[plan], 400, float(settings["freshsales.reserve"])), 0.0
        for _ in range(sum(calls.values())):
            moment = pacing.next_moment(moment, moment)
        ours = made.tier.at(plan).hours(made.figures, "load")
        wrong = " OFF" if abs(ours - moment / HOUR) > BOUND * moment / HOUR else ""
        lines.append(f"{plan}: {ours:,.1f} h forecast, {moment / HOUR:,.1f} h by the pacer{wrong}")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description="Forecast beside counted calls")
    parser.add_argument("patients", nargs="*", type=int)
    parser.add_argument("--counting", type=int)
    asked = parser.parse_args()
    wrong = False
    with tempfile.TemporaryDirectory() as folder:
        named = bool(asked.patients or asked.counting)
        for patients in asked.patients or ([] if named else [500, 5_000]):
            landed = make_practice(Path(folder) / f"of-{patients}", patients=patients)
            land(landed)
            for plan in PLANS:
                started = time.monotonic()
                lines = full_load(landed, Path(folder) / f"{patients}-{plan}", plan)
                lines.append(f"{time.monotonic() - started:.0f} s\n")
                print("\n".join([f"{patients} patients, full load, {plan}", *lines]), flush=True)
                wrong |= any(one.endswith(" OFF") for one in lines)
        if patients := asked.counting or (0 if named else 50_000):
            started = time.monotonic()
            landed = make_practice(Path(folder) / "counting", patients=patients)
            try:
                land(landed)
                lines = counting_load(landed)
            finally:
                landed.stop_tenant()
            lines.append(f"{time.monotonic() - started:.0f} s")
            print("\n".join([f"{patients} patients against a transport that only counts", *lines]), flush=True)
            wrong |= any(one.endswith(" OFF") for one in lines)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
