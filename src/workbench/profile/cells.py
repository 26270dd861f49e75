"""Read the text of cells: distinct values of one column in, canonical text and the name of the rule out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

MONTH_FIRST, DAY_FIRST, SERIAL_1904 = "month first", "day first", "serial days of 1904"
DECIMAL_POINT, DECIMAL_COMMA = "decimal point", "decimal comma"
MIXED = "both orders"
NULL_WORDS = {"null", "n/a", "na", "none", "nil", "-", "--", "\\n", "."}
NO_TEXT = {"null", "n/a", "-", "--", "\\n"}
"""In plain text only these: "none" and "NA" may be values there, a plan or a name."""
NO_AMOUNT = {"tbd", "n/c"}
"""Words of the front desk for an amount that nobody knows yet; no amount is not zero (export reference §1.3)."""
ERROR_CELLS = {"#ref!", "#n/a", "#name?", "#value!", "#div/0!", "#null!", "#num!"}
EMPTY_DAYS = {"0001-01-01", "1900-01-00", "1900-01-01", "1899-12-30", "9999-12-31"}
"""Days that systems and spreadsheets write for none (export reference §0)."""
YES = {"y", "yes", "t", "true", "1", "-1", "x", "checked", "on"}
NO = {"n", "no", "f", "false", "0", "unchecked", "off"}
CURRENT_SERIALS = (20_000, 80_000)
"""Serial days from 1954 to 2119: another number in a column of dates is no day."""
LOST_TWO = {"PR", "VI"}
LOST_ONE = {"CT", "MA", "ME", "NH", "NJ", "RI", "VT", "AE", *LOST_TWO}
"""States whose postal codes start with zeros, which spreadsheets drop (export reference §4.3)."""

BLANKS = " \t\r\n\f\u00a0\u200b\ufeff"
TIME = r"(?:,?[T ]+(?P<h>\d{1,2}):(?P<i>\d{2})(?::(?P<s>\d{2})(?:\.\d+)?)?(?: *(?P<p>[AaPp])\.?[Mm]\.?)?)?"
YEAR_FIRST = rf"^(?P<y>\d{{4}})[-/.](?P<m>\d{{1,2}})[-/.](?P<d>\d{{1,2}}){TIME}$"
UNMARKED = r"^(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})$"
YEAR_LAST = rf"^(?P<a>\d{{1,2}})[-/.](?P<b>\d{{1,2}})[-/.](?P<y>\d{{4}}|\d{{2}}){TIME}$"
NAME_FIRST = rf"^(?P<n>[A-Za-z]{{3}})[a-z]*\.? +(?P<d>\d{{1,2}}),? +(?P<y>\d{{4}}){TIME}$"
NAME_SECOND = rf"^(?P<d>\d{{1,2}})[ -](?P<n>[A-Za-z]{{3}})[a-z]*\.?,?[ -](?P<y>\d{{4}}|\d{{2}}){TIME}$"
OFFSET = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$"
SERIAL = r"^\d{1,5}(?:\.\d+)?$"
NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True)
class Columnwise:
    """What is decided for a whole column: the order of its days or decimals, and why."""

    order: str
    why: str


def bare(value: pl.Expr) -> pl.Expr:
    """Take off what spreadsheets put around a text: blanks, the guards ="…" and '…, the escape _x000D_."""
    text = value.str.replace_all("_x000D_", "\r", literal=True).str.strip_chars(BLANKS)
    return text.str.replace(r'^="(.*)"$', "${1}").str.replace(r"^'([^']*)$", "${1}").str.strip_chars(BLANKS)


