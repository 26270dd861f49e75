"""Reviewers' pages: values of patients in clear, record by record, for named people on this machine alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from workbench.canonical import canonical
from workbench.freshsales.endpoints import endpoint
from workbench.ledger.audit import note
from workbench.ledger.store import Ledger
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import Lookup, ObjectMapping
from workbench.privacy import keep_private, private_folder
from workbench.reconcile.expected import compared_fields, form_of_column
from workbench.reconcile.fields import there_table
from workbench.reconcile.reconciliation import Reconciliation
from workbench.reports.page import write_page
from workbench.reports.sample_diff import WHOLE
from workbench.settings import Settings
from workbench.warehouse import Warehouse, identifier, open_warehouse

FOLDER = "review"
"""The folder of a run that may hold values of patients."""
RECORDS_A_PAGE = 50
MOST_RECORDS = 250
"""Records of a mapping that are written out; of more differences than that the first show what is wrong."""
NOBODY = (
    "Values stand here as their shapes. For local pages with the real ones name who may read them in `migration.toml`,"
    " `[privacy] reviewers`, then run this step again."
)
PART = ":part-"
"""What the id of a further part of one source row goes on with."""


@dataclass(frozen=True)
class Line:
    """One field of one record: at the source, as it was sent, as it came back, and what that means."""

    field: str
    source: str
    sent: str
    there: str
    told: str
    is_same: bool


@dataclass(frozen=True)
class Record:
    """One source row with its fields."""

    mapping: str
    source_id: str
    lines: tuple[Line, ...]

    @property
    def differs(self) -> bool:
        """Say whether any of its fields is not as it was sent."""
        return any(not one.is_same for one in self.lines)


def review_sample(settings: Settings, mappings: Mappings, ledger: Ledger, run_id: str, compared: pl.DataFrame) -> str:
    """Write the field diff of the sample in clear for the named reviewers; return the line that tells everybody of it.

    `compared` is what `compare_sample` found.
    """
    step = _Step(settings, ledger, run_id, "70_sample", "The sample, field by field")
    if not step.people:
        return step.clear()
    with open_warehouse(settings.warehouse) as warehouse:
        records = list(_sampled(warehouse, mappings, compared))
    return step.write(records)


def review_differences(  # noqa: PLR0917 - where the run stands, and what it found
    settings: Settings, mappings: Mappings, ledger: Ledger, made: Reconciliation, users: Mapping[str, int], within: str
) -> str:
    """Write each difference of a reconciliation in clear for the named reviewers; return the line that tells of it.

    `users` are the ids of the tenant's users by e-mail. `within` is the folder of a delta inside of the run's.
    """
    step = _Step(settings, ledger, made.run_id, "80_reconcile", "What differs after the load", within)
    if not step.people:
        return step.clear()
    columns = ("mapping", "source_id", "field", "cause")
    found = pl.concat([made.differences.select(columns), made.by_people.select(columns)]).unique()
    records = found.select("mapping", "source_id").unique().sort("mapping", "source_id")
    kept = records.group_by("mapping").head(MOST_RECORDS)
    with open_warehouse(settings.warehouse) as warehouse:
        within_reach = found.join(kept, on=["mapping", "source_id"], how="semi", nulls_equal=True)
        return step.write(
            list(_differing(warehouse, settings, mappings, within_reach, users)), left=records.height - kept.height
        )


class _Step:
    """The pages of one step: what they are called, where they go, and for whom."""

    def __init__(  # noqa: PLR0917
        self, settings: Settings, ledger: Ledger, run_id: str, name: str, title: str, within: str = ""
    ) -> None:
        self.settings, self.ledger, self.run_id, self.name, self.title = settings, ledger, run_id, name, title
        self.people = [str(one).strip() for one in settings["privacy.reviewers"]]
        self.folder = settings.runs / run_id / FOLDER / within

    def clear(self) -> str:
        """Delete what an earlier time of this step left, and say that nothing was written."""
        for page in sorted(self.folder.glob(f"{self.name}*.html")):
            page.unlink()
        return NOBODY

    def write(self, records: list[Record], left: int = 0) -> str:
        """Write first page and records, those that differ first, and say where; `left` records were not handed over."""
        self.clear()
        if not records:
            return f"No record differs, so there is no page with values for {self._names}."
        pages: dict[str, list[Record]] = {}
        for mapping in dict.fromkeys(one.mapping for one in records):
            listed = sorted((one for one in records if one.mapping == mapping), key=lambda one: not one.differs)
            for start in range(0, min(len(listed), MOST_RECORDS), RECORDS_A_PAGE):
                number = f"-{start // RECORDS_A_PAGE + 1}" if start else ""
                pages[f"{self.name}-{mapping}{number}.html"] = listed[start : start + RECORDS_A_PAGE]
        count = sum(map(len, pages.values()))
        act = "pages with values written"
        note(self.ledger, act, "review", step=self.name, reviewers=self.people, records=count)
        first = self.folder / f"{self.name}.html"
        self._page(first, records=(), pages=list(pages.items()), left=left + len(records) - count)
        for name, part in pages.items():
            self._page(self.folder / name, records=part, pages=[], left=0)
        where = first.relative_to(self.settings.folder).as_posix()
        return (
            f"{count:,} record{'' if count == 1 else 's'} with their real values, for {self._names}: `{where}` on the"
            " machine that made this page. It is readable by its owner alone, is never mailed, and `workbench purge` deletes it."
        )

    @property
    def _names(self) -> str:
        return " and ".join(filter(None, (", ".join(self.people[:-1]), self.people[-1])))

    def _page(self, path: Path, *, records: Iterable[Record], pages: list[tuple[str, list[Record]]], left: int) -> None:
        private_folder(path.parent)
        keep_private(path.parent)
        depth = len(path.parent.relative_to(self.settings.runs / self.run_id).parts)
        write_page(
            path,
            "review.html.j2",
            title=self.title,
            run=self.run_id,
            target=str(self.settings.target),
            practice=str(self.settings["practice.name"]),
            index="../" * depth + "index.html",
            people=self._names,
            first=f"{self.name}.html",
            place=self.folder.relative_to(self.settings.folder).as_posix(),
            pages=pages,
            records=records,
            left=left,
        )
        keep_private(path)


def _sampled(warehouse: Warehouse, mappings: Mappings, compared: pl.DataFrame) -> Iterator[Record]:
    """Yield each sampled record with every field that was compared."""
    rows = compared.sort("mapping", "source_id", maintain_order=True).iter_rows(named=True)
    for name, members in groupby(rows, key=lambda row: str(row["mapping"])):
        lines = list(members)
        sources = _Sources(warehouse, mappings, mappings[name], [row["source_id"] for row in lines])
        for source_id, fields in groupby(lines, key=lambda row: str(row["source_id"])):
            yield Record(
                name,
                source_id,
                tuple(
                    Line(
                        row["field"],
                        sources.tell(source_id, row["field"]),
                        row["sent"],
                        row["there"],
                        "as sent" if row["equal"] else "differs",
                        row["equal"],
                    )
                    for row in fields
                ),
            )


def _differing(
    warehouse: Warehouse, settings: Settings, mappings: Mappings, found: pl.DataFrame, users: Mapping[str, int]
) -> Iterator[Record]:
    """Yield each record that differs, or that others changed, with the fields in question."""
    rows = found.sort("mapping", "source_id", "field", "cause", nulls_last=False).iter_rows()
    known = {one.name: one for one in mappings.objects}
    for name, members in groupby(rows, key=lambda row: str(row[0])):
        lines = list(members)
        mapping = known.get(name)
        ids = sorted({str(row[1]) for row in lines if row[1]})
        fields = {str(row[2]) for row in lines if row[2]}
        sides = _Sides(warehouse, settings, mapping, ids, fields, users) if mapping else None
        sources = _Sources(warehouse, mappings, mapping, ids) if mapping else None
        for source_id, of_record in groupby(lines, key=lambda row: str(row[1] or "no source id")):
            made_of = []
            for _, _, field, cause in of_record:
                sent, there = sides.tell(source_id, field) if sides and field else ("", "")
                source = sources.tell(source_id, field) if sources and field else ""
                made_of.append(Line(field or WHOLE, source, sent, there, str(cause), is_same=False))
            yield Record(name, source_id, tuple(made_of))


class _Sources:
    """What the columns of the export held that fill a mapping's fields and links, of some rows."""

    def __init__(self, warehouse: Warehouse, mappings: Mappings, mapping: ObjectMapping, ids: Iterable[str]) -> None:
        source = mappings.sources[mapping.source_object]
        self.columns = {
            **{
                one.name: tuple(name for leaf in one.leaves for name in leaf.columns) for one in mapping.fields.values()
            },
            **{one.name: (one.column,) for one in mapping.lookups.values()},
        }
        self.columns |= {
            one.shared: self.columns[one.name]
            for one in mapping.fields.values()
            if one.shared and one.shared not in mapping.fields
        }
        there = set(warehouse.columns(source.table))
        wanted = sorted({name for names in self.columns.values() for name in names} & there)
        self.rows: dict[str, dict[str, Any]] = {}
        if wanted:
            named = ", ".join(f"{identifier(one)}::VARCHAR AS {identifier(one)}" for one in wanted)
            key = f"{identifier(source.key)}::VARCHAR"
            frame = warehouse.frame(
                f"SELECT {key} AS source_key, {named} FROM {source.table} WHERE {key} IN (SELECT unnest(?))",
                [sorted({one.partition(PART)[0] for one in ids})],
            )
            self.rows = {str(row.pop("source_key")): row for row in frame.iter_rows(named=True)}

    def tell(self, source_id: str, field: str) -> str:
        """Return each filled column with its value."""
        row = self.rows.get(source_id.partition(PART)[0], {})
        return "; ".join(f"{one}: {row[one]}" for one in dict.fromkeys(self.columns.get(field, ())) if row.get(one))


