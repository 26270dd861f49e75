"""Carrier spellings on a pick-list or the shipped US dental payers, with a confidence and the reason; none told apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from rapidfuzz.distance import OSA

from workbench.suggest.lexicon import DOUBTFUL, GIVEN, KNOWN, NAME, SHORTENED, Anchors, Payer, known_payers, make_anchors
from workbench.suggest.names import Neighbours, Slip, gather_near, normal, spell_right
from workbench.suggest.readings import Reading, is_fused, read_spelling, tokens, words
from workbench.suggest.suggestion import Candidate, Suggestion
from workbench.vocabulary import Decision

MOST = 3
SURE = 0.95
AS_TEXT = {NAME: 0.98, GIVEN: 0.975, KNOWN: 0.97, SHORTENED: 0.9, DOUBTFUL: 0.8}
AS_WORDS = {NAME: 0.975, GIVEN: 0.97, KNOWN: 0.965, SHORTENED: 0.92, DOUBTFUL: 0.8}
SAID = {
    NAME: "the name",
    GIVEN: "a short form of the list",
    KNOWN: "a known short form",
    SHORTENED: "the name's first words",
    DOUBTFUL: "a short form that others share",
}
UNSPECIFIED_AT_MOST, OFF_LIST_AT_MOST, REVIEW_AT_MOST = 0.93, 0.9, 0.94
EXACT, FITS, OTHER_STATE, NO_STATE = 3, 2, 1, 0


@dataclass(frozen=True, order=True)
class Window:
    """Some words of a reading that are a form of an anchor; how its states and those of the form agree."""

    start: int
    end: int
    anchor: int
    strength: int
    relation: int


@cache
def shipped_payers() -> dict[str, tuple[str, ...]]:
    """Return the shipped payers with their aliases (payers.csv; names and short forms are facts)."""
    return {one.name: (*one.aliases, *one.doubtful) for one in known_payers()}


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
    slips = spell_right(unknown, known, words().plan | FAMILY)
    matcher = Matcher(anchors, slips, _answers(decided or {}))
    readings = {one: read_spelling(one, matcher.fixes) for one in split}
    ranked = {one: matcher.rank(one, reading) for one, reading in readings.items()}
    made = {one: _suggestion(one, readings[one], ranked[one]) for one in split}
    for one, candidate in _gathered(readings, made).items():
        made[one] = Suggestion(one, (candidate, *made[one].candidates)[:MOST], "carrier")
    return [made[one] for one in asked]


def _answers(decided: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, set[str]] = defaultdict(set)
    for spelling, answer in decided.items():
        if key := normal(spelling):
            found[key].add(answer)
    return {key: next(iter(answers)) for key, answers in found.items() if len(answers) == 1}


def _suggestion(spelling: str, reading: Reading, ranked: list[Candidate]) -> Suggestion:
    if ranked:
        return Suggestion(spelling, tuple(ranked[:MOST]), "carrier")
    if reading.kind == "not_a_carrier":
        confidence = 0.97 if not reading.fixed else 0.9
        said = Candidate("", confidence, f"says that there is no carrier: {reading.label.replace('_', ' ')}")
        return Suggestion(spelling, (said,), reading.kind, Decision.BLANK)
    return Suggestion(spelling, (), reading.kind)


def _gathered(readings: Mapping[str, Reading], made: Mapping[str, Suggestion]) -> dict[str, Candidate]:
    """Name a group of spellings that are alike and near no payer after its plainest member."""
    rest: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one, suggestion in made.items():
        best = suggestion.best
        if suggestion.kind == "carrier" and readings[one].words and (best is None or best.confidence < 0.45):
            joined, states = readings[one].key
            rest["".join(sorted(states))][joined].append(one)
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for states, keys in rest.items():
        for key, leader in gather_near(keys).items():
            groups[states, leader] += keys[key]
    found = {}
    for members in groups.values():
        plain = [one for one in members if not readings[one].notes]
        if plain and len(members) > 1:
            name = min(plain, key=lambda one: (one.isupper() or one.islower(), len(one), one))
            why = f"{len(members)} spellings are alike, and no known payer is near; a new value"
            found |= {one: Candidate(name, 0.5, why) for one in members}
    return found


class Matcher:
    """Ranks the anchors of a list for readings; what it found for a reading serves every spelling that reads so."""

    def __init__(self, anchors: Anchors, slips: Mapping[str, Slip], answers: Mapping[str, str]) -> None:
        self.anchors, self.slips, self.answers = anchors, slips, answers
        self.fixes = {word: one.meant for word, one in slips.items()}
        self.values = {one.value: place for place, one in enumerate(anchors.anchors) if one.is_listed}
        self.by_id: dict[str, set[int]] = defaultdict(set)
        for place, one in enumerate(anchors.anchors):
            for number in one.payer_ids:
                self.by_id[number].add(place)
        self.neighbours = Neighbours(one.reading.key[0] for one in anchors.forms if len(one.reading.key[0]) > 3)
        self.seen: dict[Reading, dict[int, tuple[float, str]]] = {}

    def rank(self, spelling: str, reading: Reading) -> list[Candidate]:
        """Return candidates for a spelling, the surest first; none where it names no carrier."""
        if spelling in self.values:
            return [Candidate(spelling, 1.0, "equal")]
        if answer := self.answers.get(normal(spelling)):
            return [Candidate(answer, 0.98, "decided so before, but for case and punctuation")]
        found = dict(self._as_text(spelling))
        if reading.kind == "carrier" or found:
            if reading not in self.seen:
                self.seen[reading] = self._as_read(reading)
            for place, (confidence, reason) in self.seen[reading].items():
                if confidence > found.get(place, (0.0, ""))[0]:
                    found[place] = (confidence, reason)
        return self._candidates(reading, found)

    def _as_text(self, spelling: str) -> Iterable[tuple[int, tuple[float, str]]]:
        key = normal(spelling)
        if not key or key not in self.anchors.by_text:
            return
        strength, places = self.anchors.firmest(self.anchors.by_text[key])
        confidence = AS_TEXT[strength] if len(key) > 2 or strength < KNOWN else 0.9
        reason = "equal but for case, punctuation and blanks" if strength == NAME else SAID[strength]
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
            sure = all(self._is_sure(self.slips[typed], reading) for typed, _ in reading.fixed)
            limit = 0.96 if sure else 0.93 if len(reading.key[0]) > 4 else 0.8
            found = {
                place: (min(confidence, limit), f"a slip of the keyboard in {reason}")
                for place, (confidence, reason) in found.items()
            }
        if reading.doubt:
            found = {place: (min(one, 0.85), f"{why}; {reading.doubt}") for place, (one, why) in found.items()}
        return self._by_number(reading, found)

    def _is_sure(self, slip: Slip, reading: Reading) -> bool:
        """A slip is sure by itself, or as one key in one of several words that together are a name."""
        common = words().plan | FAMILY
        others = any(one not in common and one != slip.meant for one in reading.words)
        together = slip.keys == 1 and len(reading.words) > 1 and len(reading.key[0]) > 8
        return slip.is_sure or (
            together and (slip.meant in common or (slip.margin > 0 and (others or len(slip.typed) > 5)))
        )

    def _same_words(self, reading: Reading) -> Iterable[tuple[set[int], float, str]]:
        joined, states = reading.key
        aside = f" once {' and '.join(dict.fromkeys(reading.notes))} is set aside" if reading.notes else ""
        bag = self.anchors.by_bag.get(("".join(sorted(reading.words)), states))
        for forms, less, how in ((self.anchors.by_words.get(joined, {}).get(states), 0.0, ""), (bag, 0.005, " reordered")):
            if forms:
                strength, places = self.anchors.firmest(forms)
                short = 0.07 if strength >= KNOWN and len(joined) < 3 else 0.0
                yield places, AS_WORDS[strength] - less - short, f"{SAID[strength]}{how}, spelled out{aside}"

    def _windows(self, reading: Reading) -> list[Window]:
        found, size, known = [], len(reading.words), words()
        for start in range(min(size, 12)):
            for end in range(start + 1, min(size, 12) + 1):
                part = reading.words[start:end]
                forms = self.anchors.by_words.get("".join(part))
                if forms is None:
                    continue
                for states, held in forms.items():
                    strength, places = self.anchors.firmest(held)
                    if len(places) == 1:
                        place = next(iter(places))
                        found.append(Window(start, end, place, strength, self._relation(reading, states, place)))
        return found

    def _relation(self, reading: Reading, states: frozenset[str], place: int) -> int:
        anchor = self.anchors.anchors[place]
        if states == reading.states:
            return EXACT
        if states:
            if reading.states and reading.states < states:
                return FITS
            return NO_STATE if not reading.states else OTHER_STATE
        if anchor.is_unspecified:
            return OTHER_STATE
        return FITS if not anchor.states or reading.states <= anchor.states else OTHER_STATE

    def _contained(self, reading: Reading) -> Iterable[tuple[set[int], float, str]]:
        windows = self._windows(reading)
        firm = _telling([one for one in windows if one.relation >= FITS], reading)
        if firm:
            primary = min(firm, key=lambda one: (one.start, -one.end, -one.relation, one.strength, one.anchor))
            yield {primary.anchor}, *self._leftover(reading, primary, firm)
        for one in windows:
            if one.relation >= FITS:
                yield {one.anchor}, 0.45, "one of the carriers that it names"
            elif one.relation == OTHER_STATE:
                yield {one.anchor}, 0.4 if reading.words[one.start] not in FAMILY else 0.25, "the name, of another state"
            elif one.relation == NO_STATE:
                yield {one.anchor}, 0.2, "a member of the same family; the state is not said"

    def _leftover(self, reading: Reading, primary: Window, firm: list[Window]) -> tuple[float, str]:
        """Judge what stands beside the words of the first carrier named: plan words, a sponsor, another carrier, unknown."""
        known, said = words(), SAID[primary.strength]
        covered = {place for one in firm if one.anchor == primary.anchor for place in range(one.start, one.end)}
        family = self.anchors.anchors[primary.anchor].family
        others = [
            one
            for one in firm
            if one.anchor != primary.anchor
            and not covered & {*range(one.start, one.end)}
            and not (self.anchors.anchors[one.anchor].is_unspecified and self.anchors.anchors[one.anchor].family == family)
        ]
        rest = [place for place in range(len(reading.words)) if place not in covered]
        left = [reading.words[place] for place in rest]
        form = reading.words[primary.start : primary.end]
        confidence = min(AS_WORDS[primary.strength], 0.965)
        if not left:
            return confidence, f"{said}, spelled out"
        if any(len("".join(reading.words[one.start : one.end])) > 2 for one in others):
            return 0.86, f"{said} first, and another carrier beside it"
        unknown = _unknown(left)
        if unknown:
            return (0.78 if primary.start == 0 else 0.6) - 0.08 * (len(unknown) - 1), f"{said}, with words nobody knows"
        if len(form) == 1 and form[0] in known.plain and any(one in known.loose for one in left):
            return min(confidence, 0.92), f"{said}, with words that may make it another's name"
        if primary.start and len("".join(form)) < 4:
            return 0.85, f"{said}, behind plan words"
        aside = any(one not in known.plan for one in left)
        return confidence - 0.005 * (1 + aside), f"{said}, with {'a sponsor or place' if aside else 'plan words'} beside it"

    def _near(self, reading: Reading) -> Iterable[tuple[int, float, str]]:
        joined, states = reading.key
        ranked: dict[int, int] = {}
        without = {joined.replace(one, "", 1) for one in reading.words}
        telling = "".join(one for one in reading.words if one not in words().plan) or joined
        for cosine, key in self.neighbours.near(joined):
            # Where a word was added, no key slipped: another word is another name.
            keys = OSA.distance(joined, key) if key not in without else len(joined)
            for form_states, held in self.anchors.by_words[key].items():
                _, places = self.anchors.firmest(held)
                for place in places:
                    family = self.anchors.anchors[place].family
                    fits = not family and not form_states and self._relation(reading, form_states, place) >= FITS
                    if form_states == states or fits:
                        ranked[place] = min(keys, ranked.get(place, 99))
                        yield place, round(0.2 + 0.3 * cosine, 3), "looks like it"
        order = sorted((keys, place) for place, keys in ranked.items())
        if order:
            keys, place = order[0]
            margin = order[1][0] - keys if len(order) > 1 else 9
            size = len(telling)
            if keys <= (1 if size < 9 else 2) and size > 5 and margin > 1:
                yield place, 0.955 if size > 7 and margin > 2 else 0.9, "a slip of the keyboard in the name"
            elif margin and keys * 4 <= size:
                yield place, 0.6, "near the name in spelling"

    def _shortened(self, reading: Reading) -> Iterable[tuple[int, float, str]]:
        found = {
            form.anchor
            for form in self.anchors.by_letter.get(reading.words[0][:1] if reading.words else "", ())
            if form.reading.states in (reading.states, frozenset()) and _abbreviates(reading.words, form.reading.words)
        }
        if 0 < len(found) < 6:
            for place in found:
                yield place, 0.72 if len(found) == 1 else 0.4, "shortens the words of the name"
        initials = self.anchors.initials.get(reading.key[0], {}) if len(reading.words) == 1 else {}
        fewest = min(initials.values(), default=0)
        first = [place for place, added in initials.items() if added == fewest]
        for place in initials:
            yield place, 0.72 if first == [place] else 0.5 if place in first else 0.4, "the initials of the name"
        telling = [one for one in reading.words if one not in words().plan and one not in FAMILY]
        for word in telling:
            holders = self.anchors.holders.get(word, set())
            if len(holders) == 1:
                yield min(holders), 0.7 if len(telling) == 1 else 0.5, "no other name holds this word"

    def _by_number(self, reading: Reading, found: dict[int, tuple[float, str]]) -> dict[int, tuple[float, str]]:
        """Weigh a payer id that stands in the spelling: it confirms its payer, and puts every other in doubt."""
        owners: set[int] = set()
        for number in reading.numbers:
            owners |= self.by_id.get(number.lstrip("0"), set())
        if len(owners) != 1 or not found:
            return found
        (owner,) = owners
        weighed = {}
        for place, (confidence, reason) in found.items():
            if place == owner:
                weighed[place] = (max(confidence, 0.97) if confidence >= 0.78 else confidence, f"{reason}; same payer id")
            else:
                weighed[place] = (min(confidence, 0.85), f"{reason}; the payer id is another's")
        weighed.setdefault(owner, (0.86, "its payer id"))
        return weighed

    def _candidates(self, reading: Reading, found: Mapping[int, tuple[float, str]]) -> list[Candidate]:
        made = []
        for place, (confidence, reason) in found.items():
            anchor = self.anchors.anchors[place]
            if anchor.is_unspecified:
                confidence, reason = min(confidence, UNSPECIFIED_AT_MOST), f"{reason}; it does not say which member"
            if not anchor.is_listed:
                confidence = min(confidence, OFF_LIST_AT_MOST) if confidence >= 0.6 else confidence * 0.7
                reason = f"{reason}; a known payer that the list lacks"
            made.append((-round(confidence, 3), not anchor.is_listed, anchor.value, reason))
        return [Candidate(value, -less, reason) for less, _, value, reason in sorted(made)]


FAMILY = frozenset(("deltadental", "bluecross", "blueshield", "medicaid", "blue", "cross", "shield", "delta", "dental"))


def _telling(firm: list[Window], reading: Reading) -> list[Window]:
    """Leave out forms made of plan words alone, unless they lead with two words, stand before a bracket, or are all."""
    plan = words().plan
    is_plan = {one: plan.issuperset(reading.words[one.start : one.end]) for one in firm}
    leading = [one for one in firm if one.start == 0 and (one.end > 1 or one.end == reading.bracket)]
    kept = [one for one in firm if not is_plan[one] or one in leading]
    return kept or [one for one in firm if one.start == 0]


def _unknown(left: Sequence[str]) -> list[str]:
    """Return the words that are neither plan words nor the name of a sponsor or a place."""
    known, place, found = words(), 0, []
    while place < len(left):
        size = next((one for one in (3, 2, 1) if tuple(left[place : place + one]) in known.aside), 0)
        if not size and left[place] not in known.plan and len(left[place]) > 1:
            found.append(left[place])
        place += size or 1
    return found


def _abbreviates(short: Sequence[str], full: Sequence[str]) -> bool:
    """Say whether short words shorten those of a name in order: each begins like its word, and holds letters of it."""
    if len(short) > len(full) or len(full) - len(short) > 1 or (len(short) == 1 and len(short[0]) < 3):
        return False
    return all(_begins(one, other) for one, other in zip(short, full, strict=False))


def _begins(short: str, full: str) -> bool:
    if not short or short[0] != full[0] or len(short) > len(full):
        return False
    letters = iter(full)
    return all(one in letters for one in short)
