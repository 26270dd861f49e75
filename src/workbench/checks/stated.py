"""What the mapping files state of their rows, in the plain words that the checks derive expectations from."""

from __future__ import annotations

from workbench.canonical import Form
from workbench.checks.derived import CheckedMapping
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import FieldMapping, ObjectMapping
from workbench.staging.rows import TITLE_FIELDS, form_of
from workbench.vocabulary import Kind

SOURCE_ID = "cf_source_system_id"
RICH_TEXT = 10_000


def stated_mappings(mappings: Mappings) -> list[CheckedMapping]:
    """Return every mapping that moves rows, in load order, with what it requires of them."""
    return [_stated(mappings, one) for one in mappings.objects if one.kind in (Kind.RECORD, Kind.FILE)]


def _stated(mappings: Mappings, mapping: ObjectMapping) -> CheckedMapping:
    fields = mapping.fields.values()
    # who holds a shared e-mail is settled over several mappings and without held rows, so no single table can tell
    unique = [one.name for one in fields if one.name == SOURCE_ID or (one.unique or "").startswith("append:")]
    lengths = {one.name: most for one in fields if (most := _length(mappings, mapping, one)) is not None}
    choices = {one.name: found for one in fields if (found := _choices(mappings, mapping, one))}
    return CheckedMapping(
        name=mapping.name,
        source_object=mapping.source_object,
        table=f"staged.{mapping.name}",
        required=[one.name for one in fields if one.required],
        unique=unique,
        lengths=lengths,
        choices=choices,
        folded=[leaf.name for one in fields for leaf in one.parts],
    )


def _length(mappings: Mappings, mapping: ObjectMapping, field: FieldMapping) -> int | None:
    if custom := mappings.custom_field(mapping.destination, field.name):
        return custom.max_length
    return RICH_TEXT if form_of(field) is Form.RICH else TITLE_FIELDS.get(field.name)


def _choices(mappings: Mappings, mapping: ObjectMapping, field: FieldMapping) -> list[str]:
    custom = mappings.custom_field(mapping.destination, field.name)
    if custom is None or custom.type != "dropdown":
        return []
    return mappings.values(custom.choices_from).destination_values() if custom.choices_from else list(custom.choices)
