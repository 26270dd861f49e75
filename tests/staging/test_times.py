"""Local wall times get the offset of their place; an hour that never was holds the row."""

from __future__ import annotations

import pytest

from workbench.staging.problems import UnreadableError
from workbench.staging.times import RAILS, end_time, local_day, local_time, rails_zone, stamps

CHICAGO = "America/Chicago"


def refused(function, *texts) -> tuple[str, str, str]:
    with pytest.raises(UnreadableError) as caught:
        function(*texts)
    return caught.value.rule, str(caught.value.severity), str(caught.value)


@pytest.mark.parametrize(
    ("value", "zone", "time"),
    [
        pytest.param("2021-01-04 14:05:00", CHICAGO, "2021-01-04T14:05:00-06:00", id="winter"),
        pytest.param("2021-07-04 14:05:00", CHICAGO, "2021-07-04T14:05:00-05:00", id="summer"),
        pytest.param("2021-07-04 14:05:00", "America/Phoenix", "2021-07-04T14:05:00-07:00", id="no summer time"),
        pytest.param("2021-03-14 01:59:59", CHICAGO, "2021-03-14T01:59:59-06:00", id="before the skipped hour"),
        pytest.param("2021-03-14 03:00:00", CHICAGO, "2021-03-14T03:00:00-05:00", id="after the skipped hour"),
        pytest.param("2021-11-07 01:30:00", CHICAGO, "2021-11-07T01:30:00-05:00", id="doubled hour is the first"),
        pytest.param("2021-03-14 02:30:00", "America/Phoenix", "2021-03-14T02:30:00-07:00", id="skipped elsewhere"),
        pytest.param("2021-03-04T08:00:00+02:00", CHICAGO, "2021-03-04T08:00:00+02:00", id="has an offset already"),
        pytest.param("2021-03-04", CHICAGO, "2021-03-04T00:00:00-06:00", id="day alone"),
        pytest.param("2021-11-07 00:59:59", CHICAGO, "2021-11-07T00:59:59-05:00", id="before the doubled hour"),
        pytest.param("2021-11-07 02:00:00", CHICAGO, "2021-11-07T02:00:00-06:00", id="after the doubled hour"),
        pytest.param("2021-11-07 01:30:00", "America/Phoenix", "2021-11-07T01:30:00-07:00", id="doubled elsewhere"),
        pytest.param("", CHICAGO, None, id="blank"),
        pytest.param(None, CHICAGO, None, id="none"),
    ],
)
def test_a_local_time_gets_its_offset(value, zone, time):
    assert local_time(value, zone) == time
    assert local_day(value, zone) == (time and time[:10])


@pytest.mark.parametrize(
    ("value", "zone", "found"),
    [
        pytest.param(
            "2021-03-14 02:30:00",
            CHICAGO,
            ("skipped_hour", "hold", "falls into the hour that daylight saving skips"),
            id="skipped hour",
        ),
        pytest.param("soon", CHICAGO, ("time", "hold", "is no time"), id="words"),
        pytest.param("2021-13-01 00:00:00", CHICAGO, ("time", "hold", "is no time"), id="month 13"),
        pytest.param("9999-12-30 23:59:59", "Asia/Tokyo", None, id="last days"),
        pytest.param("0001-01-01 00:00:00", CHICAGO, ("empty_day", "warn", "stands for no time"), id="year 1"),
        pytest.param("9999-12-31 23:59:59", CHICAGO, ("empty_day", "warn", "stands for no time"), id="year 9999"),
        pytest.param(
            "1900-01-01 00:00:00", CHICAGO, ("empty_day", "warn", "stands for no time"), id="spreadsheet zero"
        ),
        pytest.param(
            "2021-03-04 08:00",
            "Central",
            ("time_zone", "hold", "has a time zone that is no IANA name"),
            id="zone's nickname",
        ),
        pytest.param(
            "2021-03-04 08:00",
            "America",
            ("time_zone", "hold", "has a time zone that is no IANA name"),
            id="folder of zones",
        ),
        pytest.param(
            "2021-03-04 08:00", "../etc", ("time_zone", "hold", "has a time zone that is no IANA name"), id="path"
        ),
    ],
)
def test_a_time_that_is_none_is_said(value, zone, found):
    if found is None:
        assert local_time(value, zone)
    else:
        assert refused(local_time, value, zone) == found


@pytest.mark.parametrize(
    ("ends", "starts", "minutes", "end"),
    [
        pytest.param("2021-03-04 09:30", "2021-03-04 09:00", "60", "2021-03-04T09:30:00-06:00", id="as given"),
        pytest.param("", "2021-03-04 09:00", "60", "2021-03-04T10:00:00-06:00", id="start plus duration"),
        pytest.param(
            " ", "2021-03-04 09:00", " 45.0 ", "2021-03-04T09:45:00-06:00", id="duration out of a spreadsheet"
        ),
        pytest.param(None, "2021-03-14 01:30", "60", "2021-03-14T03:30:00-05:00", id="over the skipped hour"),
        pytest.param(None, "2021-11-07 01:30", "60", "2021-11-07T01:30:00-06:00", id="into the doubled hour"),
        pytest.param("2021-03-04 09:00", "2021-03-04 09:00", "", "2021-03-04T09:00:00-06:00", id="zero length"),
        pytest.param(None, "2021-03-04 09:00", "//XXXX//", "2021-03-04T09:40:00-06:00", id="pattern of five minutes"),
        pytest.param(None, "2021-03-04 09:00", None, None, id="neither end nor duration"),
        pytest.param(None, "2021-03-04 09:00", "an hour", None, id="duration in words"),
        pytest.param(None, "2021-03-04 09:00", "²", None, id="odd digit"),
        pytest.param("2021-03-04 09:30", None, "60", None, id="no start"),
    ],
)
def test_an_end_is_given_or_derived(ends, starts, minutes, end):
    assert end_time(ends, starts, minutes, CHICAGO) == end


@pytest.mark.parametrize(("ends", "minutes"), [("2021-03-04 08:59", ""), ("", "-30")])
def test_an_end_before_its_start_holds_the_row(ends, minutes):
    assert refused(end_time, ends, "2021-03-04 09:00", minutes, CHICAGO) == (
        "end_before_start",
        "hold",
        "ends before it starts",
    )


def test_stamps_hold_both_times_in_full():
    assert stamps("2021-03-04 14:05:00", "2022-07-02 09:00:00", CHICAGO) == (
        "created 2021-03-04T14:05:00-06:00; modified 2022-07-02T09:00:00-05:00"
    )
    assert stamps("0001-01-01 00:00:00", "2022-07-02 09:00:00", CHICAGO) == "modified 2022-07-02T09:00:00-05:00"
    assert stamps(None, "", CHICAGO) is None
    assert refused(stamps, "2021-03-14 02:30:00", None, CHICAGO)[:2] == ("skipped_hour", "hold")


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        (CHICAGO, "Central Time (US & Canada)"),
        ("America/New_York", "Eastern Time (US & Canada)"),
        ("America/Phoenix", "Arizona"),
        ("America/Indiana/Indianapolis", "Indiana (East)"),
        ("Pacific/Honolulu", "Hawaii"),
        ("", None),
        (None, None),
    ],
)
def test_a_zone_gets_freshsales_name(zone, name):
    assert rails_zone(zone) == name


def test_a_zone_without_a_name_there_is_left_out_and_said():
    assert refused(rails_zone, "America/Adak") == ("rails_zone", "warn", "has no name in Freshsales' list of zones")
    assert all(local_time("2021-01-01 00:00", zone) for zone in RAILS)
