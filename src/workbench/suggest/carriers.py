"""Carrier spellings on a pick-list or the shipped US dental payers, with a confidence and the reason; none told apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from rapidfuzz.distance import OSA

from workbench.dental.payers import Payer, known_payers, words
from workbench.suggest.lexicon import Anchors, States, Window, make_anchors, telling_windows
from workbench.suggest.names import (
    Neighbours,
    Slip,
    abbreviates,
    is_sure_slip,
    is_two_words,
    name_groups,
    normal,
    one_answers,
    spell_right,
    unknown_words,
)
from workbench.suggest.readings import Reading, is_between_states, is_fused, read_spelling, tokens
from workbench.suggest.suggestion import AS_TEXT, AS_WORDS, NEVER, SAID, Candidate, Strength, Suggestion, weigh_payer_id
from workbench.vocabulary import Decision

MOST = 3
LEAST = 0.25
"""Below it a payer is not worth reading."""
STRANGE = 0.45
"""Below it a spelling is nearer to spellings like it than to any payer."""
SURE = 0.95
OFF_LIST_AT_MOST = 0.9


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
    split = {one: tokens(one) for one in asked}
    unknown = {word for found in split.values() for word in found if word not in known and not is_fused(word)}
    slips = spell_right(unknown, known, words().plan | words().brand)
    matcher = Matcher(anchors, slips, one_answers(decided or {}))
    readings = {one: read_spelling(one, matcher.fixes) for one in split}
    ranked = {one: matcher.rank(one, reading) for one, reading in readings.items()}
    made = {
        one: _suggestion(one, readings[one], found, is_open=bool(found) and matcher.names_no_member(found[0].value))
        for one, found in ranked.items()
    }
    rest = [
        one for one, found in ranked.items() if readings[one].words and (not found or found[0].confidence < STRANGE)
    ]
    keys = {one: ("".join(sorted(readings[one].states)), readings[one].key[0]) for one in rest}
    for one, (name, size) in name_groups(keys, (one for one in rest if not readings[one].notes)).items():
        why = f"{size} spellings are alike, and no known payer is near; a new value"
        made[one] = Suggestion(one, (Candidate(name, 0.5, why), *made[one].candidates)[:MOST], "carrier")
    return [made[one] for one in asked]


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


class Matcher:
    """Ranks the anchors of a list for readings; what it found for a reading serves every spelling that reads so."""

    def __init__(self, anchors: Anchors, slips: Mapping[str, Slip], answers: Mapping[str, str]) -> None:
        self.anchors, self.slips, self.answers = anchors, slips, answers
        self.at = anchors.anchors
        self.known = anchors.vocabulary | words().plan
        self.fixes = {word: one.meant for word, one in slips.items()}
        self.values = {one.value: place for place, one in enumerate(anchors.anchors) if one.is_listed}
        self.by_id: dict[str, set[int]] = defaultdict(set)
        for place, one in enumerate(anchors.anchors):
            for number in one.payer_ids:
                self.by_id[number].add(place)
        self.neighbours = Neighbours(one.reading.key[0] for one in anchors.forms if len(one.reading.key[0]) > 3)
        self.seen: dict[Reading, dict[int, tuple[float, str]]] = {}

    def names_no_member(self, value: str) -> bool:
        """Say whether a value of the list stands for a family whose member nobody wrote down."""
        return value in self.values and self.at[self.values[value]].is_unspecified

    def rank(self, spelling: str, reading: Reading) -> list[Candidate]:
        """Return candidates for a spelling, the surest first; none where it names no carrier."""
        if spelling in self.values:
            return [Candidate(spelling, 1.0, "equal")]
        if answer := self.answers.get(normal(spelling)):
            return [Candidate(answer, 0.98, "decided so before, but for case and punctuation")]
        found = dict(self._as_text(spelling))
        if not found and is_between_states(reading):
            return []
        if reading.kind == "carrier" or found:
            if reading not in self.seen:
                self.seen[reading] = self._as_read(reading)
            for place, (confidence, reason) in self.seen[reading].items():
                if confidence > found.get(place, (0.0, ""))[0]:
                    found[place] = (confidence, reason)
        return self._candidates(found)

    def _as_text(self, spelling: str) -> Iterable[tuple[int, tuple[float, str]]]:
        key = normal(spelling)
        if not key or key not in self.anchors.by_text:
            return
        strength, places = self.anchors.firmest(self.anchors.by_text[key])
        confidence = AS_TEXT[strength] if len(key) > 2 or strength < Strength.KNOWN else 0.9
        reason = "equal but for case, punctuation and blanks" if strength == Strength.NAME else SAID[strength]
        for place in places:
            yield place, (confidence, reason) if len(places) == 1 else (0.6, f"{reason}, as of {len(places) - 1} more")

    def _as_read(self, reading: Reading) -> dict[int, tuple[float, str]]:
        found: dict[int, tuple[float, str]] = {}

        def put(place: int, confidence: float, reason: str) -> None:
            if confidence > found.get(place, (0.0, ""))[0]:
                found[place] = (confidence, reason)

        for places, confidence, reason in (*self._same_words(reading), *self._contained(reading)):
            for place in places:
                put(place, confidence if len(places) == 1 else min(confidence, 0.6), reason)
        best = max((one for one, _ in found.values()), default=0.0)
        if best < 0.9:
            for place, confidence, reason in (*self._near(reading), *self._shortened(reading)):
                put(place, confidence, reason)
        if reading.fixed:
            sure = all(is_sure_slip(self.slips[typed], reading, self.known) for typed, _ in reading.fixed)
            limit = 0.96 if sure else 0.93 if len(reading.key[0]) > 4 else 0.8
            found = {
                place: (min(confidence, limit), f"a slip of the keyboard in {reason}")
                for place, (confidence, reason) in found.items()
            }
        if reading.doubt:
            found = {place: (min(one, 0.85), f"{why}; {reading.doubt}") for place, (one, why) in found.items()}
        return self._by_number(reading, found)

    def _same_words(self, reading: Reading) -> Iterable[tuple[set[int], float, str]]:
        joined, states = reading.key
        aside = f" once {' and '.join(dict.fromkeys(reading.notes))} is set aside" if reading.notes else ""
        bag = self.anchors.by_bag.get(("".join(sorted(reading.words)), states))
        same = self.anchors.by_words.get(joined, {}).get(states)
        for forms, less, how in ((same, 0.0, ""), (bag, 0.005, " reordered")):
            if forms:
                strength, places = self.anchors.firmest(forms)
                short = 0.07 if strength >= Strength.KNOWN and len(joined) < 3 else 0.0
                yield places, AS_WORDS[strength] - less - short, f"{SAID[strength]}{how}, spelled out{aside}"

    def _contained(self, reading: Reading) -> Iterable[tuple[set[int], float, str]]:
        windows = self.anchors.windows(reading)
        firm = telling_windows([one for one in windows if one.relation >= States.FITS], reading)
        if firm:
            primary = min(firm, key=lambda one: (one.start, -one.end, -one.relation, one.strength, one.anchor))
            confidence, reason = self._leftover(reading, primary, firm)
            yield {primary.anchor}, confidence, reason
            if confidence >= SURE and not self.at[primary.anchor].is_unspecified:
                return
        for one in windows:
            if one.relation >= States.FITS:
                yield {one.anchor}, 0.45, "one of the carriers that it names"
            elif one.relation == States.OTHER_STATE:
                is_family = reading.words[one.start] in words().brand
                yield {one.anchor}, 0.25 if is_family else 0.4, "the name, of another state"
            elif one.relation == States.NO_STATE:
                yield {one.anchor}, 0.2, "a member of the same family; the state is not said"

    def _leftover(self, reading: Reading, primary: Window, firm: list[Window]) -> tuple[float, str]:
        """Judge what stands beside the words of the first carrier named: plan words, a sponsor, another carrier, unknown."""
        known, said = words(), SAID[primary.strength]
        covered = {place for one in firm if one.anchor == primary.anchor for place in range(one.start, one.end)}
        family = self.at[primary.anchor].family
        others = [
            one
            for one in firm
            if one.anchor != primary.anchor
            and not covered & {*range(one.start, one.end)}
            and not (self.at[one.anchor].is_unspecified and self.at[one.anchor].family == family)
        ]
        rest = [place for place in range(len(reading.words)) if place not in covered]
        left = [reading.words[place] for place in rest]
        form = reading.words[primary.start : primary.end]
        is_short = len("".join(form)) < 4
        confidence = min(AS_WORDS[primary.strength], 0.965)
        if is_short and reading.states - self.at[primary.anchor].states:
            return 0.88, f"{said}, and a state"
        if not left:
            return confidence, f"{said}, spelled out"
        if any(len("".join(reading.words[one.start : one.end])) > 2 for one in others):
            return 0.86, f"{said} first, and another carrier beside it"
        unknown = unknown_words(left)
        if unknown:
            return (0.78 if primary.start == 0 else 0.6) - 0.08 * (len(unknown) - 1), f"{said}, with words nobody knows"
        before = reading.words[: primary.start]
        is_plain = form[0] in known.plain and (len(form) == 1 or primary.start > 0)
        aside = any(one not in known.plan for one in left)
        if is_plain and (aside or any(one in known.loose for one in left)):
            return min(confidence, 0.92), f"{said}, with words that may make it another's name"
        if before and (is_short or not known.lead.issuperset(before)) and (*before,) not in known.aside:
            return 0.88, f"{said}, behind other words"
        what = "a sponsor or place" if aside else "plan words"
        return confidence - 0.005 * (1 + aside), f"{said}, with {what} beside it"

    def _near(self, reading: Reading) -> Iterable[tuple[int, float, str]]:
        joined = reading.key[0]
        ranked: dict[int, int] = {}
        firm: set[int] = set()
        without = {joined.replace(one, "", 1) for one in reading.words}
        telling = "".join(one for one in reading.words if one not in words().plan) or joined
        for cosine, key in self.neighbours.near(joined):
            # Where a word was added, no key slipped: another word is another name.
            keys = OSA.distance(joined, key) if key not in without else len(joined)
            for form_states, held in self.anchors.by_words[key].items():
                strength, places = self.anchors.firmest(held)
                for place in places:
                    if strength <= Strength.KNOWN and key[0] == joined[0]:
                        firm.add(place)
                    is_free = not self.at[place].family and not form_states
                    relation = self.anchors.relation(reading, form_states, place)
                    if relation == States.EXACT or (is_free and relation == States.FITS):
                        ranked[place] = min(keys, ranked.get(place, 99))
                        yield place, round(0.2 + 0.3 * cosine, 3), "looks like it"
        order = sorted((keys, place) for place, keys in ranked.items())
        if order:
            keys, place = order[0]
            margin = order[1][0] - keys if len(order) > 1 else 9
            size = len(telling)
            is_split = any(len(one) > 3 and one not in self.fixes and one in words().ordinary for one in reading.words)
            if 0 < keys <= (1 if size < 9 else 2) and size > 5 and margin > 1:
                sure = place in firm and keys == 1 and size > 7 and margin > 2 and not is_split
                sure = sure and not is_two_words(joined, self.known)
                yield place, 0.955 if sure else 0.9, "a slip of the keyboard in the name"
            elif margin and keys * 4 <= size:
                yield place, 0.6, "near the name in spelling"

    def _shortened(self, reading: Reading) -> Iterable[tuple[int, float, str]]:
        found = {
            form.anchor
            for form in self.anchors.by_letter.get(reading.words[0][:1] if reading.words else "", ())
            if form.reading.states in (reading.states, frozenset()) and abbreviates(reading.words, form.reading.words)
        }
        if 0 < len(found) < 6:
            begins = any(len(one) > 2 for one in reading.words)
            for place in found:
                yield place, 0.72 if len(found) == 1 and begins else 0.4, "shortens the words of the name"
        initials = self.anchors.initials.get(reading.key[0], {}) if len(reading.words) == 1 else {}
        fewest = min(initials.values(), default=0)
        first = [place for place, added in initials.items() if added == fewest]
        for place in initials:
            yield place, 0.72 if first == [place] else 0.5 if place in first else 0.4, "the initials of the name"
        telling = [one for one in reading.words if one not in words().plan and one not in words().brand]
        for word in telling:
            holders = self.anchors.holders.get(word, set())
            if len(holders) == 1 and not (reading.states and self.at[min(holders)].is_unspecified):
                yield min(holders), 0.7 if len(telling) == 1 else 0.5, "no other name holds this word"

    def _by_number(self, reading: Reading, found: dict[int, tuple[float, str]]) -> dict[int, tuple[float, str]]:
        owners: set[int] = set()
        for number in reading.numbers:
            owners |= self.by_id.get(number.lstrip("0"), set())
        return weigh_payer_id(found, min(owners)) if found and len(owners) == 1 else found

    def _candidates(self, found: Mapping[int, tuple[float, str]]) -> list[Candidate]:
        made = []
        for place, (found_at, reason) in found.items():
            anchor = self.at[place]
            confidence, remark = found_at, "; it does not say which member" if anchor.is_unspecified else ""
            if not anchor.is_listed:
                confidence = min(confidence, OFF_LIST_AT_MOST) if confidence >= 0.75 else confidence * 0.6
                remark += "; a known payer that the list lacks"
            if confidence >= LEAST:
                made.append((-round(confidence, 3), not anchor.is_listed, anchor.value, reason + remark))
        return [Candidate(value, -less, reason) for less, _, value, reason in sorted(made)]
