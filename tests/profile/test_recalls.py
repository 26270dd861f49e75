"""Recalls are found in the texts of tasks and belong to the patient."""

from workbench.profile.recalls import count_recall_rules, profile_recalls

TASKS = """task_id,subject,description,task_type,related_object,related_id,is_deleted
K1,Recall,6MRC due 4/15/25 - prophy,Recall,contact,C1,N
K2,Call,RC 6m due 2025-04-01,Call,case,T1,N
K3,Hygiene,q3m PM (D4910),Other,Appointment,A1,N
K4,Recall,no recall - moved,Recall,contact,C1,N
K5,Call,confirm 3/4/25,Call,contact,C1,N
K6,Recall,6MRC due 4/15/25 - prophy,Recall,contact,C1,Y
"""


def test_each_task_that_speaks_of_recall_is_one_row(land):
    warehouse = land(
        contacts="contact_id\nC1\nC2\nC3\n",
        cases="case_id,contact_id\nT1,C2\n",
        appointments="appointment_id,contact_id\nA1,C3\n",
        tasks=TASKS,
    )
    frame = profile_recalls(warehouse)
    assert frame.select("task_id", "contact_id", "recall_type", "recall_interval", "recall_due").rows() == [
        ("K1", "C1", "Prophy", "6m", "2025-04-15"),
        ("K2", "C2", None, "6m", "2025-04-01"),
        ("K3", "C3", "Perio maintenance", "3m", None),
    ]
    assert frame["rule"][1] == "interval: number and unit; due: due, year first"
    assert count_recall_rules(frame)["tasks"].sum() == 3
    assert profile_recalls(warehouse).equals(frame)


def test_a_practice_without_tasks_has_no_recalls(land):
    assert profile_recalls(land()).height == 0
