"""Owners, families and drug flags: what an export says of people, in ids and counts."""

from workbench.profile.people import count_families, profile_drug_flags, profile_families, profile_owners
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
    assert frame.rows() == [
        ("e-mail", "C1", 2, 1, 1, True, "C1", "a family"),
        ("e-mail", "C3", 2, 1, 1, True, "C3", "a family"),
        ("e-mail", "C6", 2, 2, 0, False, None, "a family"),
    ]


def test_one_phone_in_any_column_and_any_form_is_shared(land):
    contacts = """contact_id,phone_mobile,phone_home,phone_work,household_id
C1,(503) 363-5432,503.363.5432,,H1
C2,,1-503-363-5432 x12,,H1
C3,,,503-363-9999,H2
C4,,,222-222-2222,H3
C5,,,222-222-2222,H4
C6,363-5432,,,H5
C7,363-5432,,,H5
"""
    assert profile_families(land(contacts=contacts)).rows() == [("phone", "C1", 2, 1, 0, False, None, "a family")]


def test_the_practices_own_address_and_one_of_many_households_are_no_family(land):
    people = "".join(f"C{n:02},A@EXAMPLE.com ,503-363-{5432 if n < 10 else 9999},H{n}\n" for n in range(12))
    people += "C20,lee@example.com,503-363-7777,H20\nC21,lee@example.com,503-363-7777,H20\n"
    warehouse = land(
        contacts="contact_id,email,phone_home,household_id\n" + people,
        companies="company_id,phone\nP1,503 363 9999\n",
    )
    frame = profile_families(warehouse)
    assert frame.select("channel", "contact_id", "members", "households", "shared_by").rows() == [
        ("e-mail", "C00", 12, 12, "the practice itself"),
        ("phone", "C00", 10, 10, "many households"),
        ("e-mail", "C20", 2, 1, "a family"),
        ("phone", "C10", 2, 2, "the practice itself"),
        ("phone", "C20", 2, 1, "a family"),
    ]
    assert count_families(frame).rows() == [
        ("e-mail", "a family", 1, 2, 2, 0),
        ("e-mail", "the practice itself", 1, 12, 12, 0),
        ("phone", "a family", 1, 2, 2, 0),
        ("phone", "many households", 1, 10, 10, 0),
        ("phone", "the practice itself", 1, 2, 2, 0),
    ]


def test_a_word_for_no_address_is_shared_by_nobody_and_a_placeholder_by_no_family(land):
    contacts = "contact_id,email,email2\nC1,none,n/a\nC2,none,n/a\nC3,none@none.com,\nC4,None@none.com,\n"
    frame = profile_families(land(contacts=contacts))
    assert frame.select("channel", "contact_id", "members", "shared_by").rows() == [
        ("e-mail", "C3", 2, "a placeholder")
    ]


def test_a_blank_drug_flag_is_not_recorded_and_small_counts_are_hidden(land):
    people = [("P1", "Y", 12), ("P1", "no", 30), ("P1", "", 20), ("P2", "yes", 3), ("P2", "N", 40), ("P2", "", 25)]
    people += [("P3", "X", 15), ("P3", "0", 16), ("P3", "ask", 1)]
    rows = [f"{company},{flag}" for company, flag, count in people for _ in range(count)]
    warehouse = land(
        contacts="contact_id,company_id,cf_drug_interaction_flag\n"
        + "".join(f"C{number:03},{row}\n" for number, row in enumerate(rows))
    )
    assert profile_drug_flags(warehouse).rows() == [
        ("P1", "hidden", "30", "hidden", "0"),
        ("P2", "<11", "40", "hidden", "0"),
        ("P3", "hidden", "16", "0", "<11"),
    ]
    with open_warehouse(warehouse) as store:
        assert store.run("SELECT * FROM profile.drug_flags") == [
            ("P1", 12, 30, 20, 0), ("P2", 3, 40, 25, 0), ("P3", 15, 16, 0, 1),
        ]  # fmt: skip
