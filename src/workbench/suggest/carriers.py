"""Carrier spellings on a pick-list or the shipped US dental payers, with a confidence and the reason; none told apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from workbench.carriers.lexicon import make_anchors
from workbench.carriers.places import is_fused, split_capitals
from workbench.carriers.readings import Reading, read_spelling
from workbench.carriers.slips import spell_right
from workbench.carriers.texts import normal, tokens
from workbench.dental.payers import Payer, known_payers, words
from workbench.suggest.matcher import MOST, STRANGE, SURE, Matcher
from workbench.suggest.names import name_groups, one_answers
from workbench.suggest.suggestion import NEVER, Candidate, Suggestion
from workbench.vocabulary import Decision


def suggest_carriers(
    spellings: Iterable[str],
    choices: Mapping[str, Iterable[str]] | None = None,
    *,
    payers: Sequence[Payer] | None = None,
    decided: Mapping[str, str] | None = None,
) -> list[Suggestion]:
    """Propose a payer for each spelling, out of `choices` or else the known payers, in the order of the spellings.

    `payers` are the known payers (the shipped ones, unless a practice extends them); `decided` gives the answers of
    earlier spellings, used where one differs in case and punctuation alone. Neither the order of the spellings nor that
    of the choices changes a proposal.
    """
    asked = list(spellings)
    anchors = make_anchors(choices, known_payers() if payers is None else payers)
    known = anchors.vocabulary | words().every
    right, common = known - words().abbreviated - words().short.keys(), words().common
    slips = spell_right(_unknown(asked, known), right, common)
    whole = known | slips.keys()
    typed = {one: split_capitals(one, whole) for one in asked}
    slips |= spell_right(_unknown((text for one, text in typed.items() if one != text), known), right, common)
    matcher = Matcher(anchors, slips, one_answers(decided or {}))
    readings = {one: read_spelling(text, matcher.fixes) for one, text in typed.items()}
    ranked = {one: matcher.rank(one, reading) for one, reading in readings.items()}
    made = {
        one: _suggestion(one, readings[one], found, is_open=bool(found) and matcher.names_no_member(found[0].value))
        for one, found in ranked.items()
    }
    rest = [
        one
        for one, found in ranked.items()
        if readings[one].words and (not found or (found[0].confidence < STRANGE and found[0].value in matcher.values))
    ]
    keys = {one: ("".join(sorted(readings[one].states)), readings[one].key[0]) for one in rest}
    for one, (name, size) in name_groups(keys, (one for one in rest if not readings[one].notes)).items():
        why = f"{size} spellings are alike, and no known payer is near; a new value"
        made[one] = Suggestion(one, (Candidate(name, 0.5, why), *made[one].candidates)[:MOST], "carrier")
    return [made[one] for one in asked]


def _unknown(texts: Iterable[str], known: AbstractSet[str]) -> set[str]:
    """Return the words that nobody knows; where a column cut a state's name off, its beginning is no slip of a word."""
    begun = {"".join(form)[:size] for form in words().states for size in range(4, 12)}
    found = {word for text in texts for word in tokens(text)}
    return {word for word in found if word not in known and word not in begun and not is_fused(word)}


def _suggestion(spelling: str, reading: Reading, ranked: list[Candidate], *, is_open: bool) -> Suggestion:
    if ranked:
        # A list that holds "Delta Dental" itself is answered by it; what stands for "nobody said which" is not.
        threshold = NEVER if is_open and normal(spelling) != normal(ranked[0].value) else SURE
        return Suggestion(spelling, tuple(ranked[:MOST]), "carrier", threshold=threshold)
    if reading.kind == "not_a_carrier":
        confidence = 0.97 if not reading.fixed else 0.9
        said = Candidate("", confidence, f"says that there is no carrier: {reading.label.replace('_', ' ')}")
        return Suggestion(spelling, (said,), reading.kind, Decision.BLANK)
    return Suggestion(spelling, (), reading.kind)
