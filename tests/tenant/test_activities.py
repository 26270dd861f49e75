"""Tasks, appointments, notes, sales activities, files and links."""

import hashlib

import pytest


@pytest.fixture
def patient(tenant):
    return tenant.contact(first_name="Ana", email="ana@x.co", subscription_status=0)


def on(patient):
    return {"targetable_type": "Contact", "targetable_id": patient["id"]}


def test_a_task_needs_a_title_and_a_due_date(tenant, messages):
    assert messages(tenant.post("/tasks", {"task": {"due_date": ""}})) == [
        "Title can't be blank",
        "Due date can't be blank",
    ]


def test_a_done_task_is_completed_now_and_times_are_shown_in_the_tenants_offset(tenant, patient):
    body = {"title": "T", "due_date": "2021-03-04T14:00:00-06:00", "status": 1, **on(patient)}
    task = tenant.post("/tasks", {"task": body}).json()["task"]
    assert (task["due_date"], task["status"]) == ("2021-03-04T15:00:00-05:00", 1)
    assert task["completed_date"]
    assert task["targetables"] == [{"id": patient["id"], "type": "Contact"}]


def test_tasks_are_listed_by_filter_and_page_without_total_pages(tenant, patient):
    for n, status in enumerate((0, 1, 0)):
        tenant.post("/tasks", {"task": {"title": f"T{n}", "due_date": "2021-03-04", "status": status, **on(patient)}})
    assert [one["title"] for one in tenant.get("/tasks", filter="open")["tasks"]] == ["T0", "T2"]
    assert [one["title"] for one in tenant.get("/tasks", filter="completed")["tasks"]] == ["T1"]
    assert [one["title"] for one in tenant.get("/tasks", filter="overdue")["tasks"]] == ["T0", "T2"]
    today = tenant.get("/_tenant/time")["at"]
    tenant.post("/tasks", {"task": {"title": "Now", "due_date": today, **on(patient)}})
    assert [one["title"] for one in tenant.get("/tasks", filter="due today")["tasks"]] == ["Now"]
    assert tenant.get("/tasks", filter="due tomorrow")["tasks"] == []
    page = tenant.get("/tasks", per_page=2, page=2, include="owner,targetable")
    assert list(page) == ["users", "contacts", "tasks", "meta"]
    assert ([one["title"] for one in page["tasks"]], page["meta"]) == (["T2", "Now"], {"total": 4})


def test_an_appointment_keeps_past_dates_and_an_instant_and_its_envelope(tenant, patient):
    body = {
        "title": "Cleaning",
        "from_date": "2016-06-20T09:00:00-05:00",
        "end_date": "2016-06-20T10:00:00-05:00",
        "time_zone": "Central Time (US & Canada)",
        **on(patient),
    }
    reply = tenant.post("/appointments", {"appointment": body})
    assert list(reply.json()) == ["appointment_attendees", "conferences", "notes", "appointment"]
    made = reply.json()["appointment"]
    assert (made["from_date"], made["time_zone"]) == ("2016-06-20T10:00:00-04:00", body["time_zone"])
    assert [len(tenant.get("/appointments", filter=name)["appointments"]) for name in ("past", "upcoming")] == [1, 0]
    assert tenant.get("/_tenant/messages")["total"] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"end_date": "2016-06-20T08:00:00-05:00"}, "End date should be after start date"),
        ({"time_zone": "America/Chicago"}, "Time zone is invalid"),
        ({"title": None}, "Title can't be blank"),
        ({"targetable_id": 12}, "Targetable is invalid"),
    ],
)
def test_a_bad_appointment_is_refused(tenant, patient, messages, change, message):
    body = {"title": "C", "from_date": "2016-06-20T09:00:00-05:00", "end_date": "2016-06-20T10:00:00-05:00"}
    assert messages(tenant.post("/appointments", {"appointment": body | on(patient) | change})) == [message]


def test_a_patient_who_attends_would_get_an_invitation(tenant, patient):
    attendee = {"attendee_type": "Contact", "attendee_id": patient["id"]}
    body = {"title": "C", "from_date": "2030-01-01T09:00:00Z", "end_date": "2030-01-01T10:00:00Z"}
    tenant.post("/appointments", {"appointment": body | {"appointment_attendees_attributes": [attendee]}})
    assert [one["to"] for one in tenant.get("/_tenant/messages")["messages"]] == ["ana@x.co"]


