"""One tenant changed in many places by hand, each in one way, and what a reconciliation has to say of it."""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack
from typing import Any

from loaded import KEY, Loaded, Record

from workbench.reconcile.checks import Question
from workbench.warehouse import open_warehouse

Row = tuple[str | None, ...]
Line = tuple[str, str, str | None]
LATER = "2031-01-01T09:00:00Z"
PLURALS = {
    "patient": "contacts",
    "prospect": "contacts",
    "practice": "sales_accounts",
    "treatment_case": "deals",
    "task": "tasks",
    "appointment": "appointments",
    "activity": "sales_activities",
    "note": "notes",
    "attachment": "documents",
}
TEXTS = ("title", "due_date", "owner_id", "task_type_id", "sales_activity_type_id", "start_date", "end_date")


class Hand:
    """Changes many records at once, each in one way, and knows what the reconciliation has to say."""

    def __init__(self, loaded: Loaded, stack: ExitStack) -> None:
        self.loaded = loaded
        self.stack = stack
        self.state = loaded.state()
        with open_warehouse(loaded.practice.settings.warehouse) as warehouse:
            known = warehouse.run("SELECT mapping, destination_id, source_id FROM destination.identities")
        self.keys = {(mapping, number): source_id for mapping, number, source_id in known}
        self.used: set[int] = set()
        self.differences: dict[str, Row] = {}
        self.lines: dict[Line, set[str]] = defaultdict(set)
        self.stages = {one["name"]: one["id"] for one in loaded.choices("lifecycle_stages")}
        hanging = [one for plural in set(PLURALS.values()) for one in self.state[plural]]
        self.parents = {target["id"] for one in hanging for target in one.get("targetables") or []}
        self.parents |= {contact for deal in self.state["deals"] for contact in deal.get("contact_ids", [])}

    def take(self, mapping: str, wanted: Any = lambda one: True) -> Record:
        """Return a record of a mapping that nothing was done to yet."""
        stage = {"patient": "Customer", "prospect": "Lead"}.get(mapping)
        found = next(
            one
            for one in self.state[PLURALS[mapping]]
            if one["id"] not in self.used
            and (stage is None or one["lifecycle_stage_id"] == self.stages[stage])
            and not str((one.get("custom_field") or {}).get(KEY)).startswith("employer:")
            and wanted(one)
        )
        self.used.add(found["id"])
        return found

    def other(self, plural: str, record: Record, name: str, wanted: Any = lambda one: True) -> Any:
        """Return what another record holds in a field."""
        return next(one[name] for one in self.state[plural] if one[name] != record.get(name) and wanted(one))

    def key(self, mapping: str, record: Record) -> str:
        """Return the source id of the row a record stands for."""
        if PLURALS[mapping] in ("contacts", "sales_accounts", "deals"):
            return record["custom_field"][KEY]
        return self.keys[mapping, record["id"]]

    def edit(self, mapping: str, record: Record, field: str, cause: str, changes: Record) -> str:
        """Change a record as a user would, which is one difference; return its source id."""
        key = self.key(mapping, record)
        self.stack.enter_context(self.loaded.edited(PLURALS[mapping], record, **changes))
        self.differences[f"{mapping} {field}"] = (mapping, key, field, cause)
        return key

    def expect(self, question: Question, mapping: str, field: str | None = None, *ids: str) -> None:
        """Expect a check to fail, with these ids among those it names."""
        self.lines[str(question), mapping, field] |= set(ids)

    def field(self, mapping: str, name: str, value: Any, cause: str = "value") -> None:
        """Change one field."""
        if name.startswith("cf_"):
            record = self.take(mapping, lambda one: one["custom_field"].get(name) not in (value, ""))
            key = self.edit(mapping, record, name, cause, {"custom_field": {name: value}})
        else:
            record = self.take(mapping, lambda one: one.get(name) not in (None, value))
            changed = record[name].replace("[Dental-Exec", "not so [Dental-Exec", 1) if mapping == "note" else value
            key = self.edit(mapping, record, name, cause, {name: changed})
        self.expect(Question.FIELDS, mapping, None, key)

    def date(self, mapping: str, name: str, value: str, *, by_month: bool) -> None:
        """Put a date past every other one."""
        self.field(mapping, name, value, "date")
        self.expect(Question.DATES, mapping, name, self.differences[f"{mapping} {name}"][1] or "")
        if by_month:
            self.expect(Question.MONTH, mapping)

    def owner(self, mapping: str) -> None:
        """Give a record to another user."""
        record = self.take(mapping, lambda one: one.get("owner_id"))
        changes = {"owner_id": self.other("sales_accounts", record, "owner_id")}
        key = self.edit(mapping, record, "owner_id", "owner", changes)
        self.expect(Question.OWNERS, mapping, "owner_id", key)
        self.expect(Question.OWNER, mapping)

    def links(self) -> None:
        """Hang a case, a prospect and a task on another record, a practice under another group."""
        case = self.take("treatment_case", lambda one: one.get("sales_account_id") and one["id"] not in self.parents)
        account = self.other("sales_accounts", {"id": case["sales_account_id"]}, "id")
        self._linked("treatment_case", "account", case, {"sales_account_id": account})
        lead = self.take("prospect", lambda one: one.get("sales_accounts") and one["id"] not in self.parents)
        account = self.other("sales_accounts", {"id": lead["sales_accounts"][0]["id"]}, "id")
        self._linked("prospect", "account", lead, {"sales_accounts": [{"id": account, "is_primary": True}]})
        task = self.take("task", lambda one: one.get("targetables") and one["targetables"][0]["type"] == "Contact")
        lone = self.take("patient", lambda one: not one.get("sales_accounts"))
        self._linked("task", "target", task, {"targetables": [{"id": lone["id"], "type": "Contact"}]})
        child = self.take("practice", lambda one: one.get("parent_sales_account_id"))
        self._linked("practice", "parent_sales_account_id", child, {"parent_sales_account_id": None})
        self.lines.pop((str(Question.PRACTICE), "practice", None))

    def _linked(self, mapping: str, field: str, record: Record, changes: Record) -> None:
        self.expect(Question.LINKS, mapping, field, self.edit(mapping, record, field, "link", changes))
        self.expect(Question.PRACTICE, mapping)

    def contact(self) -> None:
        """Hang a case on another patient."""
        case = self.take("treatment_case", lambda one: one.get("contact_ids"))
        other = self.take("patient")
        key = self.key("treatment_case", case)
        self.stack.enter_context(self.loaded.given_to(case, other["id"]))
        self.differences["treatment_case contact"] = ("treatment_case", key, "contact", "link")
        self.expect(Question.LINKS, "treatment_case", "contact", key)

    def cent(self) -> None:
        """Add a cent to an amount."""
        case = self.take("treatment_case", lambda one: float(one["amount"]) > 0)
        key = self.edit("treatment_case", case, "amount", "money", {"amount": round(float(case["amount"]) + 0.01, 2)})
        self.expect(Question.FIELDS, "treatment_case", None, key)
        self.expect(Question.MONEY, "treatment_case", "amount", key)
        self.expect(Question.STAGES, "deals")

    def stage(self) -> None:
        """Move a case to another stage of its pipeline, another to a pipeline of other stages, a patient out of Customer."""
        case = self.take("treatment_case", lambda one: not one["closed_date"] and self._beside(one) is not None)
        key = self.edit("treatment_case", case, "deal_stage_id", "value", {"deal_stage_id": self._beside(case)})
        self.expect(Question.FIELDS, "treatment_case", None, key)
        self.expect(Question.STAGE, "treatment_case")
        self.expect(Question.STAGES, "deals")
        patient = self.take("patient")
        stage = self.stages["Referring Dentist"]
        key = self.edit("patient", patient, "lifecycle_stage_id", "value", {"lifecycle_stage_id": stage})
        self.expect(Question.FIELDS, "patient", None, key)
        self.expect(Question.STAGE, "patient")

    def pipeline(self) -> None:
        """Move a case to another pipeline, and so to one of its stages."""
        case = self.take("treatment_case", lambda one: not one["closed_date"])
        moved = next(one for one in self._open_deals() if one["deal_pipeline_id"] != case["deal_pipeline_id"])
        changes = {name: moved[name] for name in ("deal_pipeline_id", "deal_stage_id")}
        names = {one["id"]: one["name"] for one in self.loaded.choices("deal_stages")}
        key = self.edit("treatment_case", case, "deal_pipeline_id", "value", changes)
        if names[case["deal_stage_id"]] != names[moved["deal_stage_id"]]:
            self.differences["treatment_case stage of pipeline"] = ("treatment_case", key, "deal_stage_id", "value")
        self.expect(Question.FIELDS, "treatment_case", None, key)
        self.expect(Question.PIPELINE, "treatment_case")

    def _beside(self, case: Record) -> int | None:
        found = (one for one in self._open_deals() if one["deal_pipeline_id"] == case["deal_pipeline_id"])
        return next((one["deal_stage_id"] for one in found if one["deal_stage_id"] != case["deal_stage_id"]), None)

    def _open_deals(self) -> list[Record]:
        """Return deals neither won nor lost: Freshsales stamps those that come to be."""
        return [one for one in self.state["deals"] if not one["closed_date"]]

    def marker(self) -> None:
        """Let a note say that it is another one."""
        note = self.take("note")
        own = self.key("note", note)
        changed = note["description"].replace(f"notes/{own} ", "notes/N-nobody ")
        key = self.edit("note", note, "description", "value", {"description": changed})
        self.differences["note marker"] = self.differences.pop("note description")
        self.expect(Question.FIELDS, "note", None, key)
        self.expect(Question.CARRIES, "note", None, key)

    def file(self) -> None:
        """Put other bytes in the place of a file, and another name on one."""
        file = self.take("attachment")
        self.stack.enter_context(self.loaded.edited("documents", file, size=file["size"] + 1))
        self.expect(Question.SIZES, "attachment", None, self.key("attachment", file))
        self.field("attachment", "file_name", "else.pdf")

    def double(self, mapping: str) -> None:
        """Make a record a second time, marker and all."""
        plural, text = PLURALS[mapping], "notes" if mapping == "activity" else "description"
        record = self.take(mapping, lambda one: one.get(text) and one.get("targetables"))
        body = {name: record[name] for name in (*TEXTS, text) if record.get(name) is not None}
        (target,) = record["targetables"][:1]
        self.stack.enter_context(
            self.loaded.added(plural, body | {"targetable_type": target["type"], "targetable_id": target["id"]})
        )
        key = self.key(mapping, record)
        self.differences[f"{mapping} double"] = (plural, key, None, "extra")
        self.expect(Question.ONCE, plural, None, key)
        self.expect(Question.OBJECT, plural)

    def drop(self, mapping: str, *dates: str) -> None:
        """Put a record into the bin: it is missing, and missing in every count."""
        record = self.take(mapping)
        key = self.key(mapping, record)
        self.stack.enter_context(self.loaded.dropped(PLURALS[mapping], record))
        self.differences[f"{mapping} dropped"] = (mapping, key, None, "missing")
        self.expect(Question.THERE, mapping, None, key)
        self.expect(Question.OBJECT, PLURALS[mapping])
        for question in (Question.MONTH, Question.OWNER, Question.PRACTICE):
            self.expect(question, mapping)
        for name in dates:
            self.expect(Question.DATES, mapping, name)