def read_texts(values: pl.DataFrame, column: Columnwise) -> pl.DataFrame:
    """Read plain text: guards go, error cells and N/A are empty, every other word stays as it is."""
    del column
    plain = pl.col("value").str.replace_all("_x000D_", "\r", literal=True)
    unguarded = plain.str.replace(r'^\s*="((?s).*)"\s*$', "${1}").str.replace(r"^'([0-9+=@-][^']*)$", "${1}")
    nothing = pl.col("bare").str.to_lowercase().is_in([*NO_TEXT, *ERROR_CELLS])
    return _told(values, [(nothing, pl.lit(None, pl.String), "stands for nothing")], unguarded, "spreadsheet guard")


def read_keys(values: pl.DataFrame, column: Columnwise) -> pl.DataFrame:
    """Read ids: blanks and guards go, a whole number loses its `.0`; an error cell is no id."""
    del column
    nothing = pl.col("bare").str.to_lowercase().is_in([*NULL_WORDS, *ERROR_CELLS, ""])
    whole = pl.col("bare").str.replace(r"^(\d+)\.0$", "${1}")
    return _told(values, [(nothing, pl.lit(None, pl.String), "stands for nothing")], whole, "blanks and guards")


def read_flags(values: pl.DataFrame, column: Columnwise) -> pl.DataFrame:
    """Read yes and no in all their spellings as Y and N; blank stays unknown, which is not no."""
    del column
    said = pl.col("bare").str.to_lowercase()
    rules = [
        (said.is_in([*NULL_WORDS, *ERROR_CELLS, ""]), pl.lit(None, pl.String), "stands for nothing"),
        (said.is_in(list(YES)), pl.lit("Y"), "yes"),
        (said.is_in(list(NO)), pl.lit("N"), "no"),
    ]
    return _told(values, rules)


def read_numbers(values: pl.DataFrame, column: Columnwise) -> pl.DataFrame:
    """Read amounts and counts as plain decimals, exactly as many places as typed; scientific notation is lost."""
    said = pl.col("bare").str.to_lowercase()
    text = said.str.replace_all(r"usd|\$|\s|\u00a0", "")
    negative = text.str.contains(r"^\(.*\)$|^-|-$")
    digits = text.str.replace(r"^\((.*)\)$", "${1}").str.replace(r"^-|-$", "")
    comma = column.order == DECIMAL_COMMA
    shape = r"^\d{1,3}(\.\d{3})+(,\d+)?$|^\d+(,\d+)?$" if comma else r"^\d{1,3}(,\d{3})+(\.\d*)?$|^\d+(\.\d*)?$|^\.\d+$"
    plain = digits.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True) if comma else digits
    plain = plain.str.replace_all(",", "", literal=True).str.strip_chars_end(".")
    number = pl.when(negative).then("-" + plain).otherwise(plain)
    rules = [
        (said.is_in([*NULL_WORDS, *NO_AMOUNT, *ERROR_CELLS, ""]), pl.lit(None, pl.String), "stands for nothing"),
        (digits.str.contains(shape), number, column.order),
    ]
    return _told(values, rules)


def read_zips(values: pl.DataFrame, column: Columnwise) -> pl.DataFrame:
    """Read postal codes; a lost zero comes back only in a state whose codes start with one (column `by`)."""
    del column
    code = pl.col("bare").str.replace(r"\.0$", "")
    state = pl.col("by").fill_null("").str.to_uppercase().str.strip_chars()
    rules = [
        (
            pl.col("bare").str.to_lowercase().is_in([*NULL_WORDS, *ERROR_CELLS, ""]),
            pl.lit(None, pl.String),
            "stands for nothing",
        ),
        (code.str.contains(r"^\d{5}(-\d{4})?$"), code, "spreadsheet guard"),
        (code.str.contains(r"^\d{4}(-\d{4})?$") & state.is_in(list(LOST_ONE)), "0" + code, "lost zero, by the state"),
        (code.str.contains(r"^\d{3}$") & state.is_in(list(LOST_TWO)), "00" + code, "lost zeros, by the state"),
        (code.str.contains(r"^5\d{2}$") & (state == "NY"), "00" + code, "lost zeros, by the state"),
        (code.str.contains(r"[A-Za-z]"), code, "as it stands"),
    ]
    return _told(values, rules)


