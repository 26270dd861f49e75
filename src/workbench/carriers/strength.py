"""How firmly a form of a name stands for its carrier, in words and as the share that was right."""

from __future__ import annotations

from enum import IntEnum


class Strength(IntEnum):
    """How firmly a form stands for a value: its own name, an alias of the list, a known one, fewer words, one of several."""

    NAME = 0
    GIVEN = 1
    KNOWN = 2
    SHORTENED = 3
    DOUBTFUL = 4


AS_TEXT: dict[int, float] = {
    Strength.NAME: 0.98,
    Strength.GIVEN: 0.975,
    Strength.KNOWN: 0.97,
    Strength.SHORTENED: 0.9,
    Strength.DOUBTFUL: 0.8,
}
"""The confidence of a spelling that equals a form but for case and punctuation: the share that was right, rounded down."""
AS_WORDS: dict[int, float] = {
    Strength.NAME: 0.975,
    Strength.GIVEN: 0.97,
    Strength.KNOWN: 0.965,
    Strength.SHORTENED: 0.92,
    Strength.DOUBTFUL: 0.8,
}
"""The same where short forms had to be spelled out, or something set aside."""
SAID: dict[int, str] = {
    Strength.NAME: "the name",
    Strength.GIVEN: "a short form of the list",
    Strength.KNOWN: "a known short form",
    Strength.SHORTENED: "the name's first words",
    Strength.DOUBTFUL: "a short form that others share",
}
