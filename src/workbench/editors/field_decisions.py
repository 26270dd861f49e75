"""What the field editor knows and does: each act rewrites one mapping file, is read before it is kept, and can be undone."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.editors.field_lines import Column, Line, columns_of_table, fits, is_defined, make_line
from workbench.editors.trial import (
    Payload,
    SampleRows,
    fill_field,
    new_field,
    read_rows,
    read_trial,
    require_yielded,
    say_of_column,
    take_out,
    try_payload,
    undefine_field,
)
from workbench.errors import MappingProblem, WorkbenchError
from workbench.ledger.audit import note_act
from workbench.mapping.files import Mappings, field_modules, read_mappings
from workbench.mapping.grammar import listed
from workbench.mapping.object_mapping import ObjectMapping
from workbench.settings import Settings
from workbench.staging.transforms import TRANSFORMS
from workbench.suggest.value_files import spec_of

Texts = dict[str, str]
FieldAct = tuple[Texts, Texts]
"""What one act changed: each file's text before and after."""
STANDS = "It stands so already."


@dataclass
class FieldDecisions:
    """The columns of one mapping's source under a person's hands.

    Every act starts from the files as they stand now, so a hand edit made meanwhile is kept; what the files would no
    longer be read with is told, and nothing is written.
    """

    settings: Settings
    mapping: str
    by: str = "analyst"
    done: list[FieldAct] = field(default_factory=list)
    undone: list[FieldAct] = field(default_factory=list)
    read: Mappings = field(init=False)
    columns: list[Column] = field(init=False)
    rows: SampleRows | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.open(self.mapping)

    def open(self, mapping: str) -> str:
        """Turn to a mapping: read the files and the columns of its source."""
        self.read = read_mappings(self.settings)
        self.mapping, self.rows = mapping, None
        self.columns = columns_of_table(self.settings, self.read, self.object)
        return ""

    @property
    def object(self) -> ObjectMapping:
        """The mapping as it was read last."""
        return self.read[self.mapping]

    @property
    def path(self) -> str:
        """Its file below the migration folder."""
        return f"mappings/objects/{self.mapping}.toml"

    def lines(self) -> list[Line]:
        """Return one line a source column, those without a fate first."""
        made = [make_line(number, one, self.read, self.object) for number, one in enumerate(self.columns)]
        return sorted(made, key=lambda one: (one["fate"] != "none", one["id"]))

    def progress(self) -> dict[str, int]:
        """Return how many columns have a fate, and how many acts can be undone or done again."""
        fates = [make_line(number, one, self.read, self.object)["fate"] for number, one in enumerate(self.columns)]
        decided = sum(one != "none" for one in fates)
        return {"columns": len(fates), "decided": decided, "undo": len(self.done), "redo": len(self.undone)}

    def refresh(self) -> str:
        """Read the files again; say so when somebody changed them meanwhile."""
        before = self.read
        self.read = read_mappings(self.settings)
        return "The mapping files changed meanwhile: read again." if before.objects != self.read.objects else ""

    # -- acts -------------------------------------------------------------------------------------------------------

    def accept(self, number: int, choice: int = 0) -> str:
        """Fill the field that is proposed first, or another of the candidates."""
        found = self.columns[number].candidates
        if choice >= len(found):
            return "There is no such proposal." if found else f"Nothing is proposed: {self.columns[number].reason}."
        return self._do(number, lambda: self._filled(number, *spec_of(self.columns[number].name, found[choice])))

    def map(self, number: int, name: str, via: str = "") -> str:
        """Fill a field by hand, as text or by a transform, or several with commas between; what it filled before, it fills no more."""
        names = [one for part in name.split(",") if (one := part.strip())]
        if not names:
            return "Nothing was typed, so nothing changed."

        def made() -> Texts:
            texts = self._without(number, keep=names)
            for one in names:
                if via or one not in self._fills(number):
                    texts |= self._filled(number, *self._specified(number, one, via), texts)
            return texts

        return self._do(number, made)

    def _specified(self, number: int, name: str, via: str) -> tuple[str, str, dict[str, Any]]:
        """Return section, field and specification of a typed name: as proposed if it is, else as text."""
        column = self.columns[number]
        said = next((one for one in column.candidates if one["field"] == name), None)
        section, written, spec = spec_of(column.name, said or {"field": name, "transform": "text"})
        return section, written, {"from": spec["from"], "via": via} if via else spec

    def change_transform(self, number: int, via: str) -> str:
        """Fill the field that a column fills already by another transform."""
        name = self.columns[number].name
        filled = next((one for one in self.object.fields.values() if one.columns[:1] == (name,)), None)
        if filled is None:
            return "No field is filled by this column first; map it, then choose how."
        problem, remark = fits(self.read, self.object, filled.name, via.strip())

        def made() -> Texts:
            if problem:
                raise MappingProblem(problem)
            spec = self._spec(filled.name) | {"via": via.strip()}
            return {self.path: fill_field(self._text(self.path), "fields", filled.name, spec)}

        return self._do(number, made, remark)

    def leave_out(self, number: int, reason: str) -> str:
        """Ignore a column; the reason stands in the file, in the pre-mapping document, and before who signs."""
        if not reason.strip():
            return "A column that does not move needs a reason, so nothing changed."

        def made() -> Texts:
            texts = self._without(number)
            return texts | {
                self.path: say_of_column(
                    texts[self.path], "ignored", self.columns[number].name, " ".join(reason.split())
                )
            }

        return self._do(number, made)

    def decide_sensitivity(self, number: int, told: str) -> str:
        """Decide what a column tells of a patient: none, quasi, direct or health."""
        name = self.columns[number].name
        return self._do(
            number, lambda: {self.path: say_of_column(self._text(self.path), "sensitivity", name, told.strip())}
        )

    def take_out(self, number: int) -> str:
        """Take back whatever this mapping says of a column; it has no fate then, and no run passes it by."""
        return self._do(number, lambda: self._without(number))

    def undo(self) -> str:
        """Give the files back the bytes they had before the last act."""
        return self._turn(self.done, self.undone, forward=False)

    def redo(self) -> str:
        """Do again what was taken back."""
        return self._turn(self.undone, self.done, forward=True)

    def payload(self, number: int, choice: int | None = None) -> tuple[Payload | str, Payload | str]:
        """Return what a row with this column filled would send, now and with a proposal accepted; values by their shape."""
        self.rows = self.rows or read_rows(self.settings, self.read, self.object)
        name = self.columns[number].name
        now = try_payload(self.settings, self.rows, self.mapping, {}, name)
        if choice is None or choice >= len(self.columns[number].candidates):
            return now, now
        try:
            texts = self._filled(number, *spec_of(name, self.columns[number].candidates[choice]))
        except WorkbenchError as problem:
            return now, str(problem)
        return now, try_payload(self.settings, self.rows, self.mapping, texts, name)

    # -- texts ------------------------------------------------------------------------------------------------------

    def _filled(
        self, number: int, section: str, name: str, spec: Mapping[str, Any], texts: Mapping[str, str] | None = None
    ) -> Texts:
        """Return the changed texts by which a column fills a field; behind the columns that fill it, if it takes several."""
        column = self.columns[number].name
        text = (texts or {}).get(self.path) or self._text(self.path)
        standing = self._spec(name, text)
        if standing and column in listed(standing.get("from", ())):
            how = {"via", "values", "to", "by"}
            spec = (
                {key: one for key, one in standing.items() if key not in how} | dict(spec) | {"from": standing["from"]}
            )
            if spec == standing:
                raise MappingProblem(f"{name} is filled by {column} so already.")
        elif standing:
            way = TRANSFORMS.get(standing.get("via", "text"))
            if way is None or not way.first_filled or "from" not in standing or {"to", "values"} & standing.keys():
                raise WorkbenchError(f"{name} is filled already, by {self._filler(standing)}. Take that out first.")
            spec = standing | {"from": [*listed(standing["from"]), column]}
        if column in self.object.ignored:
            text = take_out(text, column, keep=self._fills(number))[0]
        made = {self.path: fill_field(text, section, name, spec)}
        module = field_modules(self.settings.edition).get(self.object.destination)
        if not name.startswith("cf_") or module is None or is_defined(self.read, self.object, name):
            return made
        path = f"mappings/custom_fields/{module}.toml"
        return made | {
            path: new_field((texts or {}).get(path) or self._text(path), path, name, str(spec.get("via", "text")))
        }

    def _fills(self, number: int) -> list[str]:
        """Return the fields and links that a column fills in the file, alone or with others."""
        found, column = tomllib.loads(self._text(self.path)), self.columns[number].name
        filled = (found.get("fields", {}) | found.get("lookups", {})).items()
        return [name for name, spec in filled if isinstance(spec, dict) and column in listed(spec.get("from", ()))]

    def _without(self, number: int, *, keep: Sequence[str] = ()) -> Texts:
        text, gone = take_out(self._text(self.path), self.columns[number].name, keep=keep)
        texts = {self.path: text}
        module = field_modules(self.settings.edition).get(self.object.destination, "")
        fields = f"mappings/custom_fields/{module}.toml"
        objects = sorted((self.settings.mappings / "objects").glob("*.toml"))
        for name in gone:
            others = [path for path in objects if path.stem != self.mapping and name in path.read_text("utf-8")]
            if name.startswith("cf_") and not others and name not in text:
                texts[fields] = undefine_field(texts.get(fields) or self._text(fields), name)
        return texts

    def _spec(self, name: str, text: str = "") -> dict[str, Any]:
        """Return what the file says of a field, without what an edition changes of it."""
        found = tomllib.loads(text or self._text(self.path))
        return dict(found.get("fields", {}).get(name) or found.get("lookups", {}).get(name) or {})

    def _filler(self, spec: Mapping[str, Any]) -> str:
        return " and ".join(listed(spec["from"])) if "from" in spec else "a constant"

    def _text(self, name: str) -> str:
        return (self.settings.folder / name).read_text("utf-8")

    # -- files ------------------------------------------------------------------------------------------------------

    def _do(self, number: int, make: Callable[[], Texts], remark: str = "") -> str:
        """Write changed texts if every file is still read with them; tell what the column is now, or what is wrong."""
        changed, filled, was = self.refresh(), self._fills(number), self.read
        try:
            after = make()
            before = {name: self._text(name) for name in after}
            read = read_trial(self.settings, after)
            self.rows = self.rows or read_rows(self.settings, self.read, self.object)
            require_yielded(read[self.mapping], self.rows.columns)
        except WorkbenchError as problem:
            return f"{problem}\nNothing was changed."
        if before == after:
            return STANDS
        self._write(after)
        self.done.append((before, after))
        self.undone.clear()
        line = make_line(number, self.columns[number], self.read, self.object)
        column = f"{self.object.source_object}.{self.columns[number].name}"
        told = [f"{column}: {line['becomes'] or line['why'] or 'has no fate now'}."]
        why = was[self.mapping].ignored.get(self.columns[number].name, "")
        gone = [one for one in filled if one not in self._fills(number)] + [f"the reason {why!r}"] * (
            why not in ("", line["why"])
        )
        told += [f"Taken out: {', '.join(gone)}."] if gone else []
        new = [
            one
            for one in self._fills(number)
            if is_defined(self.read, self.object, one) > is_defined(was, self.object, one)
        ]
        told += [f"{', '.join(new)}: a new custom field, defined in mappings/custom_fields."] if new else []
        note_act(self.settings, "field mapping changed", f"{self.mapping}/{self.columns[number].name}", by=self.by)
        return " ".join(one for one in (*told, remark, changed) if one)

    def _write(self, texts: Texts) -> None:
        for name, text in texts.items():
            path = self.settings.folder / name
            beside = path.with_suffix(".toml.part")
            beside.write_text(text, "utf-8")
            beside.replace(path)
        self.read = read_mappings(self.settings)

    def _turn(self, taken: list[FieldAct], given: list[FieldAct], *, forward: bool) -> str:
        if not taken:
            return f"There is nothing to {'redo' if forward else 'undo'}."
        stands, wanted = taken[-1] if forward else taken[-1][::-1]
        if edited := [name for name, text in stands.items() if self._text(name) != text]:
            return f"{', '.join(edited)} was edited since; what it says now is left alone. Nothing was changed."
        self._write(wanted)
        given.append(taken.pop())
        note_act(self.settings, f"field mapping {'redone' if forward else 'undone'}", self.mapping, by=self.by)
        return "Done again." if forward else "Taken back."
