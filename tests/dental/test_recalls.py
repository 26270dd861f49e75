"""A recall is read out of a task's text by named rules, or not at all."""

from datetime import date

import pytest

from workbench.dental.recalls import read_recall


@pytest.mark.parametrize(
    ("text", "kind", "interval", "due"),
    [
        ("6MRC due 4/15/25 - prophy + BWX, LVM 3/2", "Prophy", "6m", date(2025, 4, 15)),
        ("Recall: PERIO MAINT q3m last 1/8/24 next 04/24", "Perio maintenance", "3m", date(2024, 4, 1)),
        ("3mo PM (D4910) overdue since 11-2023 - left msg x2", "Perio maintenance", "3m", date(2023, 11, 1)),
        ("RC 6m1d DUE 2025-04-01", None, "6m1d", date(2025, 4, 1)),
        ("hyg: prophy/exam/4BW, prefers Tues, pre-med", "Prophy", None, None),
        ("Child prophy D1120 due w/ sister", "Child prophy", None, None),
        ("recare: 6 mos, MB 2/1, texted 2/8, no resp", None, "6m", None),
        ("SRP re-eval due 6/1/25", "Scaling re-evaluation", None, date(2025, 6, 1)),
        ("Recall 1y exam only due 05/2026", "Exam only", "1y", date(2026, 5, 1)),
        ("recare q6 due Apr 15, 2025", None, "6m", date(2025, 4, 15)),
        ("recall every six months", None, "6m", None),
    ],
)
def test_type_interval_and_due_date_are_found(text, kind, interval, due):
    recall = read_recall(text)
    assert (recall.recall_type, recall.interval, recall.due) == (kind, interval, due)


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("recall q3m", "3m"),
        ("recall q 3 m", "3m"),
        ("recall q6", "6m"),
        ("recall every 6 mo", "6m"),
        ("recall 6-month", "6m"),
        ("recall 18 mos", "18m"),
        ("recall 1y", "1y"),
        ("recall 1 yr", "1y"),
        ("recall 6m1d", "6m1d"),
        ("recall 6m 1d", "6m1d"),
        ("6MRC", "6m"),
        ("6 MRC", "6m"),
        ("12mrc", "12m"),
        ("6mo rc", "6m"),
        ("3mo PM", "3m"),
        ("PM q3m", "3m"),
        ("q6w recall", "6w"),
        ("twice a year recall", "6m"),
        ("6MRC, FMX 5y", "6m"),
        ("6MRC overdue since 4/15/25", "6m"),
        ("recall: no answer x2, 6MRC", "6m"),
        ("recall overdue by 3 months", None),
        ("prophy 3 mo overdue", None),
        ("recall prophy in 6 months", None),
        ("recall prophy for 3 months", None),
        ("recall prophy 2 months ago", None),
        ("recall prophy 6 months after SRP", None),
        ("recall prophy 6 to 9 months", None),
        ("recall prophy 3m alternating 6m", None),
        ("recall prophy 90 days", None),
        ("recall prophy 40 mo", None),
        ("recall prophy 1.5 y", None),
    ],
)
def test_an_interval_is_a_number_and_a_unit_that_say_how_often(text, interval):
    found = read_recall(text)
    assert (found.interval if found else None) == interval


