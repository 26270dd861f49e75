"""Why a record is like this: what one source row went through, told without its values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.errors import StoreProblem
from workbench.ledger.history import moves_of
from workbench.ledger.identities import find_identity
from workbench.ledger.store import Ledger
from workbench.warehouse import open_warehouse

CLAIM = "SELECT mapping FROM staged.claims WHERE source_object = ? AND source_id = ?"
PROBLEM = ("severity", "field", "rule", "message")
PROBLEMS = f"SELECT {', '.join(PROBLEM)} FROM staged.problems WHERE source_object = ? AND source_id = ? ORDER BY ALL"


def explain_row(warehouse: Path, ledger: Ledger, source_object: str, source_id: str) -> dict[str, Any]:
    """Return the claim, problems, identity and every operation of one source row, and all of it as text."""
    name = f"{source_object}/{source_id}"
    mapping, problems = _staged(warehouse, source_object, source_id)
    answer: dict[str, Any] = {"object": source_object, "source_id": source_id, "mapping": mapping, "problems": problems}
    lines = [name, f"claimed by the mapping {mapping}"]
    lines += [f"{one['severity']}: {one['field']} {one['message']} ({one['rule']})" for one in problems]
    identity = find_identity(ledger, source_object, source_id)
    if identity:
        answer["record"] = {
            "destination": identity.destination,
            "id": identity.destination_id,
            "live": identity.is_live,
            "origin": identity.origin,
        }
        lines.append(f"{identity.destination} {identity.destination_id} at Freshsales, {identity.origin} by us")
    moves = moves_of(ledger, source_object, source_id)
    answer["operations"] = [vars(one) for one in moves]
    lines += [one.sentence for one in moves]
    return {**answer, "text": "\n".join(lines)}


def _staged(path: Path, source_object: str, source_id: str) -> tuple[str, list[dict[str, Any]]]:
    with open_warehouse(path) as warehouse:
        if not warehouse.has("staged.claims"):
            raise StoreProblem("Nothing is staged yet, so there is nothing to explain: workbench run --to stage")
        claims = warehouse.run(CLAIM, [source_object, source_id])
        if not claims:
            raise StoreProblem(
                f"No staged row is named {source_object}/{source_id}. The objects are those of mappings/sources, such as contacts."
            )
        rows = warehouse.run(PROBLEMS, [source_object, source_id])
    return str(claims[0][0]), [dict(zip(PROBLEM, row, strict=True)) for row in rows]
