"""Carriers, ADA codes and claim statuses are counted by spelling, and personal text is masked."""

from workbench.profile.codes import profile_ada_codes, profile_claim_statuses
from workbench.profile.spellings import group_carriers, profile_carriers

CONTACTS = """contact_id,cf_insurance_carrier,cf_insurance_carrier_secondary
C1,Delta Dental,
C2,DELTA  DENTAL.,Aetna
C3,Delta Dental,
C4,Smith DOB 4/5/71,
"""
CASES = """case_id,cf_insurance_carrier,cf_ada_codes,cf_claim_status,cf_claim_paid_amount
T1,Aetna,D2740;D2950,Received,$80.00
T2,,d2740,Received,
T3,,D0270-D0274,Paid,1
T4,,D2740; 99213,zzz Smith,
T5,,crown for Smith,,
"""


def test_spellings_of_one_carrier_form_a_group(land):
    frame = profile_carriers(land(contacts=CONTACTS, cases=CASES))
    assert frame.select("spelling", "records", "normal_form", "group", "group_records").rows() == [
        ("Aetna", 2, "aetna", "Aetna", 2),
        ("Delta Dental", 2, "delta dental", "Delta Dental", 3),
        ("DELTA  DENTAL.", 1, "delta dental", "Delta Dental", 3),
        ("aaaaa aaa 9/9/99", 1, "aaaaa aaa 9 9 99", "aaaaa aaa 9/9/99", 1),
    ]
    assert group_carriers(frame).rows()[0] == ("Delta Dental", 2, 3, 3, 0)


def test_ada_codes_in_use_and_flagged_are_told_apart(land):
    profile = profile_ada_codes(land(contacts=CONTACTS, cases=CASES))
    assert profile.in_use.rows() == [("D2740", 3, "Restorative"), ("D2950", 1, "Restorative")]
    assert profile.flagged.select("value", "verdict", "codes", "cases", "first_case").rows() == [
        ("D0270-D0274", "invalid", "", 1, "T3"),
        ("D2740; 99213", "invalid", "D2740", 1, "T4"),
        ("aaaaa aaa aaaaa", "invalid", "", 1, "T5"),
        ("d2740", "repairable", "D2740", 1, "T2"),
    ]


def test_claim_statuses_carry_what_the_rules_propose(land):
    frame = profile_claim_statuses(land(contacts=CONTACTS, cases=CASES))
    assert frame.select("spelling", "has_amount", "records", "value", "decision").rows() == [
        ("Paid", True, 1, "Paid", "map"),
        ("Received", False, 1, None, "ask"),
        ("Received", True, 1, "Paid", "map"),
        ("aaa aaaaa", False, 1, None, "ask"),
    ]
