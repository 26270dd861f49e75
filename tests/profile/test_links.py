"""Owners, orphans, families and parents: who points at whom."""

from workbench.profile.families import profile_families
from workbench.profile.orphans import profile_orphans
from workbench.profile.owners import profile_owners
from workbench.profile.parents import profile_parents
from workbench.warehouse import open_warehouse


def test_only_an_active_user_with_an_email_of_their_own_can_match(land):
    contacts = "contact_id,owner_user_id,is_deleted\nC1,U1,N\nC2,U5,N\nC3,U9,N\nC4,,N\nC5,U5,Y\n"
    frame = profile_owners(land(contacts=contacts, cases="case_id,owner_user_id\nT1,U5\n"))
    assert frame.select(
        "user_id", "is_known", "is_active", "has_email", "email_shared", "can_match", "records"
    ).rows() == [
        ("U5", True, True, True, False, True, 2),
        (None, False, False, False, False, False, 2),
        ("U1", True, True, True, True, False, 1),
        ("U9", False, False, False, False, False, 1),
        ("U2", True, True, True, True, False, 0),
        ("U3", True, False, True, False, False, 0),
        ("U4", True, True, False, False, False, 0),
    ]


def test_links_to_nothing_are_counted_and_their_keys_listed(land):
    warehouse = land(
        contacts="contact_id,company_id,is_deleted\nC1,P1,N\nC2,P9,N\nC3,P9,Y\n",
        tasks="task_id,related_object,related_id\nK1,contact,C1\nK2,Case ,T9\nK3,none,\nK4,case,T8\n",
    )
    assert profile_orphans(warehouse).rows() == [
        ("tasks", "related_id", "cases", 2, 2),
        ("contacts", "company_id", "companies", 1, 1),
    ]
    with open_warehouse(warehouse) as store:
        assert store.run("SELECT * FROM profile.orphan_keys ORDER BY 2") == [
            ("contacts", "C2", "company_id", "companies", "P9"),
            ("tasks", "K2", "related_id", "cases", "T9"),
            ("tasks", "K4", "related_id", "cases", "T8"),
        ]


def test_a_family_is_named_by_its_lowest_contact_and_shows_no_email(land):
    contacts = """contact_id,email,guarantor_contact_id
C2,lee@example.com,C1
C1,LEE@example.com ,C1
C3,roe@example.com,
C4,roe@example.com,C3
C5,one@example.com,
C7,poe@example.com,
C6,poe@example.com,
"""
    frame = profile_families(land(contacts=contacts))
    assert frame.rows() == [("C1", 2, 1, True, "C1"), ("C3", 2, 1, True, "C3"), ("C6", 2, 0, False, None)]


def test_a_parent_is_missing_or_itself_or_goes_round(land):
    companies = """company_id,parent_company_id
A,
B,A
C,B
D,D
E,Z
F,G
G,H
H,F
I,F
J,E
"""
    rows = profile_parents(land(companies=companies)).select("company_id", "problem", "depth").rows()
    assert sorted(rows) == [
        ("A", None, 0), ("B", None, 1), ("C", None, 2), ("D", "self", 0), ("E", "missing", 0),
        ("F", "cycle", 0), ("G", "cycle", 0), ("H", "cycle", 0), ("I", None, 1), ("J", None, 1),
    ]  # fmt: skip
