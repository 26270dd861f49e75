"""Measure what becomes of landed rows, as ratios of one run: request bodies beside the bare joins of the same tables.

python tests/bench/staging.py [ROWS]   (2,000,000 without a number); exits 1 when a ratio is over its bound.

`joins` streams the SELECT that staging writes, over values that were converted before, as columns. `bodies` streams what
staging wrote as the loader sends it: joined with the tenant's ids, shaped, in bulk calls of a hundred. Two things are told
apart: the conversion of distinct values, which costs by value and not by row, and what staging does once besides the
joins: it keeps the rows with their fingerprints, settles clashes, and stamps the whole.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from peak import peak_memory

if TYPE_CHECKING:
    from workbench.freshsales.schema import TenantSchema

ROWS = int(sys.argv[-1]) if sys.argv[-1].isdigit() else 2_000_000
ROUNDS = 2
BOUNDS = {"bodies / bare joins": 2.0, "peak RSS of bodies, MB": 300.0}
CHILD = "_child"

COMPANIES = """
SELECT 'P-' || lpad(i::VARCHAR, 5, '0') AS company_id, 'Practice ' || i AS company_name, 'Practice' AS company_type,
  NULL::VARCHAR AS parent_company_id, '(503) 363-' || lpad((i % 10000)::VARCHAR, 4, '0') AS phone, 'Salem' AS city,
  'OR' AS state, '97301' AS zip, ['America/Chicago', 'America/Phoenix', 'America/New_York'][1 + i % 3] AS time_zone,
  'U' || lpad((i % 90)::VARCHAR, 3, '0') AS owner_user_id, '2015-03-04 09:00:00' AS created_at,
  '2020-03-04 09:00:00' AS modified_at, 'N' AS is_deleted
FROM range({companies}) t(i)
"""
USERS = """
SELECT 'U' || lpad(i::VARCHAR, 3, '0') AS user_id, 'User ' || i AS full_name, 'user' || i || '@practice.example.com' AS email,
  'Y' AS is_active FROM range(90) t(i)