@pytest.mark.parametrize(
    ("said", "due", "rule"),
    [
        ("due 4/15/25", date(2025, 4, 15), "due: due, month first"),
        ("due: 04-15-25", date(2025, 4, 15), "due: due, month first"),
        ("DUE 4.15.25", date(2025, 4, 15), "due: due, month first"),
        ("due on 4/15/2025", date(2025, 4, 15), "due: due, month first"),
        ("due 4/15/99", date(1999, 4, 15), "due: due, month first"),
        ("due 2025-4-5", date(2025, 4, 5), "due: due, year first"),
        ("due Apr 15 2025", date(2025, 4, 15), "due: due, month by name"),
        ("due 15 Apr 2025", date(2025, 4, 15), "due: due, month by name"),
        ("due April 2025", date(2025, 4, 1), "due: due, month and year"),
        ("due 04/2025", date(2025, 4, 1), "due: due, month and year"),
        ("next 4/15/25", date(2025, 4, 15), "due: next, month first"),
        ("next visit 4/15/25", date(2025, 4, 15), "due: next, month first"),
        ("overdue since 11-2023", date(2023, 11, 1), "due: overdue since, month and year"),
        ("last 10/8/24 next 04/25", date(2025, 4, 1), "due: next, month and year, as last visit and interval say"),
        ("due 4/15/25, LVM 3/2/25", date(2025, 4, 15), "due: due, month first"),
        ("due 4/15/25 - 2 LVM", date(2025, 4, 15), "due: due, month first"),
        ("due 4/25", None, None),
        ("due 4/15", None, None),
        ("due 2025", None, None),
        ("due 2/30/25", None, None),
        ("due in 6 months", None, None),
        ("due w/ sister 4/15/25", None, None),
        ("not due until 4/15/25", None, None),
        ("next 04/24", None, None),
        ("last 10/8/24 next 05/25", None, None),
        ("overdue since 11/23", None, None),
        ("due 4/15/25 or 5/1/25", None, None),
        ("due 4/15/25-5/1/25", None, None),
        ("due 4/15/25, due 5/1/25", None, None),
        ("LVM 4/15/25", None, None),
        ("4/15/25", None, None),
        ("last 4/15/25", None, None),
        ("payment due 4/15/25", None, None),
        ("balance was due 4/15/25", None, None),
        ("lab case due 4/15/25", None, None),
    ],
)
def test_a_due_date_follows_a_word_that_says_so(said, due, rule):
    found = read_recall(f"6MRC {said}")
    assert (found.interval, found.due, found.due_rule) == ("6m", due, rule)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("recall prophy", "Prophy"),
        ("D1110 due", "Prophy"),
        ("recall cleaning", "Prophy"),
        ("recall pedo prophy", "Child prophy"),
        ("D1120 due", "Child prophy"),
        ("recall perio maintenance", "Perio maintenance"),
        ("D4910 q3m", "Perio maintenance"),
        ("SPT q3m", "Perio maintenance"),
        ("PM q3m", "Perio maintenance"),
        ("SRP re-eval due", "Scaling re-evaluation"),
        ("recall exam only", "Exam only"),
        ("recall 4BW", "4 bitewings"),
        ("BWX due", "4 bitewings"),
        ("recall full mouth series", "Full series"),
        ("FMX due", "Full series"),
        ("recall 3 PM recall call 6m", None),
        ("hyg: PM only, 6MRC", None),
        ("6MRC", None),
    ],
)
def test_a_type_is_named_by_its_words_or_its_code(text, kind):
    assert read_recall(text).recall_type == kind


@pytest.mark.parametrize(
    "text",
    [
        "no recall - moved",
        "no 6 mo recall",
        "no longer on recall 6m",
        "not on recall, was 6m",
        "remove from recall 6m",
        "d/c recall 6m",
        "does not want recall 6m",
        "declines 6 mo recall",
        "recall: none, 6m",
        "recall canceled, 6MRC",
        "Lab case due 4/15/25, prophy patient",
        "appt 3 PM recall",
        "recall 4/15/25",
        "Recall N/A edentulous",
        "NP hyg 90 min, refer to perio first",
        "Verify insurance for crown 3/4/25",
        "call patient at 3 PM re recall",
        "recall 3 mo overdue",
        "Recall in 2 weeks",
        "6 mo old crown fell off",
        "",
    ],
)
def test_a_text_without_recall_data_gives_nothing(text):
    assert read_recall(text) is None


@pytest.mark.parametrize(
    "text",
    ["RC 6m due 4/15", "RC 6m due 13/45/25", "RC 6m LVM 4/15/25", "RC 6m next 04/24", "RC 6m due 1/1/25 due 2/1/25"],
)
def test_a_date_that_is_not_plainly_the_due_date_is_left_alone(text):
    assert read_recall(text).due is None


def test_every_value_names_its_rule():
    assert (
        read_recall("RC 6m prophy due 2025-04-01").rule
        == "type: prophy; interval: number and unit; due: due, year first"
    )


def test_the_task_type_speaks_for_a_silent_text():
    assert read_recall("6 mo, texted") is None
    assert read_recall("6 mo, texted", is_recall=True).interval == "6m"
