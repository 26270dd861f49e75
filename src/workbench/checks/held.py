"""The one judge of held rows: what staging listed and what expectations found, counted twice, written once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from workbench.checks.derived import CheckedMapping
from workbench.checks.evaluation import Counted, count_failures, open_context
from workbench.checks.failing import failures_sql, find_failing
from workbench.checks.judged import Judged, pair_suites, refuse_missing_columns
from workbench.checks.predicates import literal
from workbench.checks.results import BY_BOTH, BY_SQL, HELD, RESULTS, UNASKED, CheckReport, Result, results_frame
from workbench.checks.suites import Expectation, Suite, read_suites
from workbench.checks.wording import asks
from workbench.errors import CountMismatch, ExportProblem, MappingProblem, StoreProblem, gather
from workbench.vocabulary import Severity
from workbench.warehouse import Warehouse, identifier, open_warehouse

GX_ROWS = 200_000
"""Above this many rows the second count would cost minutes and gigabytes: SQL counts alone, and the result says so."""
HELD_COLUMNS = "mapping VARCHAR, source_object VARCHAR, source_id VARCHAR, rule VARCHAR, field VARCHAR, message VARCHAR"


def run_checks(
    warehouse: Path,
    suites_folder: Path,
    mappings: Sequence[CheckedMapping],
    *,
    gx_rows: int = GX_ROWS,
    stop: bool = True,
) -> CheckReport:
    """Judge raw and staged rows, write checked.results and checked.held, and raise what fails with severity stop.

    With `stop=False` a notebook can show the report first; it then calls `require_passed`.
    """
    suites = read_suites(suites_folder)
    judged = pair_suites(suites, mappings)
    if gx_rows:
        open_context()  # seconds of import, before the warehouse is taken
    with open_warehouse(warehouse, write=True) as opened:
        if not opened.has("staged.problems"):
            raise StoreProblem("There are no staged rows. Run notebooks/50_stage.ipynb, or: workbench run --to stage")
        refuse_missing_columns(opened, judged)
        opened.run(f"CREATE OR REPLACE TABLE checked.held ({HELD_COLUMNS})")
        opened.run(
            "INSERT INTO checked.held SELECT DISTINCT mapping, source_object, source_id, rule, field, message"
            " FROM staged.problems WHERE severity = 'hold'"
        )
        lines = [line for one in judged for line in _judge(opened, one, gx_rows)]
        require_all_ran(suites, lines)
        lines += _staging_lines(opened)
        opened.write("checked.results", results_frame(lines))
        if opened.has("staged.stamp"):
            opened.run("CREATE OR REPLACE TABLE checked.stamp AS SELECT * FROM staged.stamp")
        report = read_report(opened)
    if stop:
        require_passed(report)
    return report


def read_report(warehouse: Warehouse) -> CheckReport:
    """Read what the last checks wrote."""
    lines = warehouse.run(f"SELECT {', '.join(RESULTS)} FROM checked.results")
    held = warehouse.run(
        "SELECT mapping, field, rule, message, count(DISTINCT source_id) AS rows FROM checked.held"
        " GROUP BY ALL ORDER BY mapping, rows DESC, field, rule, message"
    )
    rows = warehouse.run(
        "SELECT mapping, count(DISTINCT source_id) FROM checked.held GROUP BY mapping ORDER BY mapping"
    )
    return CheckReport(
        results=pl.DataFrame(lines, schema=RESULTS, orient="row"),
        held=pl.DataFrame(held, schema=HELD, orient="row"),
        held_rows=pl.DataFrame(rows, schema={"mapping": pl.String, "rows": pl.Int64}, orient="row"),
    )


def _judge(warehouse: Warehouse, judged: Judged, gx_rows: int) -> Iterator[Result]:
    rows, counted = find_failing(warehouse, judged)
    second: list[Counted] = []
    if rows <= gx_rows:
        second = count_failures(warehouse, judged.table, judged.expectations)
        compare_counts(judged, rows, counted, second)
    _hold(warehouse, judged, [place for place, failed in enumerate(counted) if failed])
    for place, (one, failed) in enumerate(zip(judged.expectations, counted, strict=True)):
        ran, gx_failed = (BY_BOTH, second[place].failed) if second else (BY_SQL, None)
        yield _result(judged, one, ran, (rows, failed, gx_failed, not failed))
    for one in judged.unasked:
        yield _result(judged, one, UNASKED, (0, 0, None, None))


def _result(judged: Judged, one: Expectation, ran: str, counts: tuple[int, int, int | None, bool | None]) -> Result:
    told = (judged.title, one.type, one.field, asks(one), str(one.severity), one.why, one.owner, one.source)
    return Result(*told, ran, *counts)


def require_all_ran(suites: Sequence[Suite], lines: Sequence[Result]) -> None:
    """Refuse a result in which a written expectation has no line: nobody would miss what did not run."""
    written = Counter(suite.title for suite in suites for _ in suite.expectations)
    told = Counter(line.suite for line in lines if line.source == "written")
    problems = [
        f"{title}: {count} written, {told[title]} with a result"
        for title, count in sorted(written.items())
        if told[title] != count
    ]
    if problems:
        raise CountMismatch(gather("The result of the checks", problems))


def compare_counts(judged: Judged, rows: int, counted: Sequence[int], second: Sequence[Counted]) -> None:
    """Refuse a result on which the two counts differ: one of them is wrong about what will be held."""
    problems = [
        f"{one.type} on {one.field}: {failed:,} of {rows:,} rows by SQL,"
        f" {other.failed:,} of {other.evaluated:,} by Great Expectations"
        for one, failed, other in zip(judged.expectations, counted, second, strict=True)
        if (rows, failed) != (other.evaluated, other.failed)
    ]
    if problems:
        raise CountMismatch(gather(judged.title, problems, "differing count"))


def _hold(warehouse: Warehouse, judged: Judged, failing: Sequence[int]) -> None:
    """Hold the rows that fail; where staging or an expectation above said so of the same field, once is enough."""
    holding = {place: one for place in failing if (one := judged.expectations[place]).severity is Severity.HOLD}
    rules = ", ".join(
        f"({place}, {literal(one.type)}, {literal(one.field)}, {literal(one.why)})" for place, one in holding.items()
    )
    for mapping in judged.holds if rules else ():
        name = literal(mapping.name)
        staged = "" if mapping.table == judged.table else f" AND key IN (SELECT source_id FROM {mapping.table})"
        warehouse.run(
            f"INSERT INTO checked.held WITH rules(place, rule, field, message) AS (VALUES {rules})"
            f" SELECT {name}, {literal(mapping.source_object)}, key, rule, field, message FROM rules JOIN"
            f" (SELECT key, min(place) AS place FROM ({failures_sql(list(holding))}) JOIN rules USING (place)"
            f" WHERE key IS NOT NULL{staged} GROUP BY key, field) USING (place)"
            f" WHERE NOT EXISTS (SELECT 1 FROM checked.held known"
            f" WHERE known.mapping = {name} AND known.field = rules.field AND known.source_id = key)"
        )


def _staging_lines(warehouse: Warehouse) -> list[Result]:
    found = warehouse.run(
        "SELECT mapping, rule, field, severity, if(count(DISTINCT message) = 1, min(message),"
        " rule || ', for ' || count(DISTINCT message) || ' reasons'), count(DISTINCT source_id) FROM staged.problems"
        " GROUP BY mapping, rule, field, severity ORDER BY mapping, field, rule, severity"
    )
    sizes = dict(warehouse.run("SELECT mapping, count(*) FROM staged.problems GROUP BY mapping"))
    for mapping in sizes:
        if warehouse.has(f"staged.{mapping}"):
            sizes[mapping] = warehouse.run(f"SELECT count(*) FROM staged.{identifier(mapping)}")[0][0]
    return [
        Result(
            suite=f"staged/{mapping}",
            type=rule,
            column_name=field,
            severity=severity,
            why=message,
            source="staging",
            evaluated=sizes[mapping],
            failed=failed,
            passed=False,
        )
        for mapping, rule, field, severity, message, failed in found
    ]


def require_passed(report: CheckReport) -> None:
    """Raise once for all checks of severity stop that have failing rows."""
    failed = report.results.filter((pl.col("severity") == Severity.STOP) & ~pl.col("passed"))
    if failed.is_empty():
        return
    problems = [
        f"{row['suite']} {row['type']} on {row['column_name']}:"
        f" {row['failed']:,} of {row['evaluated']:,} rows ({row['why']})"
        for row in failed.iter_rows(named=True)
    ]
    way_out = (
        "\nNothing may be loaded from these rows. Correct the export, the mapping or the suite, and run from the step "
    )
    if failed["suite"].str.starts_with("raw/").any():
        raise ExportProblem(gather("The delivery", problems, "failed check") + f"{way_out}snapshot.")
    raise MappingProblem(gather("The staging", problems, "failed check") + f"{way_out}stage.")
