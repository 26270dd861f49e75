"""The export contract as data: objects, columns, what is fatal when it is missing; and which keys are usable."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files

from workbench.errors import ExportProblem
from workbench.privacy import shown_id
from workbench.warehouse import Warehouse

BLANKS = "' ' || " + " || ".join(f"chr({code})" for code in (9, 10, 11, 12, 13, 160, 8203, 65279))
"""Keys are compared without these around them."""
DAMAGED = re.compile(r"[+-]?\d+(?:[.,]\d+)?E[+-]\d+|#(?:REF!|N/A|NAME\?|VALUE!|DIV/0!|NUM!|NULL!)")
"""What spreadsheets make of a key: still the start of a record, though no key."""
TELLING = r"[^@\s]@[^@\s]+\.[a-z]|^[\pL.''-]+(?:, *| +)[\pL. ''-]*\pL$|^\(\d{3}\) ?\d{3}-\d{4}|(?: \S+){3} |^.{80}"
"""A key that is an e-mail address, a name, a phone or a text, as SQL writes the pattern: ids are told, and nothing of a patient is."""
FEWEST_TO_JUDGE = 20
"""Records of a table whose keys are judged as a column; of fewer each record is, alone."""
COPY = re.compile(r"(?i)(?: ?\(\d+\)| - copy| copy)+$")
"""What browsers and file managers add to the name of a file that is there already."""
PART = re.compile(r"(_part\d+|_\d+)$")


@dataclass(frozen=True)
class ExportObject:
    """One object of the contract; its columns include the common ones."""

    name: str
    key: tuple[str, ...]
    is_required: bool
    columns: tuple[str, ...]
    tells_practice: bool = False
    dates: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    births: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    zips: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def kind_of(self, column: str) -> str:
        """Name the form that a column's text is read in: key, link, date, birth, number, flag, zip or text."""
        forms: dict[str, Collection[str]] = {
            "date": (*self.dates, "deleted_at"),
            "birth": self.births,
            "number": self.numbers,
            "flag": (*self.flags, "is_deleted"),
            "zip": self.zips,
            "link": self.links,
            "key": self.key,
        }
        return next((kind for kind, columns in reversed(forms.items()) if column in columns), "text")

    @property
    def is_about_people(self) -> bool:
        """Say whether its records hang on contacts: their ids are told everywhere."""
        return any(target == "contacts" or target.startswith("by:") for target in self.links.values())

    def missing(self, present: set[str]) -> list[str]:
        """Return the contract's columns that an export lacks, leaving out those that another one stands in for."""
        families = [{column, *others} for column, others in self.instead.items()]
        stood_in = {column for family in families if family & present for column in family}
        return [column for column in self.columns if column not in present and column not in stood_in]


@dataclass(frozen=True)
class Contract:
    """All objects, the words that mark a column as a secret, and the identity of this contract."""

    objects: Mapping[str, ExportObject]
    refused: tuple[str, ...]
    identity: str

    def object_of(self, file_name: str) -> str | None:
        """Name the object that a file holds: contacts.csv, contacts_part01.csv and contacts_1.csv are contacts."""
        stem = file_name.rsplit(".", 1)[0].strip().lower()
        return next((name for name in (stem, PART.sub("", stem)) if name in self.objects), None)

    def shown_name(self, file_name: str) -> str:
        """Return a file's name as it may be told: the copy of an object's table as it is, what may name a person by its shape."""
        stem, dot, suffix = file_name.rpartition(".")
        return file_name if self.object_of(f"{COPY.sub('', stem)}{dot}{suffix}") else shown_id(file_name)

    def is_refused(self, column: str) -> bool:
        """Say whether a column holds a secret that must stay in the source."""
        return any(word in column for word in self.refused)


class KeyShapes:
    """What the keys of a file look like: a fragment of a broken record looks like none."""

    enough = 2_000

    def __init__(self) -> None:
        self._shapes: set[frozenset[str]] = set()
        self._learned = 0

    def learn_most(self, keys: Iterable[str]) -> None:
        """Learn the commonest shapes of the first keys of a file; the very first counts twice."""
        shapes: Counter[frozenset[str]] = Counter()
        for key in keys:
            shapes[_shape(key)] += 1 if shapes else 2
        self._shapes = {shape for shape, count in shapes.items() if count >= 0.6 * max(shapes.values())}

    def learn(self, key: str) -> None:
        """Learn from the key of a record that is whole."""
        if self._learned < self.enough:
            self._learned += 1
            self._shapes.add(_shape(key))

    def know(self, key: str) -> bool:
        """Say whether a key looks like others of the file, or like what a spreadsheet makes of one."""
        return bool(key.strip()) and (_shape(key) in self._shapes or bool(DAMAGED.fullmatch(key.strip())))


