"""The forecast as people read it: hours of every phase against the windows, a grade, and what to cut where it is too much."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from workbench.load.attachments import storage_needed
from workbench.load.forecast import COUNTS, EVERYTHING, PHASES, Figures, count_figures
from workbench.mapping.budget import plan_limits
from workbench.mapping.files import Mappings
from workbench.mapping.spellings import Asked
from workbench.pacing import HOUR, HOURLY, Pacing, agreed_pacing
from workbench.reports.premapping import ALONE, GRADES, Factor, count_objects, grade_mapping, grade_volume, graded
from workbench.settings import WRITTEN, Settings
from workbench.vocabulary import Plan
from workbench.warehouse import Warehouse

EASY, LONGEST, DELTA_WINDOW, UNDO_WINDOW = 48, 72, 48, 48
"""Hours: a migration is promised within 48 to 72 of them, its delta and its rollback within 48 each."""
MEGABYTE, GIGABYTE = 1024**2, 1024**3
MONTHS = (36, 24, 12, 6, 1)
SIZES = (100, 50, 25, 10, 5, 2, 1)
"""The cuts that are tried, the mildest first: history older than so many months, files above so many megabytes."""


@dataclass(frozen=True)
class Cut:
    """One way to make it less: how, and what is left of it."""

    name: str
    how: str
    figures: Figures
    plan: Plan
    reasons: tuple[str, ...]
    history: str = ""
    """The policy about history that it is."""


@dataclass(frozen=True)
class Tier:
    """A plan tier at the calls that it gives: hours of each phase, and the files that it stores."""

    plan: Plan
    pacing: Pacing
    users: int

    def at(self, plan: Plan) -> Tier:
        """Return another plan tier for the same users, with all the calls that it gives."""
        pacing = self.pacing if plan is self.plan else replace(self.pacing, requests_per_hour=HOURLY[plan])
        return replace(self, plan=plan, pacing=pacing)

    def row(self, figures: Figures) -> tuple[float, float, float, float]:
        """Return hours to load and read back, of a delta and of a rollback, and gigabytes of files."""
        hours = [self.hours(figures, *one) for one in (("load", "verify"), ("delta",), ("rollback",))]
        first, second, third, size = (round(one, 2) for one in (*hours, figures.total("bytes") / GIGABYTE))
        return first, second, third, size

    def hours(self, figures: Figures, *phases: str) -> float:
        """Return what the calls of some phases take."""
        return figures.total(*phases) * self.pacing.interval / HOUR

    def reasons(self, figures: Figures) -> Iterator[str]:
        """Yield why the plan cannot take it."""
        said = (
            ("loading and reading back take", self.hours(figures, "load", "verify"), LONGEST),
            ("a delta takes", self.hours(figures, "delta"), DELTA_WINDOW),
            ("a rollback takes", self.hours(figures, "rollback"), UNDO_WINDOW),
        )
        yield from (f"{what} {hours:,.1f} h, and there are {most} h" for what, hours, most in said if hours > most)
        needed, there = storage_needed(figures.total("bytes"), self.users, plan_limits(self.plan)["gigabytes"])
        if needed > there:
            yield f"files need {needed / GIGABYTE:,.1f} GB, and {self.plan} stores {there / GIGABYTE:,.0f} GB for {self.users} users"
        if not plan_limits(self.plan)["total"]:
            yield f"{self.plan} has no custom fields, so nothing can be found again"


@dataclass(frozen=True)
class Forecast:
    """What a migration takes at its plan, what other plans would take, and what a person may decide."""

    counted: str
    tier: Tier
    figures: Figures
    plans: pl.DataFrame
    reasons: tuple[str, ...]
    cuts: tuple[Cut, ...]
    factors: tuple[Factor, ...]
    objects: dict[str, int]
    history: dict[str, str]
    readings: tuple[str, ...]

    @property
    def grade(self) -> str:
        """The worst grade of all factors."""
        return max(grade for _, grade, _ in self.factors)

    @property
    def headline(self) -> str:
        """Say in one sentence what it takes and whether that is in time."""
        both = self.tier.hours(self.figures, "load", "verify")
        fits = "cannot be done in time" if self.reasons else f"inside {EASY if both <= EASY else LONGEST} h"
        return (
            f"{self.figures.total('records'):,} records: {both:,.1f} h to load and read back on {self.tier.plan}, {fits};"
            f" grade {self.grade} ({GRADES[self.grade]})."
        )

    @property
    def cut_frame(self) -> pl.DataFrame:
        """One row a cut: what it leaves, and whether it is enough."""
        rows = [
            (one.name, one.how, one.plan, *self.tier.at(one.plan).row(one.figures), not one.reasons)
            for one in self.cuts
        ]
        return _frame(rows, ("cut", "how", "plan"), "is_enough")

    @property
    def grades(self) -> pl.DataFrame:
        """One row a factor: its grade and why."""
        return pl.DataFrame(self.factors, schema=("factor", "grade", "why"), orient="row")

    @property
    def calls(self) -> pl.DataFrame:
        """Records, calls of each phase and megabytes by mapping; what they come to, and hours, below."""
        lines = _shown(self.figures.by_mapping)
        total = lines.select(pl.lit("in all").alias("mapping"), pl.all().exclude("mapping").sum())
        hours = [self.tier.hours(self.figures, phase) for phase in PHASES]
        under = pl.DataFrame([("hours", None, *hours, None)], schema=lines.columns, orient="row")
        floats = [pl.col(one).cast(pl.Float64) for one in lines.columns[1:]]
        return pl.concat([one.with_columns(floats) for one in (lines, total, under)])

    @property
    def practices(self) -> pl.DataFrame:
        """Records, calls of each phase and megabytes by practice."""
        return _shown(self.figures.by_practice)

    def record(self) -> dict[str, Any]:
        """Return the whole forecast as one document."""
        a_call = self.tier.pacing.interval / HOUR
        lines = self.figures.by_mapping.with_columns(calls="load", hours=(pl.col("load") * a_call).round(2)).to_dicts()
        totals = {name: self.figures.total(name) for name in COUNTS}
        hours = {phase: round(self.tier.hours(self.figures, phase), 2) for phase in PHASES}
        return {
            "counted": self.counted,
            "plan": self.tier.plan,
            "calls_an_hour": round(1 / a_call),
            **totals,
            "calls": totals["load"],
            "hours": hours["load"],
            "phase_hours": hours,
            "mappings": lines,
            "practices": self.figures.by_practice.to_dicts(),
            "plans": self.plans.to_dicts(),
            "in_time": not self.reasons,
            "reasons": list(self.reasons),
            "cuts": self.cut_frame.to_dicts(),
            "grade": self.grade,
            "factors": self.grades.to_dicts(),
            "objects": self.objects,
            "scoped_individually": totals["records"] > ALONE,
            "history": self.history,
            "readings": list(self.readings),
            "headline": self.headline,
        }


def make_forecast(
    warehouse: Warehouse,
    settings: Settings,
    mappings: Mappings,
    *,
    counted: str,
    asked: Sequence[Asked],
    proven: Collection[str] = (),
    as_shipped: Collection[str] = (),
) -> Forecast:
    """Count what moves, as `keep_coming` told it, and hold it against windows, plans and policies.

    `counted` names the rows, `asked` the spellings, `as_shipped` the mappings that are as they came, `proven` the
    kinds of record for which bulk calls are known to take our unique field.
    """
    tier = Tier(settings.plan, agreed_pacing(settings), int(settings["freshsales.users"]))

    def count(rows: str) -> Figures:
        return count_figures(warehouse, settings, mappings, proven, rows)

    figures = count(EVERYTHING)
    reasons = tuple(tier.reasons(figures))
    cuts = tuple(_cuts(count, mappings, tier, figures)) if reasons else ()
    now = str(settings["policy.history"])
    history = {"now": now, "proposed": now, "why": "what moves now is in time; nothing has to be left"}
    if reasons:
        history["why"] = "no policy about history alone is enough; see the cuts"
    for one in cuts:
        if one.history and not one.reasons:
            history |= {"proposed": one.history, "why": f"{one.name}: then it is in time"}
    objects = count_objects(mappings)
    calls, hours = figures.total("load", "verify"), tier.hours(figures, "load", "verify")
    speed = (
        "API limits",
        graded(hours, EASY / 2, EASY, LONGEST),
        f"{calls:,} calls to load and read back: {hours:,.1f} h",
    )
    factors = (*grade_mapping(mappings, asked, as_shipped), speed, grade_volume(figures.total("records")))
    tiers = [tier.at(one) for one in (Plan.GROWTH, Plan.PRO, Plan.ENTERPRISE)]
    rows = [(one.plan, *one.row(figures), not list(one.reasons(figures))) for one in tiers]
    plans, readings = _frame(rows, ("plan",), "in_time"), _readings(proven, counted)
    return Forecast(counted, tier, figures, plans, reasons, cuts, factors, objects, history, readings)


def _shown(frame: pl.DataFrame) -> pl.DataFrame:
    named = frame.rename({"bytes": "megabytes"})
    return named.with_columns(pl.col("megabytes") / MEGABYTE, pl.col(pl.String).fill_null("none"))


def _frame(rows: Sequence[tuple[Any, ...]], names: tuple[str, ...], said: str) -> pl.DataFrame:
    hours = ("load_and_verify_h", "delta_h", "rollback_h", "gigabytes")
    shape = dict.fromkeys(names, pl.String) | dict.fromkeys(hours, pl.Float64) | {said: pl.Boolean}
    return pl.DataFrame(rows, schema=shape, orient="row")


def selected(mappings: Mappings, *, months: int | None = None, condensed: bool = False, most: int | None = None) -> str:
    """Return the SELECT of the rows that move when some are cut: history older than so many months, left out or
    condensed into a note a person and year, and files of more than `most` bytes.
    """
    kept = EVERYTHING if most is None else f"{EVERYTHING} AND (plural <> 'documents' OR bytes <= {most})"
    if months is None:
        return kept
    border = f"((SELECT max(TRY_CAST(exported_at AS TIMESTAMP)) FROM raw.deliveries) - to_months({months}))"
    if condensed:  # whole years, each person's; what hangs on a practice stays
        border = f"date_trunc('year', {border})"
    older = f"coalesce(moment < {border}, false)" + (" AND person IS NOT NULL" if condensed else "")
    rows = f"{kept} AND NOT ({older})"
    notes = next((one for one in mappings.objects if one.destination == "note" and one.history), None)
    return (
        rows
        if not condensed or notes is None
        else (
            f"{rows} UNION ALL BY NAME SELECT '{notes.name}' AS mapping, 'notes' AS plural, {mappings.objects.index(notes)} AS place,"
            f" person AS target, person, practice, 0 AS depth, bool_or(in_sample) AS in_sample, false AS adopted, false AS keyed,"
            " false AS closed, false AS bare, 0 AS bytes FROM coming"
            f" WHERE state = 'moves' AND {older} GROUP BY person, practice, year(moment)"
        )
    )


def _mildest(
    tries: Mapping[int, str], count: Callable[[str], Figures], tier: Tier
) -> tuple[int, Figures, tuple[str, ...]]:
    """Return the first of several bounds that is enough, else the one that leaves least; its figures; and what is amiss."""
    found = []
    for bound, rows in tries.items():
        figures = count(rows)
        found.append((bound, figures, tuple(tier.reasons(figures))))
        if not found[-1][2]:
            return found[-1]
    return min(found, key=lambda one: (len(one[2]), one[1].total(*PHASES, "bytes")))


def _cuts(count: Callable[[str], Figures], mappings: Mappings, tier: Tier, figures: Figures) -> Iterator[Cut]:
    """Yield condensed history, files left out, a higher plan, each as mild as is enough; and all of it where none is."""
    months, made, left = _mildest({one: selected(mappings, months=one, condensed=True) for one in MONTHS}, count, tier)
    policy, name = history_setting(months), f"History older than {months} months as one note a person and year"
    yield Cut(name, f'[policy] history = "{policy}"', made, tier.plan, left, policy)
    size, made, without = _mildest({one: selected(mappings, most=one * MEGABYTE) for one in SIZES}, count, tier)
    border = f"TRY_CAST(size_bytes AS BIGINT) <= {size * MEGABYTE}"
    how = f"`AND {border}` in the `where` of the mapping of files, and a left_out mapping for the others"
    yield Cut(f"Files above {size} MB left out", how, made, tier.plan, without)
    higher = [one for one in Plan if HOURLY[one] > HOURLY[tier.plan]]
    plan = next((one for one in higher if not any(tier.at(one).reasons(figures))), (higher or [tier.plan])[-1])
    how = f'[freshsales] plan = "{plan}", requests_per_hour = {HOURLY[plan]}' if higher else "no plan gives more calls"
    reasons = tuple(tier.at(plan).reasons(figures))
    yield Cut(f"The plan {plan}", how, figures, plan, reasons)
    if left and without and reasons:
        made = count(selected(mappings, months=months, condensed=True, most=size * MEGABYTE))
        yield Cut("All three together", "as above", made, plan, tuple(tier.at(plan).reasons(made)))


def history_setting(months: int) -> str:
    """Return how the policy that condenses history older than so many months is written in migration.toml."""
    ways = (f"condensed:{months}m", "condensed", f"recent:{months}m")
    return next(one for one in ways if WRITTEN["policy.history"][0].fullmatch(one))


def _readings(proven: Collection[str], counted: str) -> tuple[str, ...]:
    """Return how the contract was read where it is open."""
    taken = f"take our unique field for {', '.join(sorted(proven))}" if proven else "do not take our unique field"
    return (
        f"counted are {counted}" + ("" if counted == "checked rows" else "; what checks will hold is counted, too"),
        f"bulk calls {taken}: rows without another key of their own go one by one",
        "polls, refused calls and reads count against the limit as writes do",
        "what hangs on a record stays when it is deleted, so a rollback deletes every record by itself",
        "files cannot be deleted by the API: a rollback leaves them and lists them",
        "a delta is as large as the load approval covers, every row a change, with a census and a full read",
    )
