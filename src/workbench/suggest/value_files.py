"""Proposals without a migration: for the values of a CSV, and a draft mapping for an export that nobody knows."""

from __future__ import annotations

import csv
import json
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from workbench.dental.ada_codes import Verdict, read_codes
from workbench.dental.headers import is_header
from workbench.dental.samples import shapes_of
from workbench.dental_exec.archives import content_root, is_archive, is_table, unpack, visible
from workbench.dental_exec.contract import read_contract
from workbench.dental_exec.dialects import DELIMITERS, column_names
from workbench.dental_exec.encodings import read_facts, text_lines
from workbench.dental_exec.workbooks import is_workbook, transcribe
from workbench.errors import ExportProblem, gather
from workbench.mapping.grammar import written
from workbench.suggest.carriers import suggest_carriers
from workbench.suggest.fields import suggest_fields
from workbench.suggest.opinions import VALUES
from workbench.suggest.proposals import suggest_claims
from workbench.suggest.stages import suggest_stages
from workbench.suggest.suggestion import Suggestion

Rows = list[dict[str, str]]
Sampled = tuple[str, str, list[str]]
"""A column as written, as it lands, and some of its values."""
SPELLINGS = ("source_value",)
HEADERS = {"fields": ("source_object", "source_column", "sample_values")}
UNREADABLE = (ExportProblem, OSError, zipfile.BadZipFile, csv.Error)
SAMPLED = 200
"""So many records of a table are looked at, and none of their values is written down."""
DESTINATIONS = {"sales_account": "account", "user": "user"}
LOOKUPS = {"sales_account_id": "account", "contact_id": "contact", "targetable_id": "target"}
NO_CUSTOM_FIELDS = ("appointment", "task", "note", "user")
TABLES = {"sales_account": "companies", "contact": "contacts"}
"""Which tables of a Dental-Exec export become what a lookup may point at."""
ZONED = ("local_time", "local_day")
KEYS = ("external_id", "cf_source_system_id")
CHOOSING = ("carriers", "stages", "fields")
"""What may be asked with a list of choices."""
WIDEST, MOST = 40, 20
CHOICES = {"fields": ("destination_object", "destination_field", "label", "type")}


def wrong_usage(what: str, values: str | None, choices: str | None) -> str:
    """Say which file a kind of proposals needs, or takes none of; empty where what was typed can be done."""
    if not values:
        return f"suggest {what} needs --values FILE, a CSV with the header {','.join(HEADERS.get(what, SPELLINGS))}"
    if choices and what not in CHOOSING:
        return f"suggest {what} takes no --choices; {', '.join(CHOOSING)} do"
    if what == "stages" and not choices:
        return "suggest stages needs --choices FILE, a CSV with the header destination_value"
    return ""


def suggest_values(what: str, values: str, choices: str | None) -> list[dict[str, Any]]:
    """Return one object a value of a CSV, in the file's order."""
    rows = _read(Path(values), HEADERS.get(what, SPELLINGS))
    picked = _read(Path(choices), CHOICES.get(what, ("destination_value",))) if choices else None
    if picked == []:
        raise ExportProblem(f"{Path(str(choices)).name} holds no choice, so nothing could be proposed.")
    if what == "fields":
        return suggest_fields(rows, picked)
    spellings = [row["source_value"] for row in rows]
    if what == "ada":
        return suggest_ada(spellings)
    if what == "claims":
        return _shown(suggest_claims(spellings))
    if what == "carriers":
        return _shown(suggest_carriers(spellings, _known(picked) if picked is not None else None))
    return _shown(suggest_stages(spellings, _known(picked or [])))


