"""A tiny practice, landed from CSV texts."""

import pytest

from workbench.dental_exec.snapshot import take_snapshot

TEXTS = {
    "users": (
        "user_id,email,is_active\n"
        "U1,a@example.com,Y\nU2,A@example.com ,Y\nU3,c@example.com,N\nU4,,Y\nU5,e@example.com,Y\n"
    ),
    "companies": "company_id,parent_company_id\nP1,\n",
    "contacts": "contact_id\nC1\n",
    "cases": "case_id\nT1\n",
}


@pytest.fixture
def land(tmp_path):
    """Land a delivery made of CSV texts by object; what is not given is one row."""

    def landed(**texts):
        folder = tmp_path / "exports"
        folder.mkdir()
        for name, text in {**TEXTS, **texts}.items():
            (folder / f"{name}.csv").write_text(text, "utf-8")
        warehouse = tmp_path / "warehouse.duckdb"
        take_snapshot(folder, warehouse, time_zone="America/Chicago")
        return warehouse

    return landed