def read_moments(values: pl.DataFrame, column: Columnwise, *, latest: date, is_birth: bool = False) -> pl.DataFrame:
    """Read days and times as `YYYY-MM-DD` or `YYYY-MM-DD HH:MM:SS`, local as typed; an offset stays with its time.

    Days and months follow the column's order, never a row's own. Two digits of a year mean a birth in the past, else
    a day up to twenty years after `latest`.
    """
    said = pl.col("bare").str.to_lowercase()
    first, second = (2, 1) if column.order == DAY_FIRST else (1, 2)
    made = []
    for pattern, month, day, rule in (
        (YEAR_FIRST, "m", "d", "year first"),
        (UNMARKED, "m", "d", "year first"),
        (YEAR_LAST, "ab"[first - 1], "ab"[second - 1], column.order),
        (NAME_FIRST, "n", "d", "month by name"),
        (NAME_SECOND, "n", "d", "month by name"),
    ):
        fits = pl.col("bare").str.contains(pattern)
        if pattern == YEAR_LAST and column.order == MIXED:
            # Both orders stand in the column: only a part above twelve says which one a value means.
            for part, way in ((2, MONTH_FIRST), (1, DAY_FIRST)):
                above = pl.col("bare").str.extract(pattern, part).cast(pl.Int32, strict=False) > 12
                names = ("a", "b") if way == MONTH_FIRST else ("b", "a")
                made.append((fits & above, _moment(pattern, *names, latest, is_birth=is_birth), way))
            continue
        made.append((fits, _moment(pattern, month, day, latest, is_birth=is_birth), rule))
    read = _told(
        values,
        [
            (said.is_in([*NULL_WORDS, *ERROR_CELLS, "", "0"]), pl.lit(None, pl.String), "stands for nothing"),
            (pl.col("bare").str.contains(OFFSET), pl.col("bare"), "as it stands"),
            *made,
            (pl.col("bare").str.contains(SERIAL), _serial(column, is_birth=is_birth), "serial day"),
            (
                pl.col("bare").str.contains(r"^0?0?[/.-]0?0?[/.-]0{2,4}$|^1900-01-00"),
                pl.lit(None, pl.String),
                "stands for nothing",
            ),
        ],
    )
    empty = pl.col("read").str.slice(0, 10).is_in(list(EMPTY_DAYS))
    return read.with_columns(
        pl.when(empty).then(pl.lit("stands for nothing")).otherwise(pl.col("rule")).alias("rule"),
        pl.when(empty).then(None).otherwise(pl.col("read")).alias("read"),
    )


def order_of_days(values: pl.DataFrame) -> tuple[int, int, int]:
    """Count records whose day can only be month first, only day first, or either."""
    parts = values.select(
        pl.col("bare").str.extract(YEAR_LAST, 1).cast(pl.Int32, strict=False).alias("a"),
        pl.col("bare").str.extract(YEAR_LAST, 2).cast(pl.Int32, strict=False).alias("b"),
        "records",
    ).drop_nulls()
    month = parts.filter((pl.col("a") <= 12) & (pl.col("b") > 12))["records"].sum()
    day = parts.filter((pl.col("a") > 12) & (pl.col("b") <= 12))["records"].sum()
    return int(month), int(day), int(parts["records"].sum()) - int(month) - int(day)


def order_of_decimals(values: pl.DataFrame) -> tuple[int, int]:
    """Count records whose decimals can only be marked by a point, or only by a comma."""
    text = pl.col("bare").str.to_lowercase().str.replace_all(r"usd|[$()\s-]", "")
    point = text.str.contains(r"^[\d,]*\.\d{1,2}$|^\d{1,3}(,\d{3})+\.\d+$")
    comma = text.str.contains(r"^\d{1,3}(\.\d{3})*,\d{1,2}$|^\d+,\d{1,2}$")
    return int(values.filter(point)["records"].sum()), int(values.filter(comma)["records"].sum())


