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
    "text",
    [
        "no recall - moved",
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
