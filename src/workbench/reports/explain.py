"""Why a record is like this: one source row from the export to the read-back, told by rules and ids, values as shapes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench.errors import StoreProblem
from workbench.ledger.history import Move, deferral_of, moves_of
from workbench.ledger.identities import Identity, find_identity
from workbench.ledger.operations import FINAL, OPEN, UNDONE
from workbench.ledger.store import Ledger
from workbench.load.survey import are_equal, recall
from workbench.mapping.approval import read_signatures
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import ObjectMapping, asked_map
from workbench.mapping.value_map import Decided
from workbench.privacy import mask, screened, shown_id
from workbench.settings import Settings
from workbench.vocabulary import CONDENSED, LATER_WAVE, OLDER, Decision, Fate, Kind, State
from workbench.warehouse import Warehouse, identifier, open_warehouse

Row = dict[str, Any]
OF_ROW = "source_object = $object AND source_id = $id"
OF_MAPPING = "mapping = $mapping AND source_id = $id"
NOT_SENT, UNKNOWN = "not sent yet", "unknown"
"""What stands for a fate while there is none: nothing was sent, or what was sent has no known outcome."""
LEFT = ("a later wave: migration.toml, [scope] companies", "older than what moves: migration.toml, [policy] history")


def explain_row(
    settings: Settings, mappings: Mappings, ledger: Ledger, source_object: str, source_id: str
) -> dict[str, Any]:
    """Return everything known of one source row, by stage, and all of it as text.

    `source` is where it stands in the delivery, `mapping` who claims it, `fields` what fills each field and who decided
    its value, `fate` how it ended with `reasons`, `operations` every call, `read_back` what came back, `kept` what people
    changed since, `differences` what the last reconciliation found. Values stand as their shapes.
    """
    identity, moves = find_identity(ledger, source_object, source_id), moves_of(ledger, source_object, source_id)
    waits_for = deferral_of(ledger, source_object, source_id)
    with open_warehouse(settings.warehouse) as warehouse:
        answer = _found(warehouse, mappings, source_object, source_id)
        row, staged = answer.pop("_row"), answer.pop("_staged")
        root = _root(warehouse, waits_for) if waits_for else []
    mapping = next((one for one in mappings.objects if one.name == answer["mapping"]), None)
    answer["rule"] = _rule(mapping)
    answer["decided_first"] = _asked_by_source(mappings, source_object, row)
    answer["fields"] = _fields(mappings, mapping, row, staged, answer.pop("_changes")) if mapping else []
    answer["links"] = _links(mappings, mapping, row, staged, ledger) if mapping else []
    answer["ignored"] = dict(mapping.ignored) if mapping else {}
    answer["fate"], answer["reasons"] = _fate(mapping, answer, waits_for, root, identity, moves)
    answer["waits_for"] = waits_for if answer["fate"] == Fate.DEFERRED else None
    answer["approvals"] = [
        {"lock": str(one.lock), "by": one.by, "at": one.at, "voided": one.voided} for one in read_signatures(settings)
    ]
    if identity:
        answer["record"] = {
            "destination": identity.destination,
            "id": identity.destination_id,
            "live": identity.is_live,
            "origin": identity.origin,
        }
        answer |= _read_back(ledger, identity, mapping)
    answer["operations"] = [vars(one) for one in moves]
    return {**answer, "text": "\n".join(_lines(answer, moves))}


def _found(warehouse: Warehouse, mappings: Mappings, source_object: str, source_id: str) -> dict[str, Any]:
    """Return what the warehouse holds of a row; one that nothing claims was rejected at the door, or is not there."""
    there = set(warehouse.run("SELECT table_schema, table_name FROM information_schema.tables"))
    key = {"object": source_object, "id": source_id}
    answer: dict[str, Any] = {"object": source_object, "source_id": source_id, "mapping": "", "problems": []}

    def rows(table: str, columns: str, where: str, **values: str) -> list[Row]:
        if tuple(table.split(".")) not in there:
            return []
        names = columns.split(", ")
        found = warehouse.run(f"SELECT {columns} FROM {table} WHERE {where} ORDER BY ALL", values)
        return [dict(zip(names, one, strict=True)) for one in found]

    at_door = "object = $object AND source_id = $id"
    answer["rejected"] = rows("raw.rejected", "file, first_line, last_line, reason", at_door, **key)
    claims = rows("staged.claims", "mapping", OF_ROW, **key)
    if not claims and not answer["rejected"]:
        if ("staged", "claims") not in there:
            raise StoreProblem("Nothing is staged yet, so there is nothing to explain: workbench run --to stage")
        typed = shown_id(f"{source_object}/{source_id}")
        raise StoreProblem(
            f"No staged row is named {typed}. The objects are those of mappings/sources, such as contacts."
        )
    name = answer["mapping"] = str(claims[0]["mapping"]) if claims else ""
    of_mapping = {"mapping": name, "id": source_id}
    source = mappings.sources.get(source_object)
    row = _row(warehouse, source.table, source.key, source_id) if claims and source else {}
    file, record, *_ = [row.pop(one, None) for one in ("source_file", "source_row", "claimed_by", "claims")]
    answer["source"] = {
        **next(iter(rows("raw.deliveries", "delivery, snapshot, exported_at", "true")), {}),
        "file": file,
        "record": record,
        "values": {column: mask(value) for column, value in row.items() if value not in (None, "")},
    }
    answer["problems"] = rows("staged.problems", "severity, field, rule, message", OF_ROW, **key)
    answer["held"] = rows("checked.held", "rule, field, message", OF_ROW, **key)
    answer["differences"] = rows("reconciled.differences", "field, cause", OF_MAPPING, **of_mapping)
    answer["is_reconciled"] = ("reconciled", "differences") in there
    answer["_changes"] = rows("staged.changes", "field, was, became, rule", OF_MAPPING, **of_mapping)
    answer["condensed"] = [one["summary"] for one in rows("staged.condensed", "summary", OF_ROW, **key)]
    answer["_row"] = row
    answer["_staged"] = _row(warehouse, f"staged.{name}", "source_id", source_id) if ("staged", name) in there else {}
    return answer


def _row(warehouse: Warehouse, table: str, key: str, source_id: str) -> Row:
    """Return one row of a table by its key column."""
    found = warehouse.frame(f"SELECT * FROM {table} WHERE {identifier(key)} = $id", {"id": source_id})
    return found.row(0, named=True) if found.height else {}


def _root(warehouse: Warehouse, source_key: str) -> list[str]:
    """Return why the row that another one waits for does not travel itself."""
    source_object, _, source_id = source_key.partition("/")
    if not warehouse.has("checked.held"):
        return []
    found = warehouse.run(
        f"SELECT DISTINCT message FROM checked.held WHERE {OF_ROW} ORDER BY 1",
        {"object": source_object, "id": source_id},
    )
    return [str(message) for (message,) in found]


def _rule(mapping: ObjectMapping | None) -> dict[str, str]:
    if mapping is None:
        return {}
    named = {"file": f"mappings/objects/{mapping.name}.toml", "title": mapping.title, "kind": str(mapping.kind)}
    return {**named, "destination": mapping.destination, "where": mapping.where, "reason": mapping.reason}


def _asked_by_source(mappings: Mappings, source_object: str, row: Row) -> list[dict[str, str]]:
    """Return what the source SELECT itself asked a value map, such as a person's route."""
    source = mappings.sources.get(source_object)
    return [
        _decision(mappings, name, str(row[column]))
        for name, column in (source.asks if source else ())
        if row.get(column)
    ]