@cache
def read_contract() -> Contract:
    """Read contract.toml, which ships with this room."""
    text = files(__package__).joinpath("contract.toml").read_text("utf-8")
    found = tomllib.loads(text)
    common, refused = found.pop("common"), found.pop("refused")
    objects = {
        name: ExportObject(
            name=name,
            key=tuple(said["key"]),
            is_required=said.get("required", False),
            tells_practice=said.get("tells_practice", False),
            columns=(*said["columns"], *(common if said.get("common", True) else ())),
            dates=(*said.get("dates", ()), *(common[:2] if said.get("common", True) else ())),
            numbers=tuple(said.get("numbers", ())),
            births=tuple(said.get("births", ())),
            flags=tuple(said.get("flags", ())),
            zips=tuple(said.get("zips", ())),
            links=said.get("links", {}),
            instead={column: tuple(others) for column, others in said.get("instead", {}).items()},
        )
        for name, said in found.items()
    }
    return Contract(objects, tuple(refused), hashlib.sha256(text.encode()).hexdigest()[:16])


def key_sql(column: str, table: str = "") -> str:
    """Return SQL for a key as it is compared: no blanks around, no spreadsheet's guard, one Unicode form."""
    key = f'{table}"{column}"'
    bare = f"trim({key}, {BLANKS})"
    # Nearly every key is ASCII with neither a blank nor a guard at its ends; to see that takes a tenth of the rest.
    plain = (
        f"strlen({key}) = length({key}) AND ({key} >= '>' OR {key} >= '0' AND {key} < '=') AND right({key}, 1) > ' '"
    )
    return (
        f"CASE WHEN {plain} THEN {key}"
        f" ELSE nfc_normalize(CASE WHEN starts_with({bare}, '=\"') AND ends_with({bare}, '\"')"
        f" THEN trim(substr({bare}, 3, length({bare}) - 3), {BLANKS})"
        f" WHEN starts_with({bare}, '''') THEN substr({bare}, 2) ELSE {bare} END) END"
    )


def id_sql(said: ExportObject, table: str = "") -> str:
    """Return SQL for the source id of a row: its key, the parts of a key of several joined by a dot."""
    return " || '.' || ".join(key_sql(column, table) for column in said.key)


def damaged_sql(column: str) -> str:
    """Return SQL that says whether a key is scientific notation or an error cell."""
    key = key_sql(column)
    return (
        f"""((contains("{column}", 'E+') OR contains("{column}", 'E-') OR contains("{column}", '#'))"""
        f" AND regexp_full_match({key}, '{DAMAGED.pattern}'))"
    )


def bare_key(key: str, blanks: str | None = None) -> str:
    """Return a key without blanks and a spreadsheet's guard around it."""
    return re.sub(r"""^(?:="(.*)"|'(.*))$""", r"\1\2", key.strip(blanks))


def _shape(key: str) -> frozenset[str]:
    """Return which kinds of characters a key is made of, blanks and a spreadsheet's guard around it left out."""
    bare = bare_key(key, " \t\x0c\xa0")
    kinds = (
        "upper" if one.isupper() else "lower" if one.isalpha() else "digit" if one.isdigit() else one for one in bare
    )
    return frozenset(kinds)


class Rejection(StrEnum):
    """Why a record did not land."""

    RAGGED = "{n} values under a header of {m}"
    UNCLOSED = "an opening quote is never closed"
    UNDOUBLED = "a quote inside a quoted value is not doubled"
    BLANK_KEY = "its key is blank"
    DAMAGED_KEY = "its key was damaged by a spreadsheet"
    TELLING_KEY = "its key is an e-mail address, a phone, a name or a text, which may be shown nowhere"
    TWO_WAYS = 'may be read in two ways: one \\" is an escaped quote, or ends a value beside a lost one'
    SEVERAL = "its key names several different records"
    AGAIN = "the same record again: kept once"


def quoted(columns: Iterable[str]) -> str:
    """Return column names as SQL lists them."""
    return ", ".join(f'"{column}"' for column in columns)


def _are_plain(warehouse: Warehouse, table: str, said: ExportObject) -> bool:
    """Say whether keys are distinct and need no second look: plain letters in one case, digits, a few marks."""
    key = " || '.' || ".join(f'"{column}"' for column in said.key)
    plain = f"regexp_full_match({key}, '[A-Z0-9_.:/-]+') AND NOT contains({key}, 'E-')"
    if warehouse.run(f"SELECT 1 FROM {table} WHERE ({plain}) IS NOT TRUE LIMIT 1"):
        return False
    # Most exports are written in the order of their key: then each is greater than the one before, and none is twice.
    rising = f"SELECT k, lag(k) OVER () AS before FROM (SELECT {key} AS k FROM {table})"
    if warehouse.run(f"SELECT count(*) FILTER ((k > before) IS NOT TRUE) <= 1 FROM ({rising})") == [(True,)]:
        return True
    return warehouse.run(f"SELECT count(*) = count(DISTINCT {key}) FROM {table}") == [(True,)]


