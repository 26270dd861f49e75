"""Choose the delivery that becomes the snapshot."""

from __future__ import annotations

from pathlib import Path

from workbench.dental_exec.deliveries import Delivery, find_deliveries
from workbench.dental_exec.inventory import Inventory, take_inventory
from workbench.errors import ExportProblem


def choose_delivery(exports: Path, wanted: str) -> tuple[Delivery, Inventory]:
    """Return the delivery that `wanted` names, or the newest full one for "latest", looked through.

    A partial delivery is refused, also when it is newer than the newest full one: its changes would be lost.
    """
    found = find_deliveries(exports)
    if not found:
        raise ExportProblem(f"The folder {exports.name!r} holds no delivery: no folder with CSV files and no archive.")
    if wanted == "latest":
        full = [one for one in found if one.is_full]
        if not full or found[-1] is not full[-1]:
            _refuse_partial(found[-1])
        return full[-1], _look_through(full[-1])
    for one in found:
        if one.name == wanted:
            return one, _look_through(one)
    for one in found:
        if not one.is_archive and one.is_full and (inventory := take_inventory(one)).identity == wanted:
            return one, inventory
    raise ExportProblem(f"There is no delivery {wanted!r}; there are: {', '.join(one.name for one in found)}.")


def _look_through(chosen: Delivery) -> Inventory:
    if not chosen.is_full:
        _refuse_partial(chosen)
    if chosen.is_archive:
        raise ExportProblem(
            f"The delivery {chosen.name} is packed. Unpack it into a folder beside it and remove it from here."
        )
    if not chosen.data_files():
        raise ExportProblem(
            f"The delivery {chosen.name} holds a workbook and no CSV files. Save each sheet as CSV (UTF-8)."
        )
    return take_inventory(chosen)


def _refuse_partial(partial: Delivery) -> None:
    raise ExportProblem(
        f"The delivery {partial.name} is partial (mode delta): it never proves a removal and cannot be landed alone."
        " Ask the practice for a full export, or take the partial one out of the folder of exports."
    )
