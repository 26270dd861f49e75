"""One canonical text for a value of each kind; fingerprints, delta and reconciliation all compare in it."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

import orjson

TAG = re.compile(r"<[^>]*>")
BLANKS = re.compile(r"\s+")


class Form(StrEnum):
    """What kind of value a destination field holds."""

    TEXT = "text"
    RICH = "rich"
    MONEY = "money"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"
    LIST = "list"


def canonical(form: Form, value: Any) -> str | None:
    """Return the one text that two equal values share; None for anything empty.

    Times become UTC to the second, money loses trailing zeros, rich text loses its tags, blanks fold to one.
    """
    if value is None or value in ("", []):
        return None
    match form:
        case Form.TEXT:
            return BLANKS.sub(" ", str(value)).strip() or None
        case Form.RICH:
            return plain(str(value)) or None
        case Form.MONEY | Form.NUMBER:
            return _number(value)
        case Form.BOOLEAN:
            return "true" if str(value).lower() in ("true", "1", "yes") else "false"
        case Form.DATE:
            return str(value)[:10]
        case Form.TIME:
            return _moment(str(value))
        case Form.LIST:
            return _listed(value)


def plain(text: str) -> str:
    """Return the words of a rich text: tags cut, entities decoded, blanks folded."""
    return BLANKS.sub(" ", html.unescape(TAG.sub(" ", text)).replace(" ", " ")).strip()


def _number(value: Any) -> str:
    try:
        number = Decimal(str(value)).normalize()
    except InvalidOperation:
        return str(value)
    return f"{number:f}" if number else "0"


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _listed(value: Any) -> str:
    items = orjson.loads(value) if isinstance(value, str) else value
    return "|".join(sorted(orjson.dumps(item, option=orjson.OPT_SORT_KEYS).decode() for item in items))