def telling_sql(text: str, *, of_people: bool = True) -> str:
    """Return SQL that says whether what stands in the place of an id tells a person.

    An id of what hangs on no contact, such as a company's, may be words; an e-mail address it is never.
    """
    if not of_people:
        return f"coalesce(contains({text}, '@'), false)"
    may = " OR ".join(f"contains({text}, '{sign}')" for sign in " @(,")  # of nearly every id that is all to look at
    return f"coalesce(({may} OR length({text}) >= 80) AND regexp_matches({text}, '{TELLING}', 'i'), false)"


def judge_keys(warehouse: Warehouse, table: str, said: ExportObject, columns: list[str]) -> list[str]:
    """Keep one of several equal records; reject records without a usable key, and all of a key that differ.

    What people should know of the keys that stay is returned. A table whose keys tell people is refused.
    """
    if not said.key or _are_plain(warehouse, table, said):
        return []
    key = id_sql(said)
    damaged = f"({' OR '.join(damaged_sql(column) for column in said.key)})"
    telling = telling_sql(key) if said.is_about_people else "false"
    [(total, distinct, plain, bad, tell)] = warehouse.run(
        "SELECT count(*), count(DISTINCT k), count(DISTINCT lower(k)),"
        " count(*) FILTER (k IS NULL OR k = '' OR damaged OR telling), count(*) FILTER (telling)"
        f" FROM (SELECT {key} AS k, {damaged} AS damaged, {telling} AS telling FROM {table})"
    )
    if tell * 2 > total >= FEWEST_TO_JUDGE:
        raise ExportProblem(
            f"{said.name}: {tell} of {total} keys are e-mail addresses, phones, names or texts. The column {said.key[0]} stands"
            " under the name of another one; ask the practice for the export again, with ids."
        )
    findings = []
    if plain < distinct:
        findings = [f"{said.name}: {distinct - plain} keys differ from another only in case; they stay apart."]
    if total == distinct and not bad:
        return findings
    blank = " OR ".join(f"{key_sql(column)} IS NULL OR {key_sql(column)} = ''" for column in said.key)
    content = quoted([column for column in columns if column not in said.key])
    warehouse.run(
        f"CREATE OR REPLACE TEMP TABLE keyed AS SELECT rowid AS place, {key} AS k, source_file, source_row,"
        f" CASE WHEN {blank} THEN $blank WHEN {damaged} THEN $damaged WHEN {telling} THEN $telling END AS reason FROM {table}",
        {"blank": Rejection.BLANK_KEY, "damaged": Rejection.DAMAGED_KEY, "telling": Rejection.TELLING_KEY},
    )
    warehouse.run(
        "CREATE OR REPLACE TEMP TABLE aside AS SELECT place, k, reason FROM keyed WHERE reason IS NOT NULL UNION ALL"
        " SELECT place, k, CASE WHEN least_content = greatest_content THEN $again ELSE $several END FROM"
        " (SELECT place, k, min(content) OVER one AS least_content, max(content) OVER one AS greatest_content,"
        " row_number() OVER (PARTITION BY k ORDER BY source_file, source_row) AS turn FROM"
        f" (SELECT place, k, d.source_file, d.source_row, to_json([{content}])::VARCHAR AS content FROM keyed d"
        f" JOIN {table} t ON t.rowid = place WHERE reason IS NULL AND k IN"
        " (SELECT k FROM keyed WHERE reason IS NULL GROUP BY k HAVING count(*) > 1))"
        " WINDOW one AS (PARTITION BY k)) WHERE turn > 1 OR least_content <> greatest_content",
        {"again": Rejection.AGAIN, "several": Rejection.SEVERAL},
    )
    warehouse.run(
        f"INSERT INTO raw.rejected SELECT source_file, '{said.name}', NULL, NULL, reason, source_row,"
        " CASE WHEN reason NOT IN ($damaged, $telling) THEN nullif(k, '') END"
        f" FROM {table} t JOIN aside ON place = t.rowid ORDER BY 1, 6",
        {"damaged": Rejection.DAMAGED_KEY, "telling": Rejection.TELLING_KEY},
    )
    warehouse.run(f"DELETE FROM {table} WHERE rowid IN (SELECT place FROM aside)")
    warehouse.run("DROP TABLE aside")
    warehouse.run("DROP TABLE keyed")
    return findings
