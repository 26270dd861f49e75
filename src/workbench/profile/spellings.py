"""Count the spellings of insurance carriers on contacts and cases; put spellings together by a key, or by likeness."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rapidfuzz import fuzz, process

from workbench.privacy import PERSONAL, mask
from workbench.profile.source import as_read, open_snapshot

NEAR = 90
"""Two spellings are neighbours from this `fuzz.ratio` on, of 100."""
CHUNK = 500
LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "ø": "oe", "œ": "oe", "þ": "th", "©": "c", "ð": "d", "đ": "d", "ɖ": "d", "ƿ": "w"}
    | {"ħ": "h", "ı": "i", "ĸ": "k", "ł": "l", "ŋ": "n", "ŧ": "t", "ẜ": "s", "ẝ": "s"}
)
"""Letters that Unicode does not take apart, as OpenRefine 3 folds them (its FingerprintKeyer)."""
MODIFIERS, BLANKS = ("Lm", "Sk"), "\t\n\v\f\r\x85"
Pairs = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
SCHEMA = {"spelling": pl.String, "normal_form": pl.String, "may_show": pl.Boolean}


def profile_carriers(warehouse: Path) -> pl.DataFrame:
    """Return each carrier spelling with its records, normal form and group, most used first; write profile.spellings.

    Spellings that differ only in case, blanks and marks form a group, named by its most used one. What may hold
    personal data is shown by its shape; the table in the warehouse keeps it as typed.
    """
    with open_snapshot(warehouse) as store:
        contacts, cases = as_read(store, "contacts"), as_read(store, "cases")
        counts = store.frame(
            "SELECT spelling, count(*) FILTER (source = 'contact') AS contacts,"
            " count(*) FILTER (source = 'second') AS second,"
            " count(*) FILTER (source = 'case') AS cases, count(*) AS records FROM ("
            f" SELECT cf_insurance_carrier AS spelling, 'contact' AS source FROM {contacts}"
            f" UNION ALL SELECT cf_insurance_carrier_secondary, 'second' FROM {contacts}"
            f" UNION ALL SELECT cf_insurance_carrier, 'case' FROM {cases}"
            ") WHERE spelling IS NOT NULL GROUP BY 1"
        )
        read = [(text, normal_form(text), not PERSONAL.search(text)) for text in counts["spelling"].to_list()]
        frame = (
            counts.join(pl.DataFrame(read, schema=SCHEMA, orient="row"), on="spelling")
            .sort("records", "spelling", descending=[True, False])
            .with_columns(
                pl.col("spelling").first().over("normal_form").alias("group"),
                pl.col("spelling").len().over("normal_form").cast(pl.Int64).alias("group_spellings"),
                pl.col("records").sum().over("normal_form").alias("group_records"),
            )
        )
        store.write("profile.spellings", frame)
    hide = [
        pl.when("may_show").then(pl.col(name)).otherwise(pl.col(name).map_elements(mask, return_dtype=pl.String))
        for name in ("spelling", "normal_form", "group")
    ]
    return frame.with_columns(hide)


def group_carriers(spellings: pl.DataFrame) -> pl.DataFrame:
    """Return one row a group of spellings, most used first."""
    return (
        spellings.group_by("group", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("spellings"),
            pl.col("records").sum(),
            pl.col("contacts").sum(),
            pl.col("cases").sum(),
        )
        .sort("records", "group", descending=[True, False])
    )


def normal_form(text: str) -> str:
    """Fold what front desks type differently without meaning it: case, blanks, marks, "&" for "and"."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("&", " and ")
    return re.sub(r"[\W_]+", " ", folded).strip()


def fingerprint(text: str) -> str:
    """Return the key by which OpenRefine puts spellings together by default: its words without marks, sorted, once each."""
    return " ".join(sorted(set(_opened(text).split())))


def ngram_fingerprint(text: str, size: int = 2) -> str:
    """Return OpenRefine's n-gram key: the n-grams of the letters, sorted, once each; an empty key is no key."""
    letters = "".join(_opened(text).split())
    return "".join(sorted({letters[place : place + size] for place in range(len(letters) - size + 1)}))


def group_by_key(spellings: Sequence[str], keyer: Callable[[str], str]) -> list[int]:
    """Return for each spelling the place of the first with its key; its own where it has none, or stands alone."""
    first: dict[str, int] = {}
    return [first.setdefault(key, place) if (key := keyer(one)) else place for place, one in enumerate(spellings)]


def group_neighbours(spellings: Sequence[str], least: float = NEAR) -> list[int]:
    """Return for each spelling the place of the first that a chain of neighbours joins it with; its own where none does.

    Marks and case are set aside first. Each is compared with those of about its length: for any other the ratio is less.
    """
    texts = [" ".join(_opened(one).split()) for one in spellings]
    order = sorted((place for place, text in enumerate(texts) if text), key=lambda place: (len(texts[place]), place))
    return join_places(_near_pairs(texts, order, least), len(texts))


def join_places(pairs: Iterable[Pairs], count: int) -> list[int]:
    """Return for each of so many places the first that pairs join it with, however many lie between.

    Each item of `pairs` is two arrays of places, the ones beside the others.
    """
    head = np.arange(count)
    for ones, others in pairs:
        while not np.array_equal(head[ones], head[others]):
            least = np.minimum(head[ones], head[others])
            for places in (ones, others):
                np.minimum.at(head, head[places], least)
            while not np.array_equal(head, head[head]):
                head = head[head]
    return [int(one) for one in head]


def _near_pairs(texts: Sequence[str], order: Sequence[int], least: float) -> Iterator[Pairs]:
    """Yield the places of texts whose ratio is `least` or more; `order` names them, the shortest first."""
    lengths, places = [len(texts[place]) for place in order], np.array(order, dtype=np.int64)
    for start in range(0, len(order), CHUNK):
        stop = min(start + CHUNK, len(order))
        # 2 · shorter / (shorter + longer) is the most that a ratio can be.
        end = bisect_right(lengths, lengths[stop - 1] * (200 - least) / least)
        table = process.cdist(
            [texts[one] for one in order[start:stop]],
            [texts[one] for one in order[start:end]],
            scorer=fuzz.ratio,
            score_cutoff=least,
            dtype=np.float32,
        )
        ones, others = np.nonzero(table)
        yield places[start + ones], places[start + others]


def _opened(text: str) -> str:
    """Return a text as OpenRefine's keyers see it: small letters without accents, modifiers, punctuation and controls."""
    plain = unicodedata.normalize("NFKD", text.strip().lower())
    bare = "".join(
        one for one in plain if not "\u0300" <= one <= "\u036f" and unicodedata.category(one) not in MODIFIERS
    ).translate(LETTERS)
    kinds = ((one, unicodedata.category(one)) for one in bare)
    return "".join(one for one, kind in kinds if kind[0] != "P" and (kind != "Cc" or one in BLANKS))
