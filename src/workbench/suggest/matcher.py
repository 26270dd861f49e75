"""Ranks the carriers of a list for a spelling as it was read: equal, spelled out, inside, near; how sure, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from rapidfuzz.distance import OSA

from workbench.carriers.beside import judge_rest, names_city
from workbench.carriers.lexicon import Anchors, States, is_loose, telling_windows
from workbench.carriers.names import FAMILY_WORDS
from workbench.carriers.readings import Reading, is_between_states
from workbench.carriers.slips import Slip, abbreviates, is_sure_slip, is_two_words
from workbench.carriers.strength import AS_TEXT, AS_WORDS, SAID, Strength
from workbench.carriers.texts import normal
from workbench.dental.payers import words
from workbench.suggest.names import Neighbours
from workbench.suggest.suggestion import Candidate

MOST = 3
LEAST = 0.25
"""Below it a payer is not worth reading."""
STRANGE = 0.45
"""Below it a spelling is nearer to spellings like it than to any payer."""
SURE = 0.95
MEANT = frozenset({"now", "via", "thru"})
"""Words before the carrier that is meant."""
OFF_LIST_AT_MOST, BESIDE_IT = 0.35, 0.6
"""What is left of a known payer that the list lacks, since nobody can choose it, and of what only looks like the spelling then."""


class Matcher:
    """Ranks the anchors of a list for readings; what it found for a reading serves every spelling that reads so."""

    def __init__(self, anchors: Anchors, slips: Mapping[str, Slip], answers: Mapping[str, str]) -> None:
        self.anchors, self.slips, self.answers = anchors, slips, answers
        self.at = anchors.anchors
        self.known = anchors.vocabulary | words().plan
        self.fixes = {word: one.meant for word, one in slips.items()}
        self.values = {one.value: place for place, one in enumerate(anchors.anchors) if one.is_listed}
        self.loose = {place for place, one in enumerate(anchors.anchors) if is_loose(one)}
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
        for places, confidence, reason in (*self._only_member(reading), *self._by_city(reading)):
            for place in places:
                put(place, confidence, reason)
        best = max((one for one, _ in found.values()), default=0.0)
        if best < 0.9:
            for place, confidence, reason in (*self._near(reading), *self._shortened(reading)):
                put(place, confidence, reason)
        if reading.fixed:
            sure = all(is_sure_slip(self.slips[typed], reading, self.known) for typed, _ in reading.fixed)
            limit = 0.96 if sure else 0.945 if len(reading.key[0]) > 4 else 0.8
            found = {
                place: (min(confidence, limit), f"a slip of the keyboard in {reason}")
                for place, (confidence, reason) in found.items()
            }
        if not reading.is_company and not reading.states:
            found |= {place: (min(found[place][0], 0.8), found[place][1]) for place in self.loose & found.keys()}
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

    def _only_member(self, reading: Reading) -> Iterable[tuple[set[int], float, str]]:
        """The one member of a family that the list has in a state, where the words say no more than family and state."""
        family = {FAMILY_WORDS[one] for one in reading.words if one in FAMILY_WORDS}
        rest = [one for one in reading.words if one not in FAMILY_WORDS and one not in words().plan]
        if len(family) == 1 and len(reading.states) == 1 and not rest:
            held = {
                place
                for place, one in enumerate(self.at)
                if {one.family} == family and one.is_listed and reading.states <= one.states
            }
            if len(held) == 1:
                yield held, 0.9, "the only one of its family in the state"

    def _by_city(self, reading: Reading) -> Iterable[tuple[set[int], float, str]]:
        """What the words name in the state of a city beside a family's name: a person has to look."""
        if reading.states or words().families.isdisjoint(reading.words):
            return
        for size in (3, 2, 1):
            for start in range(1, len(reading.words) - size + 1):
                state = words().cities.get(reading.words[start : start + size])
                if state:
                    less = (*reading.words[:start], *reading.words[start + size :])
                    there = replace(reading, words=less, states=frozenset({state}))
                    for places, confidence, reason in (*self._same_words(there), *self._contained(there)):
                        yield places, min(confidence, 0.92) - 0.05 * (confidence < 0.9), f"{reason}, by its city"
                    return

    def _contained(self, reading: Reading) -> Iterable[tuple[set[int], float, str]]:
        windows = self.anchors.windows(reading)
        firm = telling_windows([one for one in windows if one.relation >= States.FITS], reading)
        if firm:
            primary = min(firm, key=lambda one: (one.start, -one.end, -one.relation, one.strength, one.anchor))
            confidence, reason = judge_rest(self.at, reading, primary, firm)
            if self.at[primary.anchor].is_unspecified and names_city(reading, primary):
                confidence = 0.7
            later = next((one for one in firm if {*reading.words[primary.end : one.start]} & MEANT), None)
            if later and later.anchor != primary.anchor:
                yield {later.anchor}, 0.82, f"{SAID[later.strength]}, said to be meant instead"
                confidence = min(confidence, 0.8)
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

    def _near(self, reading: Reading) -> Iterable[tuple[int, float, str]]:
        joined = reading.key[0]
        ranked: dict[int, int] = {}
        firm: set[int] = set()
        without = {joined.replace(one, "", 1) for one in reading.words}
        telling = "".join(one for one in reading.words if one not in words().common) or joined
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
                yield place, 0.9, "near the name in spelling"

    def _shortened(self, reading: Reading) -> Iterable[tuple[int, float, str]]:
        found = {
            form.anchor
            for form in self.anchors.by_letter.get(reading.words[0][:1] if reading.words else "", ())
            if form.reading.states in (reading.states, frozenset()) and abbreviates(reading.words, form.reading.words)
        }
        if 0 < len(found) < 6:
            begins = any(len(one) > 2 for one in reading.words)
            for place in found:
                yield place, 0.93 if len(found) == 1 and begins else 0.4, "shortens the words of the name"
        initials = self.anchors.initials.get(reading.key[0], {}) if len(reading.words) == 1 else {}
        fewest = min(initials.values(), default=0)
        first = [place for place, added in initials.items() if added == fewest]
        for place in initials:
            yield place, 0.85 if first == [place] else 0.5 if place in first else 0.4, "the initials of the name"
        telling = [
            one for one in reading.words if one not in words().common and one not in words().legal and len(one) > 2
        ]
        for word in telling:
            holders = self.anchors.holders.get(word, set())
            if len(holders) == 1 and not (reading.states and self.at[min(holders)].is_unspecified):
                yield min(holders), 0.7 if len(telling) == 1 else 0.6, "no other name holds this word"

    def _by_number(self, reading: Reading, found: dict[int, tuple[float, str]]) -> dict[int, tuple[float, str]]:
        owners: set[int] = set()
        for number in reading.numbers:
            owners |= self.by_id.get(number.lstrip("0"), set())
        return weigh_payer_id(found, min(owners)) if found and len(owners) == 1 else found

    def _candidates(self, found: Mapping[int, tuple[float, str]]) -> list[Candidate]:
        lacks = any(one >= 0.9 and not self.at[place].is_listed for place, (one, _) in found.items())
        made = []
        for place, (found_at, reason) in found.items():
            anchor = self.at[place]
            confidence, remark = found_at, "; it does not say which member" if anchor.is_unspecified else ""
            if not anchor.is_listed:
                confidence = min(confidence, OFF_LIST_AT_MOST) if confidence >= 0.75 else confidence * 0.6
                remark += "; a known payer that the list lacks"
            elif lacks and confidence < STRANGE:
                confidence *= BESIDE_IT
            if confidence >= LEAST:
                made.append((-round(confidence, 3), not anchor.is_listed, anchor.value, reason + remark))
        return [Candidate(value, -less, reason) for less, _, value, reason in sorted(made)]


def weigh_payer_id(found: Mapping[int, tuple[float, str]], owner: int) -> dict[int, tuple[float, str]]:
    """Weigh a payer id that stands in a spelling: it confirms the payer whose it is, and puts every other in doubt."""
    weighed = {
        place: (min(confidence, 0.85), f"{reason}; the payer id is another's")
        for place, (confidence, reason) in found.items()
    }
    if owner in found:
        confidence, reason = found[owner]
        weighed[owner] = (0.97 if confidence >= 0.78 else max(confidence, 0.86), f"{reason}; same payer id")
    else:
        weighed[owner] = (0.84, "its payer id")
    return weighed
