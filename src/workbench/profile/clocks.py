"""Profile the clocks of an export: zones of companies, hours that daylight saving skips or doubles, odd appointments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from workbench.clock import known_zones
from workbench.dental_exec.contract import read_contract
from workbench.privacy import shown_id
from workbench.profile.source import LIVES, as_read, open_snapshot
from workbench.warehouse import Warehouse

MISSING, NO_IANA, NO_SEASONS = "missing", "no IANA name", "an abbreviation or offset, without daylight saving"
SKIPPED, DOUBLED = "in the hour that daylight saving skips", "in the hour that comes twice in autumn"
FIRST_YEAR, LAST_YEAR = 1980, 2060
APPOINTMENTS = (
    ("its start cannot be read", "text IS NOT NULL AND start IS NULL"),
    ("planned, without a start", "text IS NULL"),
    ("ends before it starts", "finish < start"),
    ("has no length", "finish = start"),
    ("takes all day", "is_long"),
    ("outside 5:00 to 23:00", "NOT is_long AND (start::TIME < TIME '05:00' OR start::TIME >= TIME '23:00')"),
    ("past, and still scheduled", "start < exported AND lower(trim(status)) IN ('scheduled', 'confirmed')"),
)
"""What an appointment's times may say that a person should know, each with its condition."""
ZONES = {"company_id": pl.String, "time_zone": pl.String, "problem": pl.String}
WINDOWS = {"zone": pl.String, "problem": pl.String, "first": pl.Datetime, "after": pl.Datetime}


def profile_zones(warehouse: Path) -> pl.DataFrame:
    """Return every live company with its time zone and what is wrong with it; write profile.zones."""
    with open_snapshot(warehouse) as store:
        found = store.run(
            f"SELECT company_id, time_zone FROM {as_read(store, 'companies')} WHERE {LIVES} ORDER BY company_id"
        )
        frame = pl.DataFrame([(*row, _zone_problem(row[1])) for row in found], schema=ZONES, orient="row")
        store.write("profile.zones", frame)
    return frame.with_columns(pl.col("time_zone").map_elements(shown_id, return_dtype=pl.String))


def profile_clocks(warehouse: Path) -> pl.DataFrame:
    """Count by object and column the times that do not exist, exist twice, or are odd for an appointment.

    Writes profile.clocks, and profile.clock_keys with the records. A row's zone is its company's, else the practice's.
    """
    with open_snapshot(warehouse) as store:
        store.run(
            "CREATE OR REPLACE TABLE profile.clock_keys"
            " (object VARCHAR, source_id VARCHAR, column_name VARCHAR, problem VARCHAR, company_id VARCHAR)"
        )
        practice = store.run("SELECT source_timezone FROM raw.deliveries")[0][0]
        zones = _readable_zones(store, practice)
        store.write("profile.clock_windows", pl.DataFrame(list(_windows(zones)), schema=WINDOWS, orient="row"))
        companies = as_read(store, "companies")
        for name, said in read_contract().objects.items():
            for column in (one for one in said.dates if one.endswith("_at")):
                _list_seasons(store, name, column, companies, practice)
        _list_appointments(store)
        store.run("DROP TABLE profile.clock_windows")
        frame = store.frame(
            "SELECT object, column_name AS column, problem, count(*) AS records, count(DISTINCT company_id) AS companies"
            " FROM profile.clock_keys GROUP BY ALL ORDER BY object, column_name, records DESC, problem"
        )
        store.write("profile.clocks", frame)
    return frame


def _time(column: str) -> str:
    """Return the SQL of a local time; DuckDB alone would read 3/4/24 as a day of the year 3."""
    return f"CASE WHEN regexp_matches({column}, '^\\s*[0-9]{{4}}-[0-9]') THEN TRY_CAST(trim({column}) AS TIMESTAMP) END"


def _zone_problem(zone: str | None) -> str | None:
    if not (zone or "").strip():
        return MISSING
    if zone not in known_zones():
        return NO_IANA
    return None if "/" in zone and not zone.startswith("Etc/") else NO_SEASONS


def _readable_zones(store: Warehouse, practice: str | None) -> list[str]:
    named = store.run(f"SELECT DISTINCT time_zone FROM {as_read(store, 'companies')}")
    return sorted({zone for zone in (practice, *(row[0] for row in named)) if zone in known_zones()})


def _windows(zones: list[str]) -> Iterator[tuple[str, str, datetime, datetime]]:
    """Yield for each zone the local hours that daylight saving skips or doubles."""
    for name in zones:
        zone = ZoneInfo(name)
        moment, last = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR, 1, 1, tzinfo=UTC)
        while moment < last:
            following = moment + timedelta(days=7)
            before, after = _offset(zone, moment), _offset(zone, following)
            if before != after:
                change = _change(zone, moment, following).replace(tzinfo=None)
                yield (
                    name,
                    SKIPPED if after > before else DOUBLED,
                    change + min(before, after),
                    change + max(before, after),
                )
            moment = following


def _change(zone: ZoneInfo, early: datetime, late: datetime) -> datetime:
    """Return the minute at which the offset changes between two moments."""
    old = _offset(zone, early)
    while late - early > timedelta(minutes=1):
        middle = early + timedelta(minutes=(late - early) // timedelta(minutes=2))
        early, late = (middle, late) if _offset(zone, middle) == old else (early, middle)
    return late


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _list_seasons(store: Warehouse, name: str, column: str, companies: str, practice: str | None) -> None:
    said = read_contract().objects[name]
    if not said.key:
        return
    company = "s.company_id" if "company_id" in said.columns else "NULL::VARCHAR"
    moment = _time(f's."{column}"')
    lives = LIVES if "is_deleted" in said.columns else "true"
    store.run(
        f"INSERT INTO profile.clock_keys SELECT '{name}', source_id, '{column}', w.problem, t.company_id"
        f' FROM (SELECT s."{said.key[0]}"::VARCHAR AS source_id, {company} AS company_id,'
        f" {moment} AS moment, coalesce(c.time_zone, $practice) AS zone"
        f" FROM (SELECT * FROM {as_read(store, name)} WHERE {lives}) s"
        f" LEFT JOIN {companies} c ON c.company_id = {company}) t"
        " JOIN profile.clock_windows w ON w.zone = t.zone AND w.first::DATE = t.moment::DATE"
        " AND t.moment >= w.first AND t.moment < w.after ORDER BY source_id",
        {"practice": practice},
    )


def _list_appointments(store: Warehouse) -> None:
    start, finish, exported = (_time(one) for one in ("starts_at", "ends_at", "d.exported_at"))
    store.run(
        "CREATE OR REPLACE TEMP TABLE times AS SELECT appointment_id, company_id, status, starts_at AS text,"
        f" {start} AS start, coalesce({finish}, {start} + to_minutes(TRY_CAST(duration_minutes AS INTEGER))) AS finish,"
        f" {exported} AS exported, start::TIME = TIME '00:00' AND finish - start >= INTERVAL 23 HOURS AS is_long"
        f" FROM (SELECT * FROM {as_read(store, 'appointments')} WHERE {LIVES}) a, raw.deliveries d"
    )
    for problem, condition in APPOINTMENTS:
        store.run(
            "INSERT INTO profile.clock_keys SELECT 'appointments', appointment_id, 'starts_at', $problem, company_id"
            f" FROM times WHERE {condition} ORDER BY appointment_id",
            {"problem": problem},
        )
    store.run("DROP TABLE times")