"""
# Prime strides, so that columns repeat as they do in a practice and not in step with each other.
CONTACTS = """
SELECT 'C' || lpad(i::VARCHAR, 7, '0') AS contact_id, 'Patient' AS lifecycle_role,
  ['Active', 'Inactive', 'New'][1 + i % 3] AS status, 'N' AS has_scheduled_appointment,
  ['Dana', 'José', 'Zoë', 'Ann', 'Marisol', 'Lee', 'Kim', 'Omar'][1 + (i * 7) % 8] AS first_name,
  'Lund' || (i * 13) % 60000 AS last_name, '19' || 40 + i % 60 || '-0' || 1 + i % 9 || '-1' || i % 10 AS date_of_birth,
  ['F', 'M'][1 + i % 2] AS gender, 'person' || i % ({rows} * 9 // 10) || '@example.com' AS email,
  '(503) 36' || (i * 7) % 10 || '-' || lpad((i * 31 % 10000)::VARCHAR, 4, '0') AS phone_mobile,
  CASE WHEN i % 3 = 0 THEN 'H: 503-58' || (i * 3) % 10 || '-' || lpad((i * 17 % 10000)::VARCHAR, 4, '0') END AS phone_home,
  (i * 11) % 90000 || ' Alder Street' AS address_line1, CASE WHEN i % 5 = 0 THEN 'Apt ' || i % 40 END AS address_line2,
  ['Salem', 'Bend', 'Eugene', 'Reno'][1 + i % 4] AS city, 'OR' AS state, lpad((97000 + i % 900)::VARCHAR, 5, '0') AS zip,
  'USA' AS country, ['Y', 'N', NULL][1 + i % 3] AS consent_email, ['N', 'Y'][1 + (i % 20 = 0)::INTEGER] AS do_not_contact,
  'P-' || lpad((i * 37 % {companies})::VARCHAR, 5, '0') AS company_id,
  'U' || lpad((i % 90)::VARCHAR, 3, '0') AS owner_user_id,
  'Carrier ' || (i * 19) % 400 AS cf_insurance_carrier, ['PPO', 'DHMO', 'Indemnity'][1 + i % 3] AS cf_plan_type,
  strftime(TIMESTAMP '2012-01-02 08:00:00' + to_minutes((i * 41) % 200000 * 30), '%Y-%m-%d %H:%M:%S') AS created_at,
  strftime(TIMESTAMP '2024-01-02 08:00:00' + to_minutes((i * 43) % 20000 * 30), '%Y-%m-%d %H:%M:%S') AS modified_at,
  ['Y', 'N', NULL][1 + i % 3] AS cf_drug_interaction_flag, NULL::VARCHAR AS guarantor_contact_id, 'N' AS is_deleted
FROM range({rows}) t(i)
"""
PATIENT = """
kind = "record"
destination = "contact"
[source]
from = "contacts"
where = "coalesce(is_deleted, 'N') <> 'Y'"
[fields]
first_name = { from = "first_name" }
last_name = { from = "last_name", required = true }
email = { from = "email", via = "email", unique = "holder", shared = "cf_shared_email" }
mobile_number = { from = "phone_mobile", via = "phone" }
phone_numbers = { from = ["phone_home"], via = "phone_list" }
address = { from = ["address_line1", "address_line2"], via = "address" }
city = { from = "city" }
state = { from = "state" }
zipcode = { from = "zip" }
country = { from = "country" }
subscription_status = { from = ["do_not_contact", "consent_email"], via = "subscription" }
cf_source_system_id = { from = "contact_id", via = "source_id", required = true }
cf_original_create_date = { from = ["created_at", "time_zone"], via = "local_day" }
cf_original_modified_date = { from = ["modified_at", "time_zone"], via = "local_day" }
cf_source_stamps = { from = ["created_at", "modified_at", "time_zone"], via = "stamps" }
cf_status = { from = "status" }
cf_date_of_birth = { from = "date_of_birth", via = "day" }
cf_gender = { from = "gender" }
cf_insurance_carrier = { from = "cf_insurance_carrier", values = "insurance_carrier", on_open = "omit" }
cf_plan_type = { from = "cf_plan_type" }
cf_drug_interaction_flag = { from = "cf_drug_interaction_flag", via = "flag" }
[lookups]
account = { from = "company_id", to = "companies" }
owner_id = { from = "owner_user_id", to = "owners", values = "owner", required = true }
"""
PRACTICE = """
kind = "record"
destination = "account"
[source]
from = "companies"
[fields]
name = { from = "company_name", required = true, unique = "append:city,state" }
city = { from = "city" }
state = { from = "state" }
cf_source_system_id = { from = "company_id", via = "source_id", required = true }
"""
USER = 'kind = "match"\ndestination = "user"\n[source]\nfrom = "users"\n[fields]\nemail = { from = "user_id", values = "owner" }\n'
CONTACTS_SQL = """-- object: contacts
-- key: contact_id
SELECT c.*, p.time_zone FROM raw.contacts c LEFT JOIN raw.companies p ON p.company_id = c.company_id
"""
TEXT_FIELDS = (
    "cf_source_system_id cf_shared_email cf_source_stamps cf_status cf_gender cf_insurance_carrier cf_plan_type"
    " cf_drug_interaction_flag"
)
DATE_FIELDS = "cf_original_create_date cf_original_modified_date cf_date_of_birth"


def make_files(folder: Path) -> None:
    """Write a migration folder without data."""

    def write(path: str, text: str) -> None:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    write("migration.toml", '[practice]\ntime_zone = "America/Chicago"\n')
    write("mappings/sources/contacts.sql", CONTACTS_SQL)
    for name, key in (("companies", "company_id"), ("users", "user_id")):
        write(f"mappings/sources/{name}.sql", f"-- object: {name}\n-- key: {key}\nSELECT * FROM raw.{name}\n")
    for name, text in (("patient", PATIENT), ("practice", PRACTICE), ("owner", USER)):
        write(f"mappings/objects/{name}.toml", text)
    made = ""
    for kind, names in (("text", TEXT_FIELDS), ("date", DATE_FIELDS)):
        for name in names.split():
            label = name.removeprefix("cf_").replace("_", " ").title()
            made += f'[{name}]\nlabel = "{label}"\ntype = "{kind}"\nrank = "must"\n'
    write("mappings/custom_fields/contacts.toml", made)
    write(
        "mappings/custom_fields/sales_accounts.toml",
        '[cf_source_system_id]\nlabel = "Source System Id"\ntype = "text"\nrank = "must"\n',
    )
    head = "source_value,decision,destination_value,decided_by,decided_on,note\n"
    carriers = "".join(f"Carrier {n},map,Carrier {n % 60},Dana,2026-11-24,\n" for n in range(400))
    owners = "".join(f"U{n:03},map,user{n}@practice.example.com,Dana,2026-11-24,\n" for n in range(90))
    write("mappings/values/insurance_carrier.csv", head + carriers)
    write("mappings/values/owner.csv", head + owners)


def make(folder: Path) -> None:
    """Write a migration folder with its landed tables."""
    import duckdb

    make_files(folder)
    (folder / "data").mkdir()
    with duckdb.connect(str(folder / "data" / "warehouse.duckdb"), config={"threads": "2"}) as connection:
        connection.execute("CREATE SCHEMA raw; CREATE SCHEMA profile")
        companies = max(ROWS // 1000, 10)
        for name, sql in (("companies", COMPANIES), ("users", USERS), ("contacts", CONTACTS)):
            connection.execute(f"CREATE TABLE raw.{name} AS {sql.format(rows=ROWS, companies=companies)}")


# -- what is measured: each in a process of its own ------------------------------------------------------------------


def staging(folder: Path) -> None:
    """Stage: convert distinct values, join, keep the rows with their fingerprints, settle clashes, stamp."""
    from workbench.mapping.files import read_mappings
    from workbench.settings import read_settings
    from workbench.staging.stage import stage

    settings = read_settings(folder)
    begun = time.perf_counter()
    staged = stage(settings, read_mappings(settings), tenant="bench")
    report(time.perf_counter() - begun - staged.converting, staged.converting, memory())


def bodies(folder: Path) -> None:
    """Stream every staged row as the body of a bulk call, as the loader makes them: joined with ids, in hundreds."""
    from workbench.freshsales.endpoints import endpoint
    from workbench.freshsales.jobs import bulk_body
    from workbench.load.payload import MEGABYTES, filled
    from workbench.load.session import Resolver
    from workbench.mapping.files import read_mappings
    from workbench.settings import read_settings
    from workbench.warehouse import open_warehouse

    settings = read_settings(folder)
    mapping = read_mappings(settings)["patient"]
    where, size = endpoint(mapping.destination), 0
    with open_warehouse(settings.warehouse, megabytes=MEGABYTES) as warehouse:
        companies = warehouse.run("SELECT company_id FROM raw.companies")
        live = {f"companies/{one}": ("account", place) for place, (one,) in enumerate(companies, 1)}
        begun = time.perf_counter()
        with filled(warehouse, Resolver(schema(), live), mapping, "staged.patient", at_most=10**9) as made:
            key = "coalesce(to_json(s.email), '\"\"')"
            row = f"encode(concat('{{\"{where.bulk_identifier}\":', {key}, ',\"data\":', {made.record}, '}}'))"
            warehouse.connection.execute(f"SELECT {row} {made.rows}")
            while rows := warehouse.connection.fetchmany(100):
                size += len(bulk_body(where, [one for (one,) in rows]))
    report(time.perf_counter() - begun, memory(), size / 2**20)


def joins(folder: Path) -> None:
    """Stream the SELECT that staging writes, from the landed tables on, and keep nothing of it."""
    from workbench.mapping.files import read_mappings
    from workbench.settings import read_settings
    from workbench.staging.problems import start_problems
    from workbench.staging.rows import convert_values, staging_select
    from workbench.staging.stage import claim_rows, read_sources
    from workbench.warehouse import open_warehouse

    settings = read_settings(folder)
    mappings = read_mappings(settings)
    source = mappings.sources["contacts"]
    with open_warehouse(settings.warehouse, write=True) as warehouse:
        read_sources(warehouse, mappings)
        start_problems(warehouse)
        claim_rows(warehouse, mappings)
        stager = convert_values(warehouse, settings, mappings, mappings["patient"])
        landed = f"(SELECT *, 'patient' AS claimed_by FROM ({source.sql}))"
        select = staging_select(stager).replace(source.table, landed)
        begun = time.perf_counter()
        rows = sum(frame.height for frame in warehouse.frames(select, 10_000, with_temporary=True))
        report(time.perf_counter() - begun, rows)


def schema() -> TenantSchema:
    """Return a tenant that knows the practice's owners and nothing else."""
    from workbench.freshsales.schema import TenantSchema, User

    users = [User(100 + n, f"User {n}", f"user{n}@practice.example.com", True) for n in range(90)]
    nothing: dict[str, int] = {}
    return TenantSchema("bench", {}, {}, {}, nothing, "", users, *(nothing for _ in range(6)))


def memory() -> float:
    """Return the highest memory of this process so far, in MB."""
    return peak_memory() * 1024


def report(*figures: float) -> None:
    print(CHILD, *figures)


MEASURED = {one.__name__: one for one in (staging, bodies, joins)}


def measure(name: str, folder: Path) -> list[float]:
    """Return the figures of one measurement."""
    made = subprocess.run(
        [sys.executable, __file__, CHILD, name, folder, str(ROWS)], stdout=subprocess.PIPE, text=True, check=True
    )
    return [float(one) for one in made.stdout.split(CHILD)[1].split()]


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="bench-staging-"))
    try:
        make(folder)
        staged, values, staged_peak = measure("staging", folder)
        # In turn, since a machine is not equally fast at all times; the least of each counts.
        rounds = [(measure("joins", folder), measure("bodies", folder)) for _ in range(ROUNDS)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    joined, made = min(one[0] for one, _ in rounds), min(one[0] for _, one in rounds)
    print(f"{ROWS} contacts; distinct values converted before: {values:.1f} s")
    print(f"  staging besides, kept with fingerprints, clashes settled, stamped: {staged:.1f} s, {staged_peak:.0f} MB")
    print(f"  bare joins, streamed: {joined:.1f} s; bodies: {made:.1f} s, {rounds[0][1][2]:.0f} MB of JSON")
    found = {"bodies / bare joins": made / joined, "peak RSS of bodies, MB": max(one[1] for _, one in rounds)}
    for what, bound in BOUNDS.items():
        print(f"{what}: {found[what]:.2f} (bound {bound}){' OVER' if found[what] > bound else ''}")
    return 1 if any(found[what] > bound for what, bound in BOUNDS.items()) else 0


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        MEASURED[sys.argv[2]](Path(sys.argv[3]))
    else:
        sys.exit(main())
