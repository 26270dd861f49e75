"""The field-mapping editor: columns, masked samples and proposals, and the payload of one row beside them."""

from __future__ import annotations

from typing import Any

import polars as pl

from workbench.editors.field_decisions import FieldDecisions
from workbench.editors.field_lines import mappings_to_edit
from workbench.mapping.files import Mappings
from workbench.reports.premapping import fate_frame
from workbench.settings import Settings


def edit_fields(settings: Settings, mappings: Mappings, *, by: str = "analyst") -> Any:
    """Return the editor of the object mappings, open at the one whose source has most columns without a fate."""
    from workbench.editors.grid import FieldPanel  # noqa: PLC0415 - only a person's kernel needs it

    without = fate_frame(settings, mappings).filter(pl.col("fate") == "none")["source"].to_list()
    editable = [mappings[one] for one in mappings_to_edit(mappings)]
    most = max(editable, key=lambda one: (without.count(one.source_object), len(one.fields), one.name))
    return FieldPanel(FieldDecisions(settings, most.name, by=by))
