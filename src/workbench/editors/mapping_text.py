"""The text of a mapping file with one change: what people wrote around it, order and comments, stays as it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from typing import Any, cast

import tomlkit
from tomlkit.items import Item

Spec = Mapping[str, Any]
"""What fills one field, as a mapping file says it: `{"from": "city", "via": "text"}`."""
Table = MutableMapping[str, Any]


def fill_field(text: str, section: str, name: str, spec: Spec) -> str:
    """Return the text with a field or lookup filled by `spec`; a comment beside it stays."""
    document = tomlkit.parse(text)
    table = _section(document, section)
    made = tomlkit.parse(f"made = {_inline(spec)}\n")["made"]
    if name in table:
        old, new = cast(Item, table[name]).trivia, cast(Item, made).trivia
        new.comment_ws, new.comment = old.comment_ws, old.comment
    table[name] = made
    return tomlkit.dumps(document)


def leave_out(text: str, column: str, reason: str) -> str:
    """Return the text with a source column ignored for a reason."""
    document = tomlkit.parse(text)
    _section(document, "ignored")[column] = reason
    return tomlkit.dumps(document)


def take_out(text: str, column: str) -> tuple[str, list[str]]:
    """Return the text in which no field, lookup or reason speaks of a column any more, and the fields that are gone.

    A field that has other columns keeps them.
    """
    document = tomlkit.parse(text)
    gone = []
    for section in ("fields", "lookups"):
        table = _section(document, section) if section in document else {}
        for name, spec in list(table.items()):
            columns = listed(spec.get("from", ())) if isinstance(spec, Mapping) else []
            if column not in columns:
                continue
            left = [one for one in columns if one != column]
            if left:
                spec["from"] = left[0] if len(left) == 1 else left
            else:
                del table[name]
                gone.append(name)
    if "ignored" in document:
        _section(document, "ignored").pop(column, None)
    return tomlkit.dumps(document), gone


def define_field(text: str, name: str, label: str, type_: str) -> str:
    """Return a file of custom fields with one more at its end, the first to be given up when the plan is short."""
    body = f"[{name}]\nlabel = {_value(label)}\ntype = {_value(type_)}\nrank = {_value('nice')}\n"
    return f"{text.rstrip()}\n\n{body}"


def undefine_field(text: str, name: str) -> str:
    """Return a file of custom fields without one of them."""
    document = tomlkit.parse(text)
    document.pop(name, None)
    return tomlkit.dumps(document).rstrip() + "\n"


def listed(found: Any) -> list[str]:
    """Return the columns that `from` names, one or several."""
    return [str(one) for one in found] if isinstance(found, list | tuple) else [str(found)]


def _section(document: tomlkit.TOMLDocument, name: str) -> Table:
    if name not in document:
        document[name] = tomlkit.table()
    return cast(Table, document[name])


def _inline(spec: Spec) -> str:
    return "{ " + ", ".join(f"{key} = {_value(value)}" for key, value in spec.items()) + " }"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return _inline(value)
    # JSON's texts, lists of texts and booleans are TOML's.
    return json.dumps(value, ensure_ascii=False)
