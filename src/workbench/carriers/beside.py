"""What stands beside a carrier's name in a spelling: plan words, a remark, a sponsor or place, another carrier, unknown words."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.carriers.lexicon import Anchor, Window
from workbench.carriers.readings import Reading
from workbench.carriers.slips import unknown_words
from workbench.carriers.strength import AS_WORDS, SAID, Strength
from workbench.dental.payers import words

RELATED = frozenset(
    {
        "network",
        "networks",
        "net",
        "formerly",
        "fka",
        "subsidiary",
        "parent",
        "affiliate",
        "tpa",
        "administers",
        "admin",
    }
    | {"employees", "employee", "emp", "emps", "retirees", "members", "co", "company", "owns", "owned", "underwritten"}
)
"""Words of a remark that say what another carrier in it is to the one that is named first."""
INSTEAD = frozenset(
    {"now", "via", "thru", "through", "use", "see", "bought", "became", "replaced", "switched", "changed"}
)
"""Words that say that what is named first may not be the carrier."""


def names_city(reading: Reading, primary: Window) -> bool:
    """Say whether a city that is known with its state stands beside a name."""
    rest = (*reading.words[: primary.start], *reading.words[primary.end :])
    return any(rest[place : place + size] in words().cities for place in range(len(rest)) for size in (1, 2, 3))


def judge_rest(anchors: Sequence[Anchor], reading: Reading, primary: Window, firm: list[Window]) -> tuple[float, str]:
    """Judge what stands beside the words of the first carrier named: plan words, a sponsor, another carrier, unknown."""
    known, said = words(), SAID[primary.strength]
    covered = {place for one in firm if one.anchor == primary.anchor for place in range(one.start, one.end)}
    family = anchors[primary.anchor].family
    others = [
        one
        for one in firm
        if one.anchor != primary.anchor
        and not covered & {*range(one.start, one.end)}
        and not (anchors[one.anchor].is_unspecified and anchors[one.anchor].family == family)
    ]
    rest = [place for place in range(len(reading.words)) if place not in covered]
    left = [reading.words[place] for place in rest]
    form = reading.words[primary.start : primary.end]
    is_short = len("".join(form)) < 4
    confidence = min(AS_WORDS[primary.strength], 0.965)
    if is_short and reading.states - anchors[primary.anchor].states:
        return 0.88, f"{said}, and a state"
    if not left:
        return confidence, f"{said}, spelled out"
    is_apart = primary.start == 0 and primary.end <= reading.apart <= min(rest)
    if others := [one for one in others if len("".join(reading.words[one.start : one.end])) > 2]:
        about = reading.remark & RELATED or not any(
            anchors[one.anchor].is_listed or anchors[one.anchor].family for one in others
        )
        in_remark = is_apart and min(one.start for one in others) >= reading.apart
        if about and in_remark and not reading.remark & INSTEAD:
            return min(confidence, 0.955), f"{said}, and a remark about another carrier beside it"
        return 0.9 if primary.strength < Strength.KNOWN else 0.86, f"{said} first, and another carrier beside it"
    unknown = unknown_words(left)
    is_firm = primary.strength <= Strength.KNOWN and not is_short and len(form[0]) > 3
    if unknown:
        is_remark = is_apart and is_firm and not reading.remark & INSTEAD
        return _with_unknown(
            len(unknown), confidence, said, form, reading, is_remark=is_remark, leads=primary.start == 0
        )
    before = reading.words[: primary.start]
    is_plain = form[0] in known.plain and (len(form) == 1 or primary.start > 0)
    aside = any(one not in known.plan for one in left)
    if is_plain and (aside or any(one in known.loose for one in left)):
        return min(confidence, 0.8), f"{said}, with words that may make it another's name"
    if before and (is_short or not known.lead.issuperset(before)) and (*before,) not in known.aside:
        return 0.88, f"{said}, behind other words"
    what = "a sponsor or place" if aside else "plan words"
    return confidence - 0.005 * (1 + aside), f"{said}, with {what} beside it"


def _with_unknown(
    many: int, confidence: float, said: str, form: tuple[str, ...], reading: Reading, *, is_remark: bool, leads: bool
) -> tuple[float, str]:
    """Judge words that nobody knows beside a name: in a remark they are an employer or a network, else perhaps the name's."""
    if is_remark:
        alone = len(form) == 1 and form[0] in words().plain and reading.bracket != reading.apart
        return min(confidence, 0.9 if alone else 0.955), f"{said}, and a remark beside it"
    return (0.945 if leads else 0.85) - 0.04 * (many - 1), f"{said}, with words nobody knows"
