"""A loaded practice that later deliveries and people change."""

from __future__ import annotations

from loads import Rehearsal

from workbench.ledger.history import list_conflicts
from workbench.warehouse import open_warehouse

SHOWN = ("policy", "act", "last", "source", "there")


def restage(rehearsal: Rehearsal, table: str, source_id: str, **values: str | None) -> None:
    """Change a staged row as a later delivery would."""
    sets = ", ".join(f'"{name}" = ?' for name in values)
    with open_warehouse(rehearsal.practice.settings.warehouse, write=True) as warehouse:
        warehouse.run(
            f"UPDATE staged.{table} SET {sets}, fingerprint = sha256(fingerprint) WHERE source_id = ?",
            [*values.values(), source_id],
        )


def listed(rehearsal: Rehearsal) -> list[tuple]:
    """Return every conflict: name, policy, what was done, and the three values."""
    with rehearsal.session() as session:
        found = list_conflicts(session.ledger)
    return [(one.name, *(getattr(one.found, name) for name in SHOWN)) for one in found]


def patient(rehearsal: Rehearsal, number: int) -> dict:
    return next(one for one in rehearsal.state()["contacts"] if one["id"] == number)


def drop_row(rehearsal: Rehearsal, source_id: str, back: dict[str, list] | None = None) -> dict[str, list]:
    """Take a person out of what was landed, or put the rows that were taken out back; return what was taken out."""
    tables = ("staged.source_contacts", "staged.patient")
    taken: dict[str, list] = {}
    with open_warehouse(rehearsal.practice.settings.warehouse, write=True) as warehouse:
        for table in tables:
            key = "contact_id" if "source" in table else "source_id"
            if back is None:
                taken[table] = warehouse.run(f"SELECT * FROM {table} WHERE {key} = ?", [source_id])
                warehouse.run(f"DELETE FROM {table} WHERE {key} = ?", [source_id])
            else:
                [row] = back[table]
                warehouse.run(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", list(row))
    return taken
