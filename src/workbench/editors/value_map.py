"""Editors of value maps: a grid each, the proposals filled in and never saved by themselves; the next cell reads the files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.editors.decisions import Decisions
from workbench.mapping.approval import approved_map
from workbench.mapping.spellings import Asked
from workbench.settings import Settings
from workbench.suggest.proposals import Proposal


def edit_value_maps(
    settings: Settings,
    maps: Sequence[Asked],
    proposals: Sequence[Proposal] = (),
    *,
    by: str = "analyst",
    hide: re.Pattern[str] | None = None,
    choices: Mapping[str, Sequence[str]] | None = None,
) -> Any:
    """Return one grid a value map, the one with most open spellings first.

    `choices` are the answers that a map takes, by its name or what stands before the dot; without them it takes any.
    What `hide` finds in a spelling may be personal: it is shown by its shape.
    """
    import ipywidgets  # noqa: PLC0415 - only a person's kernel needs it

    from workbench.editors.grid import ValueMapGrid  # noqa: PLC0415 - the same

    asked = [one for one in maps if one.records]
    if not asked:
        return ipywidgets.HTML("The snapshot asks nothing here.")
    known = {one.asked.name: one for one in proposals}
    grids = [
        ValueMapGrid(
            Decisions(
                settings,
                known.get(one.name) or Proposal(one, {}),
                by=by,
                hide=hide,
                approved=approved_map(settings, one.name, one.decided.key),
            ),
            _choices(choices or {}, one.name),
        )
        for one in sorted(asked, key=lambda one: (-len(one.open), one.name))
    ]
    return grids[0] if len(grids) == 1 else ipywidgets.VBox(grids)


def _choices(choices: Mapping[str, Sequence[str]], name: str) -> Sequence[str]:
    return choices.get(name) or choices.get(name.partition(".")[0]) or ()
