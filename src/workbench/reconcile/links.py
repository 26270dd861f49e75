"""Which record stands for which row: doubles, strangers, records that lost their key or their row."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.freshsales.endpoints import endpoint
from workbench.mapping.object_mapping import ObjectMapping
from workbench.reconcile.checks import Check, Question, judge, unchecked
from workbench.reconcile.fields import Cause, delivered_table, ids_of, there_table
from workbench.settings import Settings
from workbench.vocabulary import Kind
from workbench.warehouse import Warehouse


def by_endpoint(settings: Settings, records: Sequence[ObjectMapping]) -> dict[str, list[ObjectMapping]]:
    """Return the mappings that write to each kind of record: a prospect and a patient may both be contacts."""
    groups: dict[str, list[ObjectMapping]] = {}
    for mapping in records:
        groups.setdefault(endpoint(mapping.destination, settings.edition).plural, []).append(mapping)
    return dict(sorted(groups.items()))


def find_doubles(warehouse: Warehouse, settings: Settings, records: Sequence[ObjectMapping]) -> list[Check]:
    """Append records that carry a source id, marker or file of ours and are no identity of ours; each is an incident.

    Counts by object take them in: a double is one record too many, a missing one too few.
    """
    checks = []
    for plural, members in by_endpoint(settings, records).items():
        kinds = ", ".join(sorted({f"'{one.destination}'" for one in members}))
        ours = " UNION ALL ".join(f"SELECT source_id FROM staged.{one.name}" for one in members)
        double = f"d.source_id IN ({ours})"
        if members[0].kind is Kind.FILE:
            same = (
                f"SELECT 1 FROM {delivered_table(members[0])} e WHERE e.target = d.target AND s.file_name = d.file_name"
            )
            staged = f"JOIN staged.{members[0].name} s USING (source_id)"
            double = f"EXISTS ({same.replace(' e WHERE', f' e {staged} WHERE')})"
        # Ids count by kind: a contact and a deal may have the same number.
        warehouse.run(
            f"INSERT INTO reconciled.differences SELECT '{plural}', d.source_id, NULL, '{Cause.EXTRA}'"
            f" FROM destination.{plural} d WHERE {double} AND d.destination_id NOT IN"
            f" (SELECT destination_id FROM destination.identities WHERE destination IN ({kinds}))"
        )
        doubles = int(
            warehouse.run(
                "SELECT count(*) FROM reconciled.differences WHERE mapping = ? AND cause = ?",
                [plural, str(Cause.EXTRA)],
            )[0][0]
        )
        delivered = " UNION ALL ".join(f"SELECT destination_id FROM {delivered_table(one)}" for one in members)
        rows, distinct, found = warehouse.run(
            f"SELECT count(*), count(DISTINCT destination_id), count(d.destination_id) FROM ({delivered}) e"
            f" LEFT JOIN destination.{plural} d USING (destination_id)"
        )[0]
        ids = ids_of(warehouse, plural, (Cause.EXTRA,))
        # Two rows that share one record are as wrong as one row with two.
        checks.append(
            judge(Question.ONCE, plural, rows, distinct + doubles, ids=ids, difference=doubles + rows - distinct)
        )
        checks.append(judge(Question.OBJECT, plural, rows, found + doubles))
    return checks


def check_keys(warehouse: Warehouse, settings: Settings, mapping: ObjectMapping) -> list[Check]:
    """Judge whether each record carries the source id of the row it stands for, in our field or in its marker."""
    where = endpoint(mapping.destination, settings.edition)
    if not (where.has_custom_fields or where.marker_field):
        return []
    object_too = f" OR d.source_object IS DISTINCT FROM '{mapping.source_object}'" if where.marker_field else ""
    found = warehouse.run(
        f"SELECT count(*), coalesce(list(e.source_id ORDER BY e.source_id) FILTER ("
        f"d.source_id IS DISTINCT FROM e.source_id{object_too}), []) FROM {delivered_table(mapping)} e"
        f" JOIN {there_table(settings, mapping)} d USING (destination_id)"
        f" ANTI JOIN reconciled.theirs t ON t.mapping = '{mapping.name}' AND t.source_id = e.source_id"
    )[0]
    return [judge(Question.CARRIES, mapping.name, found[0], found[0] - len(found[1]), ids=found[1])]


def tell_unchecked(warehouse: Warehouse, settings: Settings, records: Sequence[ObjectMapping]) -> list[Check]:
    """Return a line for each kind of record or field that was left aside, where there is one."""
    checks = []
    for mapping in records:
        identity = f"i.mapping = '{mapping.name}' AND i.is_live"
        staged = f"SELECT source_id FROM staged.{mapping.name}"
        held = f"SELECT source_id FROM checked.held WHERE source_object = '{mapping.source_object}'"
        for question, condition in (
            (Question.HELD, f"i.source_id IN ({staged}) AND i.source_id IN ({held})"),
            (Question.GONE, f"i.source_id NOT IN ({staged})"),
        ):
            count = int(
                warehouse.run(f"SELECT count(*) FROM destination.identities i WHERE {identity} AND {condition}")[0][0]
            )
            checks += [unchecked(question, mapping.name, count, keys=count)] if count else []
        count = int(warehouse.run("SELECT count(*) FROM reconciled.theirs WHERE mapping = ?", [mapping.name])[0][0])
        checks += [unchecked(Question.THEIRS, mapping.name, count, keys=count)] if count else []
    for plural, members in by_endpoint(settings, records).items():
        objects = ", ".join(sorted({f"'{one.source_object}'" for one in members}))
        kinds = ", ".join(sorted({f"'{one.destination}'" for one in members}))
        count = int(
            warehouse.run(
                f"SELECT count(*) FROM destination.{plural} d WHERE d.source_id IS NOT NULL AND d.destination_id NOT IN"
                f" (SELECT destination_id FROM destination.identities WHERE destination IN ({kinds})) AND d.source_id NOT IN"
                f" (SELECT source_id FROM staged.claims WHERE source_object IN ({objects}))"
            )[0][0]
        )
        checks += [unchecked(Question.STRANGE, plural, there=count, keys=count)] if count else []
    return [*checks, unchecked(Question.STAMPS, "every kind")]