def test_notes_cannot_be_read_one_by_one_and_lose_their_scripts(tenant, patient):
    text = "<b>Crown</b><script>alert(1)</script> seated"
    note = tenant.post("/notes", {"note": {"description": text, **on(patient)}}).json()["note"]
    assert note["description"] == "<b>Crown</b> seated"
    assert tenant.call("GET", f"/notes/{note['id']}").status_code == 404
    listed = tenant.get(f"/contacts/{patient['id']}/notes")
    assert (list(listed), listed["meta"]["total"]) == (["notes", "meta"], 1)
    tenant.put(f"/notes/{note['id']}", {"note": {"description": "changed"}})
    assert tenant.get(f"/contacts/{patient['id']}/notes")["notes"][0]["description"] == "changed"
    assert tenant.call("DELETE", f"/notes/{note['id']}").json() == {"success": "200"}
    assert tenant.get(f"/contacts/{patient['id']}/notes")["notes"] == []


def test_a_note_needs_a_target_and_has_a_length(tenant, patient, messages):
    assert messages(tenant.post("/notes", {"note": {"description": "x"}})) == ["Targetable can't be blank"]
    long = {"note": {"description": "x" * 10_001, **on(patient)}}
    assert messages(tenant.post("/notes", long)) == ["Description is too long (maximum is 10000 characters)"]


def test_the_same_note_twice_is_two_notes(tenant, patient):
    for _ in range(2):
        tenant.post("/notes", {"note": {"description": "x", **on(patient)}})
    assert tenant.get(f"/contacts/{patient['id']}/notes")["meta"]["total"] == 2


def test_a_sales_activity_needs_all_that_the_vendor_marks(tenant, patient, messages):
    assert len(messages(tenant.post("/sales_activities", {"sales_activity": {}}))) == 6
    me = tenant.get("/selector/owners")["users"][0]["id"]
    body = {"title": "Phone: x", "start_date": "2020-01-01T09:00:00Z", "end_date": "2020-01-01T09:00:00Z"}
    body |= {"sales_activity_type_id": tenant.listing("sales_activity_types")["Phone"], "owner_id": me, **on(patient)}
    made = tenant.post("/sales_activities", {"sales_activity": body}).json()["sales_activity"]
    assert (made["targetable_type"], made["conversation_time"]) == ("Contact", "2020-01-01T04:00:00-05:00")
    page = tenant.get("/sales_activities")
    assert (list(page), page["meta"]) == (["sales_activities", "meta"], {"total_pages": 1, "total": 1})


def upload(tenant, patient, content=b"xray", **more):
    data = {"is_shared": "true", "targetable_id": str(patient["id"]), "targetable_type": "Contact", **more}
    return tenant.call("POST", "/documents", data=data, files={"file": ("x.png", content)})


def test_a_file_keeps_its_bytes_hash_in_the_state_and_tells_none(tenant, patient):
    reply = upload(tenant, patient, file_name="x-ray.png")
    assert list(reply.json()) == ["id", "msg", "url"]
    (kept,) = tenant.get("/_tenant/state")["documents"]
    assert (kept["file_name"], kept["size"]) == ("x-ray.png", 4)
    assert (kept["targetable_type"], kept["targetable_id"]) == ("Contact", patient["id"])
    assert kept["sha256"] == hashlib.sha256(b"xray").hexdigest()
    (shown,) = tenant.get(f"/contacts/{patient['id']}/document_associations")["document_associations"]
    assert "sha256" not in shown


def test_the_storage_quota_is_the_plans(tenant, patient, messages):
    tenant.tenant.state.plan = "free"
    assert messages(upload(tenant, patient)) == ["Storage limit exceeded"]


def test_a_file_above_the_limit_is_413(tenant, patient):
    tenant.post("/_tenant/switches", {"document_megabytes": 0})
    assert upload(tenant, patient).status_code == 413


def test_a_link_needs_url_and_name(tenant, patient):
    assert tenant.post("/document_links", {"name": "x", **on(patient)}).status_code == 400
    assert tenant.post("/document_links", {"name": "x", "url": "https://x.co", **on(patient)}).status_code == 201
