"""Where each kind of record lives in Freshsales, by edition: paths, envelopes, and what finds a record again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workbench.errors import MappingProblem
from workbench.vocabulary import Edition

SOURCE_ID = "cf_source_system_id"
"""Our own field: the source id kept at the destination."""
REMOVED_TAG = "Removed in Dental-Exec"
"""The tag that marks a record whose source row is in the export no more."""
REMOVED = "removed"
"""The flat field that stands for that tag alone: the other tags are people's."""


@dataclass(frozen=True)
class Endpoint:
    """One kind of record at Freshsales."""

    destination: str
    singular: str
    plural: str
    targetable_type: str | None = None
    bulk_path: str | None = None
    bulk_identifier: str | None = None
    upsert_path: str | None = None
    upsert_key: str | None = None
    text_field: str | None = None
    include: str | None = None
    views: tuple[str, ...] = ()
    list_filters: tuple[str, ...] = ()
    children: str | None = None
    converts_to: str | None = None
    """What a person's conversion makes of a record, with another id; there is no way back."""

    @property
    def path(self) -> str:
        """The path of the collection."""
        return f"/{self.plural}"

    @property
    def has_custom_fields(self) -> bool:
        """Say whether its records keep our custom fields, the source id among them."""
        return self.upsert_key is not None

    @property
    def has_tags(self) -> bool:
        """Say whether its records keep tags: accounts, people and deals do, what hangs on them does not."""
        return self.has_custom_fields

    @property
    def marker_field(self) -> str | None:
        """The text whose last line is the marker, where no custom field can hold the source id."""
        return None if self.has_custom_fields else self.text_field

    @property
    def list_path(self) -> str | None:
        """Where all records are listed by pages, without a view; None where a view or the parent must be read."""
        return self.path if self.list_filters else None


SUITE = {
    one.destination: one
    for one in (
        Endpoint(
            "account",
            "sales_account",
            "sales_accounts",
            targetable_type="SalesAccount",
            bulk_path="/sales_accounts/bulk_upsert",
            bulk_identifier="name",
            upsert_path="/sales_accounts/upsert",
            upsert_key=SOURCE_ID,
            include="owner",
            views=("All ",),
        ),
        Endpoint(
            "contact",
            "contact",
            "contacts",
            targetable_type="Contact",
            bulk_path="/contacts/bulk_upsert",
            bulk_identifier="emails",
            upsert_path="/contacts/upsert",
            upsert_key=SOURCE_ID,
            include="owner,sales_accounts",
            views=("All ",),
        ),
        # Bulk for deals is refused where no deal field is unique, and drops links to contacts (seen in a migration).
        Endpoint(
            "deal",
            "deal",
            "deals",
            targetable_type="Deal",
            bulk_path="/deals/bulk_upsert",
            bulk_identifier=None,
            upsert_path="/deals/upsert",
            upsert_key=SOURCE_ID,
            include="owner,sales_account,contacts",
            views=("Open ", "Won ", "Lost "),  # deals have no view of all
        ),
        Endpoint(
            "task",
            "task",
            "tasks",
            text_field="description",
            list_filters=("open", "completed"),
            children="tasks",
        ),
        Endpoint(
            "appointment",
            "appointment",
            "appointments",
            text_field="description",
            include="appointment_attendees",
            list_filters=("past", "upcoming"),
            children="appointments",
        ),
        # A note has no address to be read at: only its parent lists it.
        Endpoint("note", "note", "notes", text_field="description", children="notes"),
        Endpoint("sales_activity", "sales_activity", "sales_activities", text_field="notes", list_filters=("",)),
        Endpoint("file", "document", "documents", children="document_associations"),
    )
}
LEAD = Endpoint(
    "lead",
    "lead",
    "leads",
    targetable_type="Lead",
    upsert_path="/leads/upsert",
    upsert_key=SOURCE_ID,
    include="owner",
    views=("All ",),
    converts_to="contact",
)


def endpoint(destination: str, edition: Edition = Edition.SUITE) -> Endpoint:
    """Return where a destination lives; a lead is a contact in a lifecycle stage on Suite, its own record on Classic.

    `destination` stays the word that was asked for, so that `lead` keeps its name in plans and reports.
    """
    if destination == "lead":
        return LEAD if edition is Edition.CLASSIC else replace(SUITE["contact"], destination="lead")
    if destination not in SUITE:
        known = ", ".join(sorted([*SUITE, "lead"]))
        raise MappingProblem(f"There is no destination {destination!r}; there are {known}.")
    return SUITE[destination]


def destination_of(targetable_type: str) -> str:
    """Return the destination that Freshsales names by a targetable type, such as account for SalesAccount."""
    for one in (*SUITE.values(), LEAD):
        if one.targetable_type == targetable_type:
            return one.destination
    return targetable_type


def targetable(word: str, edition: Edition = Edition.SUITE) -> str:
    """Return the targetable type of a destination; a targetable type itself is kept."""
    if word in SUITE or word == "lead":
        return endpoint(word, edition).targetable_type or word
    return word