def _told(
    values: pl.DataFrame,
    rules: list[tuple[pl.Expr, pl.Expr, str]],
    otherwise: pl.Expr | None = None,
    last: str | None = None,
) -> pl.DataFrame:
    """Add `read` and `rule` by the first rule that fits and yields; what no rule reads keeps its text and has no rule."""
    asked = values.with_columns(bare(pl.col("value")).alias("bare"))
    read, rule = (otherwise if otherwise is not None else pl.col("value")), pl.lit(last, pl.String)
    for fits, made, name in reversed(rules):
        yields = fits.fill_null(value=False) & (
            made.is_not_null() if name != "stands for nothing" else pl.lit(value=True)
        )
        read, rule = pl.when(yields).then(made).otherwise(read), pl.when(yields).then(pl.lit(name)).otherwise(rule)
    return asked.with_columns(read.alias("read"), rule.alias("rule"))


def _moment(pattern: str, month: str, day: str, latest: date, *, is_birth: bool) -> pl.Expr:
    found = pl.col("bare").str.extract_groups(pattern)
    groups = {name for name in "yabmdn" if f"(?P<{name}>" in pattern}
    typed = found.struct.field("y")
    year = typed.cast(pl.Int32, strict=False)
    last = latest.year if is_birth else latest.year + 20
    year = (
        pl.when(typed.str.len_chars() == 2)
        .then(pl.when(year + 2000 <= last).then(year + 2000).otherwise(year + 1900))
        .otherwise(year)
    )
    named = found.struct.field(month)
    if month == "n" and "n" in groups:
        numbers = {name: str(place) for place, name in enumerate(NAMES, start=1)}
        named = named.str.to_lowercase().replace_strict(numbers, default=None, return_dtype=pl.String)
    on = pl.concat_str(
        year.cast(pl.String).str.zfill(4), named.str.zfill(2), found.struct.field(day).str.zfill(2), separator="-"
    )
    is_day = on.str.to_date("%Y-%m-%d", strict=False).is_not_null()
    if "(?P<h>" not in pattern:
        return pl.when(is_day).then(on)
    hour = found.struct.field("h").cast(pl.Int32, strict=False)
    half = found.struct.field("p").str.to_lowercase()
    of_day = (
        pl.when((half == "p") & (hour < 12)).then(hour + 12).when((half == "a") & (hour == 12)).then(0).otherwise(hour)
    )
    at = pl.concat_str(
        of_day.cast(pl.String).str.zfill(2),
        found.struct.field("i"),
        found.struct.field("s").fill_null("00"),
        separator=":",
    )
    is_time = at.str.to_time("%H:%M:%S", strict=False).is_not_null()
    has_time = found.struct.field("h").is_not_null()
    return pl.when(is_day & ~has_time).then(on).when(is_day & is_time).then(on + " " + at)


def _serial(column: Columnwise, *, is_birth: bool) -> pl.Expr:
    """Read a spreadsheet's day number; 60 is a day that never was, and a number out of range is none."""
    number = pl.col("bare").cast(pl.Float64, strict=False)
    zero = datetime(1904, 1, 1) if column.order == SERIAL_1904 else datetime(1899, 12, 30)
    lowest, highest = (61, CURRENT_SERIALS[1]) if is_birth else CURRENT_SERIALS
    moment = pl.lit(zero) + pl.duration(seconds=(number * 86_400).round().cast(pl.Int64))
    has_time = pl.col("bare").str.contains(".", literal=True)
    text = pl.when(has_time).then(moment.dt.strftime("%Y-%m-%d %H:%M:%S")).otherwise(moment.dt.strftime("%Y-%m-%d"))
    if column.order == SERIAL_1904:
        number = number + (zero - datetime(1899, 12, 30)) / timedelta(days=1)
    return pl.when(number.is_between(lowest, highest)).then(text)
