"""Files: compared with their hash before they were sent; by name, record and size after, since no API returns their bytes."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.ledger.images import last_image
from workbench.ledger.store import Ledger
from workbench.mapping.object_mapping import ObjectMapping
from workbench.reconcile.checks import Check, Question, judge, unchecked
from workbench.reconcile.fields import delivered_table, there_table
from workbench.settings import Settings
from workbench.vocabulary import Kind
from workbench.warehouse import Warehouse


def check_files(
    warehouse: Warehouse, settings: Settings, ledger: Ledger, records: Sequence[ObjectMapping]
) -> list[Check]:
    """Judge sizes and hashes of every delivered file, and say that the bytes there were not read.

    A listed file tells its size or does not (Freshsales documents neither); where none does, sizes are not checked.
    """
    checks: list[Check] = []
    for mapping in (one for one in records if one.kind is Kind.FILE):
        delivered, there = delivered_table(mapping), there_table(settings, mapping)
        files = warehouse.run(
            "SELECT e.source_id, i.operation_id, s.size, s.sha256, d.size FROM"
            f" {delivered} e JOIN staged.{mapping.name} s USING (source_id) JOIN {there} d USING (destination_id)"
            " JOIN destination.identities i ON i.mapping = $mapping AND i.source_id = e.source_id ORDER BY e.source_id",
            {"mapping": mapping.name},
        )
        told = [(row[0], row[2], row[4]) for row in files if row[2] is not None and row[4] is not None]
        if told:
            wrong = [one for one, size, found in told if int(size) != int(found)]
            checks.append(judge(Question.SIZES, mapping.name, len(told), len(told) - len(wrong), ids=wrong))
        if len(told) < len(files):
            checks.append(unchecked(Question.SIZES, mapping.name, len(files), len(told), keys=len(files) - len(told)))
        hashed = [(row[0], row[1], row[3]) for row in files if row[3]]
        wrong = [one for one, operation, digest in hashed if _hash_sent(ledger, operation) != digest]
        checks.append(judge(Question.HASHES, mapping.name, len(hashed), len(hashed) - len(wrong), ids=wrong))
        if len(hashed) < len(files):
            missing = len(files) - len(hashed)
            checks.append(unchecked(Question.HASHES, mapping.name, len(files), len(hashed), keys=missing))
        checks.append(unchecked(Question.BYTES, mapping.name, len(files), keys=len(files)))
    return checks


def _hash_sent(ledger: Ledger, operation_id: int) -> str | None:
    image = last_image(ledger, operation_id, "read_back")
    return image.get("sha256") if isinstance(image, dict) else None
