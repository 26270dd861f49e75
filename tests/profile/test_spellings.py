"""Keys and likeness by which spellings fall together; the group is the place of its first, never what was typed."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from rapidfuzz import fuzz

from workbench.profile.spellings import fingerprint, group_by_key, group_neighbours, join_places, ngram_fingerprint


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param("Dental, Delta  DELTA", "delta dental", id="words, once each, sorted"),
        pytest.param("Société Générale", "generale societe", id="accents"),
        pytest.param("Straße Ø", "oe strasse", id="letters that Unicode does not take apart"),
        pytest.param("D`Angelo^ aʾplan", "aplan dangelo", id="modifiers that stand for themselves"),
        pytest.param("A+B $5 | x ™", "$5 TM a+b x |", id="symbols are no punctuation, and stay"),
        pytest.param("a/b c-d", "ab cd", id="slash and hyphen join"),
        pytest.param("one\x85two\x03", "one two", id="controls go, those that are blanks part"),
        pytest.param(" - ", "", id="only marks"),
    ],
)
def test_a_fingerprint_is_openrefines(text: str, key: str) -> None:
    assert fingerprint(text) == key


PUBLISHED = (
    ("the multi multi word test", "multi test the word"),
    (" école ÉCole ecoLe ", "ecole"),
    ("\tABC \t DEF ", "abc def"),
    ("bbb\taaa", "aaa bbb"),
    ("æø", "aeoe"),
    ("©ß", "css"),
    ("ÐðÞþǷƿ", "ddththww"),
    ("ﬀﬁﬂﬃﬅﬆ", "fffiflffistst"),
    ("ĐđĦħıĸŁłĿŀŉŊŋØøŒœŦŧſ", "ddhhikllllnnnoeoeoeoetts"),
    ("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞß", "aaaaaaaeceeeeiiiidnooooooeuuuuythss"),
    ("ẖẗẘẙẚẛẜẝẞỆệ", "htwyasssssee"),
    ("a\t\nb\x0bc\x0cd\re\x85f\xa0g\u1680h\u2003i\u2028j\u2029k\u202fl\u205fm\u3000z", "a b c d e f g h i j k l m z"),
)
"""Cases that OpenRefine publishes with its keyer, some of its longer ones in part."""


@pytest.mark.parametrize(("text", "key"), PUBLISHED)
def test_a_fingerprint_is_openrefines_on_the_cases_that_it_publishes(text: str, key: str) -> None:
    assert fingerprint(text) == key


def test_an_ngram_fingerprint_sees_through_blanks() -> None:
    assert ngram_fingerprint("Paris") == "arispari"
    assert ngram_fingerprint("Met Life") == ngram_fingerprint("MetLife")
    assert ngram_fingerprint("A") == ""


@pytest.mark.parametrize(
    ("text", "size", "key"),
    [("hello", 1, "ehlo"), ("he!llo,. world", 1, "dehlorw"), ("\x01a, !b-c_d\xa0d\tz\x03", 3, "abcbcdcddddz")],
)
def test_an_ngram_fingerprint_is_openrefines_on_the_cases_that_it_publishes(text: str, size: int, key: str) -> None:
    assert ngram_fingerprint(text, size) == key


def test_spellings_of_one_key_share_the_place_of_the_first_and_no_key_shares_nothing() -> None:
    assert group_by_key(["Delta Dental", "?", "dental, delta", "Aetna", "!"], fingerprint) == [0, 1, 0, 3, 4]


def test_neighbours_are_joined_by_a_chain_whatever_the_order() -> None:
    chain = ["Guardian Life Dental", "Guardian Life Dentals", "Guardian Life Dentalsx", "Humana", "?"]
    assert fuzz.ratio(chain[0].lower(), chain[2].lower()) < 97.5 < fuzz.ratio(chain[0].lower(), chain[1].lower())
    assert group_neighbours(chain, least=97.5) == [0, 0, 0, 3, 4]
    assert group_neighbours(chain[::-1], least=97.5) == [0, 1, 2, 2, 2]


def test_blocks_of_about_one_length_lose_no_pair() -> None:
    rng = Random(7)
    forms = ["delta dental", "delta dental of ohio", "metlife", "aetna dmo", "guardian", "cigna dental care"]
    texts = sorted(
        {
            (one := rng.choice(forms))[: rng.randrange(len(one))] + rng.choice("abc") + one[rng.randrange(len(one)) :]
            for _ in range(700)
        }
    )
    assert len(texts) > 500  # more than one block
    every = [
        (a, b) for b in range(len(texts)) for a in range(b) if fuzz.ratio(texts[a].strip(), texts[b].strip()) >= 90
    ]
    joined = join_places([tuple(np.array(every).T)], len(texts))
    assert len(set(joined)) < len(texts)
    assert [" ".join(one.split()) for one in texts] == [one.strip() for one in texts]
    assert group_neighbours(texts) == joined


def test_places_are_joined_with_the_first_however_the_pairs_come() -> None:
    rng = Random(11)
    for _ in range(200):
        count = rng.randrange(1, 30)
        pairs = [(rng.randrange(count), rng.randrange(count)) for _ in range(rng.randrange(count))]
        first = list(range(count))
        for _ in range(count):  # the plain way: the lesser number is told along each pair until nothing changes
            for one, other in pairs:
                first[one] = first[other] = min(first[one], first[other])
        cut = rng.randrange(len(pairs) + 1)
        parts = [np.array(part, dtype=int).reshape(-1, 2).T for part in (pairs[:cut], pairs[cut:])]
        assert join_places([tuple(part) for part in parts], count) == first