def _decision(mappings: Mappings, value_map: str, spelling: str) -> dict[str, str]:
    decided = mappings.values(value_map).find(spelling.strip()) or Decided(spelling, Decision.ASK)
    return {
        "value_map": value_map,
        "spelling": screened(spelling.strip()),
        "decision": str(decided.decision),
        "answer": screened(decided.answer or ""),
        "decided_by": decided.decided_by,
        "decided_on": decided.decided_on,
    }


def _fields(mappings: Mappings, mapping: ObjectMapping, row: Row, staged: Row, changes: list[Row]) -> list[Row]:
    """Return one entry a field: the columns and the rule that filled it, its shape, who decided it, how a clash ended."""
    changed = {one["field"]: f"{one['rule']}: {mask(one['was'])} became {mask(one['became'] or '')}" for one in changes}
    made = []
    for whole in mapping.fields.values():
        for field in whole.leaves:
            rule = "constant" if field.const is not None else f"values of {field.values}" if field.values else field.via
            entry: Row = {"field": whole.name, "from": list(field.columns), "rule": rule}
            entry["value"] = mask(staged[whole.name]) if staged.get(whole.name) else ""
            if field.values and (spelling := row.get(field.columns[0])):
                entry |= _decision(mappings, asked_map(field.values, row), str(spelling))
            if whole.name in changed:
                entry["changed"] = changed[whole.name]
            made.append(entry)
    return made


