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
        pytest.param("Straße Ø", "o strasse", id="letters that Unicode does not take apart"),
        pytest.param(" - ", "", id="only marks"),
    ],
)
def test_a_fingerprint_is_openrefines(text: str, key: str) -> None:
    assert fingerprint(text) == key


def test_an_ngram_fingerprint_sees_through_blanks() -> None:
    assert ngram_fingerprint("Paris") == "arispari"
    assert ngram_fingerprint("Met Life") == ngram_fingerprint("MetLife")
    assert ngram_fingerprint("A") == ""


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
