"""What a migration takes, told before it begins: records, calls and bytes of every phase, by mapping and by practice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

from workbench.freshsales.census import calls_to_list
from workbench.freshsales.endpoints import Endpoint, endpoint
from workbench.freshsales.foreign import FOREIGN, has_foreign, taken_keys
from workbench.load.batches import FEWEST_IN_BULK, KEY_FIELDS, ROWS_A_CALL
from workbench.load.plan import drawn_keys
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import ObjectMapping
from workbench.mapping.value_map import EXISTING, adoptions
from workbench.settings import Settings
from workbench.staging.lookups import link
from workbench.vocabulary import Kind
from workbench.warehouse import Warehouse, identifier

PHASES = ("load", "verify", "delta", "rollback")
COUNTS = ("records", *PHASES, "bytes")
MOVES, HELD, WAITS = "moves", "held", "deferred"
CALLS_A_BULK = 2
"""The request, and the page that tells the ids."""
CHANGE, UNDO, RESTORE = 2, 5, 4
"""Calls that change a record (read, write), delete one that keeps our fields (read, its notes, its files, release,
delete), and put one back that was there before us (read, its notes, its files, write)."""
ROWS = """CREATE OR REPLACE TEMP TABLE coming (mapping VARCHAR, plural VARCHAR, place INTEGER, key VARCHAR, state VARCHAR,
  target VARCHAR, practice VARCHAR, person VARCHAR, depth INTEGER, in_sample BOOLEAN, adopted BOOLEAN, keyed BOOLEAN,
  closed BOOLEAN, bare BOOLEAN, bytes BIGINT, moment TIMESTAMP)"""
ASKED = ("email", "emails_more", "name", "closed_date", "mobile_number", "work_number", "size")
EVERYTHING = "SELECT * FROM coming WHERE state = 'moves'"


@dataclass(frozen=True)
class Figures:
    """Records, the calls of each phase, and bytes of files: one row a mapping, and one a practice."""

    by_mapping: pl.DataFrame
    by_practice: pl.DataFrame

    def total(self, *names: str) -> int:
        """Return what some columns come to over all mappings."""
        return sum(int(self.by_mapping[name].sum()) for name in names)


def keep_coming(warehouse: Warehouse, settings: Settings, mappings: Mappings, *, is_staged: bool = True) -> None:
    """Write the temporary table `coming`: every row with its practice, whether it moves, is held or waits, and how it travels."""
    is_checked = is_staged and warehouse.has("checked.held")
    warehouse.run(ROWS)
    held = "SELECT source_object || '/' || source_id AS key FROM checked.held" if is_checked else "SELECT NULL AS key"
    warehouse.run(f"CREATE OR REPLACE TEMP TABLE held_keys AS SELECT DISTINCT key FROM ({held}) WHERE key IS NOT NULL")
    _hand_over(
        warehouse, "drawn", [(key,) for key in (drawn_keys(warehouse, mappings) if is_checked else ())], ("key",)
    )
    _hand_over(warehouse, "adopting", [(key,) for key in adoptions(mappings.values(EXISTING))], ("key",))
    _hand_over(warehouse, "taken", sorted(taken_keys(warehouse)), ("plural", "key"))
    for place, mapping in enumerate(mappings.objects):
        if mapping.kind in (Kind.RECORD, Kind.FILE):
            _keep_mapping(warehouse, settings, mappings, mapping, place, is_staged=is_staged)


def _hand_over(warehouse: Warehouse, table: str, rows: Iterable[tuple[str, ...]], names: tuple[str, ...]) -> None:
    frame = pl.DataFrame(list(rows), schema=dict.fromkeys(names, pl.String), orient="row")
    warehouse.connection.register("incoming_rows", frame.to_arrow())
    warehouse.run(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM incoming_rows")
    warehouse.connection.unregister("incoming_rows")


def _keep_mapping(
    warehouse: Warehouse, settings: Settings, mappings: Mappings, mapping: ObjectMapping, place: int, *, is_staged: bool
) -> None:
    source, where = mappings.sources[mapping.source_object], endpoint(mapping.destination, settings.edition)
    own_key, history = identifier(source.key), f"o.{identifier(mapping.history)}" if mapping.history else "NULL"
    if is_staged:
        have = set(warehouse.columns(f"staged.{mapping.name}"))
        fields = {name: f"s.{identifier(name)}" if name in have else "NULL" for name in ASKED}
        links = {name: f"s.{identifier(name)}" for name in mapping.lookups}
        table, key, depth = f"staged.{mapping.name} s", "s.source_id", "s.depth"
    else:
        fields = {name: _filled(mapping, name) for name in ASKED}
        links = {name: f"({link(one).value})" for name, one in mapping.lookups.items()}
        table = f"(SELECT * FROM {source.table} WHERE claimed_by = '{mapping.name}') s"
        key, depth = f"s.{own_key}", "s.depth" if "depth" in warehouse.columns(source.table) else "0"
    key = f"'{mapping.source_object}/' || {key}"
    joined = {
        name: f"l_{name}"
        for name, one in mapping.lookups.items()
        if not one.is_owner and set(one.targets.values()) != {mapping.source_object}
    }
    joins = "".join(f" LEFT JOIN coming {alias} ON {alias}.key = {links[name]}" for name, alias in joined.items())
    waits = " OR ".join(
        f"({links[name]} IS NOT NULL AND {alias}.state IS DISTINCT FROM '{MOVES}')"
        for name, alias in joined.items()
        if mapping.lookups[name].required
    )
    if (
        "contact" in joined and mapping.lookups["contact"].required
    ):  # a Classic lead is no contact that a deal can hang on
        waits = " OR ".join(one for one in (waits, "l_contact.plural <> 'contacts'") if one)
    hangs = "l_target" if "target" in joined else None
    state = f"CASE WHEN h.key IS NOT NULL THEN '{HELD}' WHEN coalesce({waits or 'false'}, false) THEN '{WAITS}' ELSE '{MOVES}' END"
    practice = key if mapping.destination == "account" else "NULL"
    if "account" in joined:  # what moves without its practice has none there
        practice = f"CASE WHEN l_account.state = '{MOVES}' OR {state} <> '{MOVES}' THEN l_account.key END"
    person = key if mapping.destination in ("contact", "lead") else "l_contact.key" if "contact" in joined else "NULL"
    if hangs:
        practice, person = f"{hangs}.practice", f"{hangs}.person"
    named = KEY_FIELDS.get(where.bulk_identifier or "")
    is_keyed = "false"
    if named and (known := mapping.fields.get(named)) and known.unique:
        is_keyed = f"{fields[named]} IS NOT NULL AND {fields['emails_more']} IS NULL AND x.key IS NULL"
        joins += f" LEFT JOIN taken x ON x.plural = '{where.plural}' AND x.key = lower({fields[named]})"
    warehouse.run(
        f"INSERT INTO coming SELECT '{mapping.name}', '{where.plural}', {place}, {key},"
        f" {state},"
        f" {hangs + '.key' if hangs else 'NULL'}, {practice}, {person}, {depth}, d.key IS NOT NULL, a.key IS NOT NULL, {is_keyed},"
        f" {fields['closed_date'] if mapping.destination == 'deal' else 'NULL'} IS NOT NULL,"
        f" {fields['mobile_number']} IS NULL AND {fields['work_number']} IS NULL,"
        f" TRY_CAST({fields['size'] if mapping.kind is Kind.FILE else '0'} AS BIGINT),"
        f" TRY_CAST({history} AS TIMESTAMP)"
        f" FROM {table} LEFT JOIN {source.table} o ON '{mapping.source_object}/' || o.{own_key} = {key}{joins}"
        f" LEFT JOIN held_keys h ON h.key = {key} LEFT JOIN drawn d ON d.key = {key} LEFT JOIN adopting a ON a.key = {key}"
    )


def _filled(mapping: ObjectMapping, name: str) -> str:
    """Return the SQL of what a source row `s` gives a field, as it stands; transforms may still find it unreadable."""
    found = mapping.fields.get(name)
    if found is None or not found.columns:
        return "NULL"
    columns = ", ".join(f"nullif(trim(s.{identifier(one)}::VARCHAR), '')" for one in found.columns)
    return f"coalesce({columns})"


def count_figures(
    warehouse: Warehouse,
    settings: Settings,
    mappings: Mappings,
    proven: Collection[str] = (),
    rows: str = EVERYTHING,
) -> Figures:
    """Count what the rows take, out of the table that `keep_coming` wrote, or out of a SELECT over it.

    `proven` are the kinds of record, by plural name, for which a bulk call is known to take our unique field.
    """
    warehouse.run(f"CREATE OR REPLACE TEMP VIEW counted AS {rows}")
    names = {one.name: one for one in mappings.objects}
    found = {
        str(name): {"records": int(records), "bytes": int(size or 0)}
        for name, records, size in warehouse.run(
            "SELECT mapping, count(*), sum(bytes) FROM counted GROUP BY mapping, place ORDER BY place"
        )
    }
    loading, reading = _calls_to_load(warehouse, settings, names, proven), _calls_to_read(warehouse, settings, names)
    undoing = _calls_to_undo(warehouse, names, settings, reading)
    sampled = dict(warehouse.run("SELECT mapping, count(*) FROM counted WHERE in_sample GROUP BY 1"))
    for name, line in found.items():
        census, full = reading[name]
        is_file = names[name].kind is Kind.FILE
        # Of the sample each record with an address of its own is read again.
        has_address = not is_file and endpoint(names[name].destination, settings.edition).children != "notes"
        change = 1 if is_file else CHANGE
        line["load"] = loading[name]
        line["verify"] = full + (int(sampled.get(name, 0)) if has_address else 0)
        line["delta"] = change * min(line["records"], int(settings.delta_limit.of(line["records"]))) + census + full
        line["rollback"] = undoing[name]
    lines = pl.DataFrame(
        [(name, *(line[one] for one in COUNTS)) for name, line in found.items()],
        schema={"mapping": pl.String, **dict.fromkeys(COUNTS, pl.Int64)},
        orient="row",
    )
    return Figures(lines, _by_practice(warehouse, found))


def _calls_to_load(
    warehouse: Warehouse, settings: Settings, names: Mapping[str, ObjectMapping], proven: Collection[str]
) -> dict[str, int]:
    """Count the calls of sample and load as the loader makes them, a level of parents at a time."""
    calls: dict[str, int] = defaultdict(int)
    trial = _Trial(proven)
    for name, in_sample, created, keyed, closed, adopted in warehouse.run(
        "SELECT mapping, in_sample, count(*) FILTER (NOT adopted), count(*) FILTER (keyed AND NOT adopted),"
        " count(*) FILTER (closed AND NOT adopted), count(*) FILTER (adopted) FROM counted"
        " GROUP BY mapping, place, in_sample, depth ORDER BY in_sample DESC, place, depth"
    ):
        where = endpoint(names[name].destination, settings.edition)
        calls[name] += trial.level(where, created, keyed, in_sample=bool(in_sample)) + closed + CHANGE * adopted
    return calls


@dataclass
class _Trial:
    """What the loader has learned of a tenant by the time it comes to a level; each is asked once for a kind of record."""

    proven: Collection[str]
    asked: set[tuple[str, ...]] = field(default_factory=set)

    def level(self, where: Endpoint, rows: int, keyed: int, *, in_sample: bool) -> int:
        once = 0
        if where.bulk_identifier and rows - keyed > FEWEST_IN_BULK:
            once += self._once("single", where.plural) + CALLS_A_BULK * self._once("bulk", where.plural)
        if where.bulk_identifier and where.plural in self.proven:
            keyed = rows
        keyed = keyed if keyed >= FEWEST_IN_BULK else 0
        requests = -(-keyed // ROWS_A_CALL)
        if where.upsert_key and rows > keyed:
            once += self._once("single", where.plural)
        # Which view lists them is asked once in each session.
        once += self._once("views", where.plural, str(in_sample)) if requests else 0
        return rows - keyed + CALLS_A_BULK * requests + once

    def _once(self, *what: str) -> int:
        is_new = what not in self.asked
        self.asked.add(what)
        return int(is_new)


def _calls_to_read(
    warehouse: Warehouse, settings: Settings, names: Mapping[str, ObjectMapping]
) -> dict[str, tuple[int, int]]:
    """Return, by mapping, the calls of a census of what the tenant lists, and of reading back everything."""
    others = dict(warehouse.run(f"SELECT plural, count(*) FROM {FOREIGN} GROUP BY 1")) if has_foreign(warehouse) else {}
    groups: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for name, plural, records in warehouse.run(
        "SELECT mapping, plural, count(*) FROM counted GROUP BY mapping, plural, place ORDER BY place"
    ):
        groups[plural][name] = (records, records if "contact" in names[name].lookups else 0)
    parents = dict(warehouse.run("SELECT plural, count(DISTINCT target) FROM counted GROUP BY 1"))
    found = {}
    for plural, members in groups.items():
        where = endpoint(names[next(iter(members))].destination, settings.edition)
        shares = {name: records for name, (records, _) in members.items()}
        listed = calls_to_list(where, sum(shares.values()) + int(others.get(plural, 0)))
        pages = share_out(listed or int(parents[plural]), shares)
        for name, (_, singles) in members.items():
            found[name] = (pages[name] if where.views else 0, pages[name] + singles)
    return found


def _calls_to_undo(
    warehouse: Warehouse,
    names: Mapping[str, ObjectMapping],
    settings: Settings,
    reading: Mapping[str, tuple[int, int]],
) -> dict[str, int]:
    """Return, by mapping, the calls of a rollback that finds nothing touched: children before what they hang on."""
    found: dict[str, int] = {}
    for name, records, adopted, bare, parents in warehouse.run(
        "SELECT mapping, count(*), count(*) FILTER (adopted), count(*) FILTER (bare AND NOT adopted), count(DISTINCT target)"
        " FROM counted GROUP BY mapping"
    ):
        where = endpoint(names[name].destination, settings.edition)
        if names[name].kind is Kind.FILE:
            found[name] = 0  # Freshsales has no way to delete a file
        elif where.has_custom_fields:
            # A contact without any number is released twice: it may not be left without address and number.
            twice = bare if where.bulk_identifier == "emails" else 0
            found[name] = UNDO * (records - adopted) + RESTORE * adopted + twice + reading[name][0]
        elif where.list_path:
            found[name] = CHANGE * records + reading[name][1]
        else:
            found[name] = records + 2 * parents  # the notes and the files of each record are listed together
    return found


def _by_practice(warehouse: Warehouse, found: Mapping[str, Mapping[str, int]]) -> pl.DataFrame:
    """Give each practice its part of every mapping's calls, by its records; rows of no practice stand under none."""
    shares: dict[str, dict[str, int]] = defaultdict(dict)
    lines: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(COUNTS, 0))
    for practice, mapping, records, size in warehouse.run(
        "SELECT coalesce(practice, ''), mapping, count(*), sum(bytes) FROM counted GROUP BY ALL ORDER BY ALL"
    ):
        shares[mapping][practice] = records
        lines[practice]["records"] += records
        lines[practice]["bytes"] += int(size or 0)
    for mapping, by_practice in shares.items():
        for phase in PHASES:
            for practice, calls in share_out(found[mapping][phase], by_practice).items():
                lines[practice][phase] += calls
    rows = [(practice or None, *(line[one] for one in COUNTS)) for practice, line in sorted(lines.items())]
    return pl.DataFrame(rows, schema={"practice": pl.String, **dict.fromkeys(COUNTS, pl.Int64)}, orient="row")


def share_out(whole: int, shares: Mapping[str, int]) -> dict[str, int]:
    """Divide a whole number by shares so that the parts add up to it; what is left over goes to the largest remainders."""
    total = sum(shares.values()) or 1
    parts = {name: whole * one // total for name, one in shares.items()}
    left = sorted(shares, key=lambda name: (-(whole * shares[name] % total), name))
    for name in left[: whole - sum(parts.values())]:
        parts[name] += 1
    return parts
