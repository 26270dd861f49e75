"""Links: which point at nothing, and which parents are missing or go round."""

from workbench.profile.links import profile_orphans, profile_parents
from workbench.warehouse import open_warehouse


def test_links_to_nothing_are_counted_and_their_keys_listed(land):
    warehouse = land(
        contacts="contact_id,company_id,is_deleted\nC1,P1,N\nC2,P9,N\nC3,P9,Y\n",
        tasks="task_id,related_object,related_id\nK1,contact,C1\nK2,Case ,T9\nK3,none,\nK4,case,T8\n",
    )
    assert profile_orphans(warehouse).rows() == [
        ("tasks", "related_id", "cases", "nowhere in the export", 2, 2),
        ("contacts", "company_id", "companies", "nowhere in the export", 1, 1),
    ]
    with open_warehouse(warehouse) as store:
        assert store.run("SELECT * EXCLUDE (target_is) FROM profile.orphan_keys ORDER BY 2") == [
            ("contacts", "C2", "company_id", "companies", "P9"),
            ("tasks", "K2", "related_id", "cases", "T9"),
            ("tasks", "K4", "related_id", "cases", "T8"),
        ]


def test_a_link_to_a_record_that_was_rejected_says_so(land):
    warehouse = land(contacts="contact_id,company_id\nC1,P9\n")
    with open_warehouse(warehouse, write=True) as store:
        store.run("ALTER TABLE raw.rejected ADD COLUMN IF NOT EXISTS source_id VARCHAR")
        store.run("INSERT INTO raw.rejected (file, object, source_id) VALUES ('companies.csv', 'companies', 'P9')")
    assert profile_orphans(warehouse).rows() == [("contacts", "company_id", "companies", "rejected at the door", 1, 1)]


def test_the_cells_as_read_are_followed_where_they_were_read(land):
    warehouse = land(contacts="contact_id,company_id\nC1,p1 \n")
    assert profile_orphans(warehouse).height == 1
    with open_warehouse(warehouse, write=True) as store:
        store.run("CREATE TABLE profile.read_contacts AS SELECT * REPLACE ('P1' AS company_id) FROM raw.contacts")
    assert profile_orphans(warehouse).height == 0


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