def _links(mappings: Mappings, mapping: ObjectMapping, row: Row, staged: Row, ledger: Ledger) -> list[Row]:
    """Return one entry a filled lookup: the source key it points at, and the record that stands for it."""
    made = []
    for lookup in mapping.lookups.values():
        entry: Row = {"field": lookup.name, "from": lookup.column, "required": lookup.required, "to": ""}
        if target := staged.get(lookup.name):
            entry["to"] = f"owners/{mask(target.partition('/')[2])}" if lookup.is_owner else target
            found = None if lookup.is_owner else find_identity(ledger, *target.split("/", 1))
            entry["record"] = f"{found.destination} {found.destination_id}" if found else ""
        if lookup.values and (spelling := row.get(lookup.column)):
            entry |= _decision(mappings, lookup.values, str(spelling))
        made.append(entry)
    return made


def _fate(  # noqa: PLR0917 - what each judge says, in the order in which they are asked
    mapping: ObjectMapping | None,
    answer: dict[str, Any],
    waits_for: str | None,
    root: list[str],
    identity: Identity | None,
    moves: list[Move],
) -> tuple[str, list[str]]:
    """Return the fate of a row by its one judge, and the reasons."""
    if not answer["mapping"]:
        return Fate.REJECTED, [_told_at_door(one) for one in answer["rejected"]]
    if answer["held"]:
        return Fate.HELD, [f"{one['field']}: {one['message']} ({one['rule']})" for one in answer["held"]]
    if mapping and mapping.kind is Kind.LEFT_OUT:
        return Fate.EXCLUDED, [mapping.reason]
    if answer["mapping"].startswith((LATER_WAVE, OLDER)):
        return Fate.EXCLUDED, [LEFT[answer["mapping"].startswith(OLDER)]]
    if answer["mapping"].startswith(CONDENSED):
        return Fate.EXCLUDED, [f"condensed into {one}" for one in answer["condensed"]]
    if mapping and mapping.kind in (Kind.MATCH, Kind.SETUP):
        return Fate.UNCHANGED, ["found in the tenant, never created"]
    if waits_for is not None:
        return Fate.DEFERRED, [f"waits for {waits_for}", *(f"which is held: {one}" for one in root)]
    return _sent_fate(identity, moves[-1] if moves else None)


def _sent_fate(identity: Identity | None, last: Move | None) -> tuple[str, list[str]]:
    """Return what the ledger says of a row that nothing keeps from being sent."""
    if last and last.state == State.REJECTED:
        return Fate.REJECTED, [f"refused by Freshsales: {last.reason}"]
    if last and last.state in OPEN:
        return UNKNOWN, ["sent, and no answer is known; the next run looks it up"]
    if last and last.action in UNDONE and last.state in FINAL:
        return NOT_SENT, ["taken back by a rollback"]
    if identity:
        return (Fate.CREATED if identity.origin == "created" else Fate.UPDATED), []
    return NOT_SENT, []


