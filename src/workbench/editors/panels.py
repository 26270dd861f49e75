"""The editors as a notebook calls them: a grid a value map, and a panel for the fields; the next cell reads the files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from workbench.editors.decisions import Decisions
from workbench.editors.field_decisions import FieldDecisions
from workbench.editors.field_lines import mappings_to_edit
from workbench.editors.value_file import Signer
from workbench.mapping.approval import approved_map
from workbench.mapping.files import Mappings
from workbench.mapping.spellings import Asked
from workbench.reports.premapping import fate_frame
from workbench.settings import Settings
from workbench.suggest.proposals import Proposal

SIGNER = Signer()
"""Who decides in this kernel: a cell that is run again starts with the name that was typed."""


def edit_value_maps(
    settings: Settings,
    maps: Sequence[Asked],
    proposals: Sequence[Proposal] = (),
    *,
    by: str = "",
    hide: re.Pattern[str] | None = None,
    choices: Mapping[str, Sequence[str]] | None = None,
) -> Any:
    """Return one grid a value map, the one with most open spellings first; of several, those without any are folded.

    The proposals are filled in and never saved by themselves. `choices` are the answers that a map takes, by its name or
    what stands before the dot; without them it takes any. What `hide` finds in a spelling may be personal: it is shown by
    its shape.
    """
    import ipywidgets  # noqa: PLC0415 - only a person's kernel needs it

    from workbench.editors.grid import ValueMapGrid  # noqa: PLC0415 - the same

    asked = [one for one in maps if one.records]
    if not asked:
        return ipywidgets.HTML("The snapshot asks nothing here.")
    known, signer = {one.asked.name: one for one in proposals}, Signer(by) if by else SIGNER
    grids = [
        ValueMapGrid(
            Decisions(
                settings,
                known.get(one.name) or Proposal(one, {}),
                hide=hide,
                approved=approved_map(settings, one.name, one.decided.key),
                choices=_choices(choices or {}, one.name),
            ),
            signer,
            is_folded=len(asked) > 1 and not one.open,
        )
        for one in sorted(asked, key=lambda one: (-len(one.open), one.name))
    ]
    return grids[0] if len(grids) == 1 else ipywidgets.VBox(grids)


def _choices(choices: Mapping[str, Sequence[str]], name: str) -> Sequence[str]:
    return choices.get(name) or choices.get(name.partition(".")[0]) or ()


def edit_fields(settings: Settings, mappings: Mappings, *, by: str = "") -> Any:
    """Return the editor of the object mappings, open at the one whose source has most columns without a fate."""
    from workbench.editors.grid import FieldPanel  # noqa: PLC0415 - only a person's kernel needs it

    without = fate_frame(settings, mappings).filter(pl.col("fate") == "none")["source"].to_list()
    editable = [mappings[one] for one in mappings_to_edit(mappings)]
    most = max(editable, key=lambda one: (without.count(one.source_object), len(one.fields), one.name))
    return FieldPanel(FieldDecisions(settings, most.name), Signer(by) if by else SIGNER)