def tell_values(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the proposals as a table to read: what was asked, the best answer, how sure, and why."""
    lines = [("value", "proposal", "sure", "why")]
    for one in found:
        best: Mapping[str, Any] = next(iter(one.get("candidates", ())), {})
        asked = one["source_value"] if "source_value" in one else f"{one['source_object']}.{one['source_column']}"
        answer = best.get("value") or best.get("field") or " ".join(one.get("codes", ())) or "–"
        share = f"{best['confidence']:.2f}" if best else str(one.get("verdict", ""))
        lines.append(
            (asked, answer, f"{share}{'' if one['auto'] else ' ?'}", best.get("reason") or one.get("reason", ""))
        )
    shown = [["".join(sign if sign.isprintable() else " " for sign in cell) for cell in line] for line in lines]
    wide = [min(WIDEST, max(len(line[place]) for line in shown)) for place in range(3)]
    told = ["  ".join([*(cell.ljust(many) for cell, many in zip(line, wide, strict=False)), line[3]]) for line in shown]
    foot = f"{len(found)} value{'s' * (len(found) != 1)}; ? is for a person to look at."
    return "\n".join([*(line.rstrip() for line in told), foot])


def suggest_ada(values: Iterable[str]) -> list[dict[str, Any]]:
    """Return one object a value: the codes to keep, the verdict, and the rules or the reason behind it."""
    made = []
    for value in values:
        found = read_codes(value)
        reason = found.reason or ", ".join(found.rules) or "right as it stands"
        auto = found.verdict is not Verdict.INVALID and not found.is_doubtful
        told = {"codes": list(found.codes), "verdict": str(found.verdict), "reason": reason, "auto": auto}
        made.append({"source_value": value, **told})
    return made


def _shown(made: Sequence[Suggestion]) -> list[dict[str, Any]]:
    return [one.as_dict() for one in made]


def _known(picked: Rows) -> dict[str, tuple[str, ...]]:
    return {row["destination_value"]: tuple(filter(None, (row.get("aliases") or "").split("|"))) for row in picked}


def _read(path: Path, needed: tuple[str, ...]) -> Rows:
    """Return the rows of a CSV in any encoding and delimiter that an export may have; no message holds a value."""
    header = f"It needs the header {','.join(needed)}."
    if path.is_dir():
        raise ExportProblem(f"{path} is a folder; name a CSV in it.")
    if not path.is_file():
        raise ExportProblem(f"There is no file {path}.")
    text = list(text_lines(path, read_facts(path)))
    if not "".join(text).strip():
        raise ExportProblem(f"{path.name} is empty. {header}")
    reader, names, delimiter = csv.reader(()), list[str](), ""
    for delimiter in DELIMITERS:  # the first under which the needed columns stand there
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        names = []
        with suppress(csv.Error):
            names = ["_".join(name.casefold().split()) for name in next(reader)]
        if set(needed) <= set(names):
            break
    else:
        first = ["_".join(name.casefold().split()) for name in text[0].split(",")]
        missing = ", ".join(name for name in needed if name not in first)
        raise ExportProblem(
            f"{path.name} lacks the column {missing}. {header} Blanks and capitals in it do not matter."
        )
    rows, problems = Rows(), list[str]()
    try:
        for cells in filter(any, reader):
            if len(cells) < len(names) or any(cells[len(names) :]):
                problems.append(
                    f"line {reader.line_num}: {len(cells)} cell{'s' * (len(cells) > 1)} where the header has {len(names)}"
                )
            rows.append(dict(zip(names, cells, strict=False)))
    except csv.Error:
        problems.append(f"line {reader.line_num}: a quote is not closed, or text follows one")
    if problems:
        told = "\n".join(gather(path.name, problems).splitlines()[: MOST + 1])
        raise ExportProblem(f"{told}\nQuote a value that holds {delimiter!r}.")
    return rows


def draft_mappings(exports: Path, room: Path) -> dict[str, str]:
    """Return a draft mapping for each table of an export of which Dental-Exec's contract names none, by file name.

    What is sure is a field, a lookup or left out with the reason; what is not stays an open question among the
    ignored. The drafts hold names of columns and no value.
    """
    with suppress(*UNREADABLE):  # what cannot be read is told when it is landed
        if not any(map(read_contract().object_of, _names(exports))):
            return _drafts(_tables(exports, room))
    return {}


def _names(exports: Path) -> list[str]:
    """Return the names of the files of an export, without unpacking or reading any."""
    if is_archive(exports):
        with zipfile.ZipFile(exports) as bundle:
            return [Path(name).name for name in bundle.namelist()]
    return [path.name for path in visible(content_root(exports))] if exports.is_dir() else []


def _drafts(tables: Mapping[str, Sequence[Sampled]]) -> dict[str, str]:
    if any(map(read_contract().object_of, tables)):
        return {}
    rows = [
        {"source_object": name, "source_column": written, "landed": landed, "sample_values": "|".join(values)}
        for name, columns in tables.items()
        for written, landed, values in columns
    ]
    answers = defaultdict[str, list[dict[str, Any]]](list)
    for row, one in zip(rows, suggest_fields(rows), strict=True):
        answers[one["source_object"]].append({**one, "landed": row["landed"]})
    becomes = {name: _destination(found) for name, found in answers.items()}
    return {
        f"{column_names([name])[0]}.toml": _draft(name, found, becomes)
        for name, found in sorted(answers.items())
        if becomes[name]
    }


def _tables(exports: Path, room: Path) -> dict[str, list[Sampled]]:
    """Return the tables of a folder, archive or workbook: by name, their columns with some of the values."""
    folder = content_root(unpack(exports, room) if is_archive(exports) else exports)
    found = dict[str, list[Sampled]]()
    for path in [exports] if is_workbook(exports) else filter(is_table, visible(folder)):
        lying = {path.stem: path}
        if is_workbook(path):
            lying = {one.title: one.path for one in transcribe(path, room)}
        elif is_archive(path):
            lying = {}
        for name, one in lying.items():
            with suppress(*UNREADABLE):
                found[name] = _columns(one)
    return {name: columns for name, columns in found.items() if _are_names([one[0] for one in columns])}


def _are_names(header: Sequence[str]) -> bool:
    """Say whether a first line names columns: where none is called as columns are, or one like a value, it is a record."""
    values = [name for one in header for name, share in shapes_of([one]).items() if share and name in VALUES]
    return any(map(is_header, header)) and not values


def _columns(path: Path) -> list[Sampled]:
    lines = list(islice(text_lines(path, read_facts(path)), SAMPLED))
    if not lines:
        return []
    header, *records = list(csv.reader(lines, delimiter=max(DELIMITERS, key=lines[0].count)))
    whole = [record for record in records[:-1] or records if len(record) == len(header)]  # the last may be cut off
    values = zip(*whole, strict=True) if whole else [()] * len(header)
    columns = dict[str, Sampled]()  # two columns of one meaning keep one name; the first is looked at
    for typed, landed, sampled in zip(header, column_names(header), values, strict=True):
        columns.setdefault(landed, (typed, landed, [one.replace("|", " ") for one in sampled]))
    return list(columns.values())


def _destination(found: Sequence[Mapping[str, Any]]) -> str:
    """Return what a table becomes: what most of its columns are proposed for."""
    objects = Counter(one["candidates"][0]["object"] for one in found if one["candidates"])
    return objects.most_common(1)[0][0] if objects else ""


def _draft(name: str, found: Sequence[dict[str, Any]], becomes: Mapping[str, str]) -> str:
    wanted = becomes[name]
    destination = DESTINATIONS.get(wanted, wanted)
    kind = "match" if wanted == "user" else "record"
    fields, lookups, ignored = dict[str, str](), dict[str, str](), list[str]()
    for one in found:
        best = next(iter(one["candidates"]), None)
        column, told = one["landed"], one["reason"]
        if best and wanted in NO_CUSTOM_FIELDS and best["field"].startswith(("cf_", "external_id")):
            ignored.append(f'{column} = "open: Freshsales has no such field here; perhaps a part of the description"')
        elif best and one["auto"] and best["object"] == wanted and best["field"] not in fields | lookups:
            into = lookups if best["transform"].startswith("lookup") else fields
            into[best["field"]] = f"{_line(column, best, becomes)}   # {best['confidence']:.2f}: {told}"
        elif best:
            perhaps = f"open: perhaps {best['field']} ({best['confidence']:.2f}: {told})"
            ignored.append(f"{column} = {_quoted(perhaps)}")
        else:
            ignored.append(f"{column} = {_quoted(told)}")
    head = [
        f"# Draft of {name}: {len(fields) + len(lookups)} of {len(found)} columns are sure. No step reads drafts. Write a",
        "# SELECT for this table in mappings/sources, decide what is open, and move this file to mappings/objects.",
        f"kind = {_quoted(kind)}",
        f"destination = {_quoted(destination)}",
        f"title = {_quoted(f'{name} → {destination}')}",
        f"\n[source]\nfrom = {_quoted(column_names([name])[0])}",
    ]
    parts = (("fields", fields.values()), ("lookups", lookups.values()), ("ignored", ignored))
    return "\n".join([*head, *(f"\n[{part}]\n" + "\n".join(lines) for part, lines in parts if lines)]) + "\n"


def _line(column: str, best: Mapping[str, Any], becomes: Mapping[str, str]) -> str:
    targets = {becoming: column_names([one])[0] for one, becoming in reversed([*becomes.items()])}
    section, field, spec = spec_of(column, best, targets)
    required = {"required": True} if section == "fields" and field in KEYS else {}
    return f"{field} = {written({**spec, **required})}"


def spec_of(
    column: str, candidate: Mapping[str, Any], targets: Mapping[str, str] = TABLES
) -> tuple[str, str, dict[str, Any]]:
    """Return section, destination field and specification by which a mapping file takes a proposal for a column.

    `targets` names the source table that becomes accounts, and the one that becomes contacts.
    """
    how, name = str(candidate["transform"]), str(candidate["field"])
    if how == "lookup of owners":
        return "lookups", name, {"from": column, "to": "owners", "values": "owner"}
    if how.startswith("lookup"):
        wanted = "sales_account" if "account" in name else "contact"
        return "lookups", LOOKUPS.get(name, name), {"from": column, "to": targets.get(wanted, wanted)}
    if how.startswith("value map"):
        return "fields", name, {"from": column, "values": how.removeprefix("value map ")}
    source: str | list[str] = [column, "time_zone"] if how in ZONED else column
    return "fields", name, {"from": source} if how == "text" else {"from": source, "via": how}


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