def _told_at_door(one: Row) -> str:
    lines = f"line {one['first_line']}" if one["first_line"] == one["last_line"] else ""
    return f"{one['file']}, {lines or 'lines {first_line} to {last_line}'.format(**one)}: {one['reason']}"


def _read_back(ledger: Ledger, identity: Identity, mapping: ObjectMapping | None) -> dict[str, Any]:
    """Return what came back after the last write, field by field, and what people changed since as far as it is known."""
    known = recall(ledger, identity)
    fields = [
        {
            "field": name,
            "sent": mask(value),
            "there": mask(known.read_back.get(name, value) or ""),
            "equal": are_equal(mapping, name, value, known.read_back.get(name, value)),
        }
        for name, value in sorted(known.sent.items())
        if value not in (None, "", [])
    ]
    return {"read_back": fields, "kept": sorted(known.kept)}


def _lines(answer: dict[str, Any], moves: list[Move]) -> Iterator[str]:
    source, rule = answer["source"], answer["rule"]
    yield f"{answer['object']}/{answer['source_id']}"
    if source["file"]:
        yield f"record {source['record']} of {source['file']}, delivery {source.get('delivery')}"
    yield from (f"rejected at the door: {_told_at_door(one)}" for one in answer["rejected"])
    if answer["mapping"]:
        yield f"claimed by the mapping {answer['mapping']}" + (
            f": {rule['title']}, where {rule['where']}" if rule else ""
        )
    yield from (f"  {one['value_map']}: {_told_decision(one)}" for one in answer["decided_first"])
    yield f"fate: {answer['fate']}" + (f", {'; '.join(answer['reasons'])}" if answer["reasons"] else "")
    for one in answer["fields"]:
        if one["value"] or one.get("decision"):
            told = f", {_told_decision(one)}" if one.get("decision") else ""
            clash = f", {one['changed']}" if one.get("changed") else ""
            came = f"{'+'.join(one['from'])} by {one['rule']}" if one["from"] else one["rule"]
            yield f"  {one['field']} = {one['value'] or 'nothing'} from {came}{told}{clash}"
    for one in answer["links"]:
        if one["to"]:
            told = f", {_told_decision(one)}" if one.get("decision") else ""
            yield f"  {one['field']} → {one['to']} {one.get('record') or ''}".rstrip() + told
    if answer["ignored"]:
        yield f"  {len(answer['ignored'])} columns stay behind, each with a reason in {rule['file']}"
    yield from (f"{one['severity']}: {one['field']} {one['message']} ({one['rule']})" for one in answer["problems"])
    signed = {one["lock"]: one for one in answer["approvals"]}.values()
    yield from (
        f"{one['lock']} approval {'taken back' if one['voided'] else 'by'} {one['by']} at {one['at']}" for one in signed
    )
    if record := answer.get("record"):
        yield f"{record['destination']} {record['id']} at Freshsales, {record['origin']} by us"
    yield from (one.sentence for one in moves)
    if "read_back" in answer:
        differ = [one["field"] for one in answer["read_back"] if not one["equal"]]
        told = f"; not as sent: {', '.join(differ)}" if differ else ", each as sent"
        yield f"read back: {len(answer['read_back'])} fields{told}"
        if answer["kept"]:
            yield f"changed there since, and left alone: {', '.join(answer['kept'])}"
    if answer["is_reconciled"] and answer.get("record"):
        found = [f"{one['field'] or 'the record'} ({one['cause']})" for one in answer["differences"]]
        yield f"last reconciliation: {', '.join(found) or 'no difference'}"


def _told_decision(one: Row) -> str:
    who = f" by {one['decided_by']} on {one['decided_on']}" if one["decided_by"] else ""
    becomes = f" → {one['answer']}" if one["answer"] else ""
    return f"{one['spelling']}{becomes} ({one['decision']}{who}, values/{one['value_map']}.csv)"
