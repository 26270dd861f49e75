"""The shipped decision files over a handful of rows written by hand: what a test of a rule needs and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
from little import Little

from workbench.dental_exec.contract import read_contract
from workbench.profile.recalls import profile_recalls
from workbench.warehouse import open_warehouse

REPOSITORY = Path(__file__).parent.parent.parent
EXPORTED_AT = "2024-06-01 08:00:00"
Row = dict[str, str]
DEFAULTS: dict[str, Row] = {
    "users": {"email": "mreyes@example.com", "is_active": "Y"},
    "companies": {"company_name": "Lakeside Family Dental", "time_zone": "America/Chicago", "owner_user_id": "U1"},
    "contacts": {
        "lifecycle_role": "Patient",
        "status": "Active",
        "last_name": "Lund",
        "company_id": "P1",
        "owner_user_id": "U1",
        "created_at": "2019-01-02 08:00:00",
    },
    "cases": {
        "case_name": "Implant",
        "contact_id": "C1",
        "company_id": "P1",
        "pipeline_id": "L1",
        "stage_id": "S1",
        "case_value": "100",
        "owner_user_id": "U1",
    },
    "appointments": {
        "contact_id": "C1",
        "company_id": "P1",
        "owner_user_id": "U1",
        "appointment_type": "Cleaning",
        "starts_at": "2024-03-04 09:00:00",
        "duration_minutes": "60",
        "status": "Completed",
    },
    "tasks": {
        "subject": "Call",
        "status": "New",
        "due_at": "2024-03-04 09:00:00",
        "related_object": "contact",
        "related_id": "C1",
        "owner_user_id": "U1",
        "created_by_user_id": "U1",
    },
    "notes": {
        "note_type": "General",
        "related_object": "contact",
        "related_id": "C1",
        "author_user_id": "U1",
        "written_at": "2024-03-04 09:00:00",
        "body": "well",
        "body_format": "plain",
    },
}
"""What a row says where a test says nothing: one practice P1, one person C1, one user U1."""
BASE: dict[str, list[Row]] = {
    "users": [{"user_id": "U1"}],
    "companies": [{"company_id": "P1"}],
    "contacts": [{"contact_id": "C1"}],
    "case_pipelines": [{"pipeline_id": "L1", "pipeline_name": "Restorative"}],
    "case_stages": [
        {"stage_id": "S1", "pipeline_id": "L1", "stage_name": "Consult", "outcome": "open"},
        {"stage_id": "S2", "pipeline_id": "L1", "stage_name": "Completed", "outcome": "won"},
    ],
}


def make_shipped(folder: Path, settings: str = "", **rows: list[Row]) -> Little:
    """Write a migration with the shipped mappings, decided, over the base rows and these."""
    made = Little(folder)
    made.write("migration.toml", f'[practice]\ntime_zone = "America/Chicago"\n{settings}')
    shutil.copytree(REPOSITORY / "mappings", folder / "mappings")
    made.values("owner", "U1,map,mreyes@example.com")
    made.values("case_pipeline", "Restorative,keep,")
    made.values("stage.restorative", "Consult,keep,", "Completed,keep,")
    made.values("insurance_carrier", "Delta Dntl,map,Delta Dental of Ohio")
    made.values("claim_status", "PAYRECVD,map,Paid", "Rejected,ask,")
    with open_warehouse(made.settings.warehouse, write=True) as warehouse:
        for one in read_contract().objects.values():
            columns = list(dict.fromkeys((*one.columns, *one.key)))
            given = [DEFAULTS.get(one.name, {}) | row for row in (*BASE.get(one.name, []), *rows.get(one.name, []))]
            cells = [[row.get(column) for column in columns] for row in given]
            warehouse.write(
                f"raw.{one.name}", pl.DataFrame(cells, schema=dict.fromkeys(columns, pl.String), orient="row")
            )
            warehouse.run(f"CREATE OR REPLACE VIEW profile.read_{one.name} AS SELECT * FROM raw.{one.name}")
        warehouse.run(f"CREATE TABLE raw.deliveries AS SELECT '{EXPORTED_AT}' AS exported_at, 'T1' AS snapshot")
        warehouse.run("CREATE TABLE profile.file_problems (attachment_id VARCHAR, problem VARCHAR)")
    profile_recalls(made.settings.warehouse)
    return made