class _Sides:
    """What was staged of some rows and what was read from the tenant, of the fields and links in question."""

    def __init__(  # noqa: PLR0917
        self,
        warehouse: Warehouse,
        settings: Settings,
        mapping: ObjectMapping,
        ids: list[str],
        fields: set[str],
        users: Mapping[str, int],
    ) -> None:
        self.mapping = mapping
        self.owners = {str(number): email for email, number in users.items()}
        names = [one for one in (*compared_fields(mapping), *mapping.lookups) if one in fields]
        columns = "".join(f", r.{identifier(one)}" for one in names)
        staged = warehouse.frame(
            f"SELECT r.source_id{columns} FROM staged.{mapping.name} r WHERE r.source_id IN (SELECT unnest(?))", [ids]
        )
        there = warehouse.frame(
            f"SELECT i.source_id{columns} FROM {there_table(settings, mapping)} r"
            " JOIN destination.identities i USING (destination_id) WHERE i.mapping = $mapping"
            " AND i.source_id IN (SELECT unnest($ids))",
            {"mapping": mapping.name, "ids": ids},
        )
        self.staged = {row.pop("source_id"): row for row in staged.iter_rows(named=True)}
        self.there = {row.pop("source_id"): row for row in there.iter_rows(named=True)}
        self.keys = {
            one.name: self._keys(warehouse, settings, one) for one in mapping.lookups.values() if one.name in fields
        }

    def tell(self, source_id: str, field: str) -> tuple[str, str]:
        """Return what was sent and what is there; of a link the source key, and the id with what it stands for."""
        sent, there = (side.get(source_id, {}).get(field) for side in (self.staged, self.there))
        if field not in self.keys:
            return canonical(form_of_column(self.mapping, field), sent) or "", there or ""
        ids = [(one, self.keys[field].get(one)) for one in (there or "").split("|") if one]
        return sent or "", ", ".join(f"{one} ({key})" if key else one for one, key in ids)

    def _keys(self, warehouse: Warehouse, settings: Settings, lookup: Lookup) -> dict[str, str]:
        """Return what each id that a link holds stands for: a user's e-mail, or the source key of our record."""
        if lookup.is_owner:
            return self.owners
        held = (row.get(lookup.name) or "" for row in self.there.values())
        ids = sorted({int(number) for links in held for one in links.split("|") if (number := one.rpartition(":")[2])})
        found = warehouse.run(
            "SELECT destination, destination_id, source_object || '/' || source_id FROM destination.identities"
            " WHERE source_object IN (SELECT unnest($objects)) AND destination_id IN (SELECT unnest($ids))",
            {"objects": sorted(set(lookup.targets.values())), "ids": ids},
        )
        by_kind = {f"{endpoint(kind, settings.edition).singular}:{number}": key for kind, number, key in found}
        return {str(number): key for _, number, key in found} | by_kind
