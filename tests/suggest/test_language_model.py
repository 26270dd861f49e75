"""The optional language model: told nothing of a patient, believed below what a machine accepts, missed by nobody."""

from __future__ import annotations

import json
import stat
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from little import Little

from workbench.dental.payers import known_payers
from workbench.errors import SettingsProblem
from workbench.keeping.purge import purge
from workbench.ledger.audit import export_log
from workbench.ledger.store import open_ledger
from workbench.mapping.spellings import Asked, asked_spellings
from workbench.mapping.value_map import ValueMap, read_value_map
from workbench.settings import Settings, read_settings
from workbench.suggest.acceptance import told_by_model
from workbench.suggest.carriers import suggest_carriers
from workbench.suggest.fields import suggest_fields
from workbench.suggest.opinions import carrier_opinions, may_be_told, model_field_candidates
from workbench.suggest.proposals import accept, propose
from workbench.suggest.suggestion import Suggestion
from workbench.warehouse import open_warehouse

MAP = "insurance_carrier"
KEY = "sk-a-key-that-nobody-may-see"
HEADER = "person_id,last_name,carrier,claim,stage,pipeline,color,owner\n"
CANARIES = (
    *("Zofia Quillfeather", "Quillfeather dental", "Delta Dental Quillfeather", "Scott White", "Virginia Cross"),
    *(
        "Aetna 312-555-0188",
        "Cigna born 02/03/1961",
        "Aetna W204417",
        "Aetna ID 88812",
        "zofia@example.com",
        "Paul Cross PPO",
    ),
    *("Aetna 5 5 5 0 1", "Zofia's dad's plan", "张伟 dental", "Dr White dental plan"),
)
SAFE = ("Cigna Aetna PPO", "Metropolitan health", "Aetna Delta Dental PPO")
NONSENSE = {
    "no JSON": b"Sure! Here you go.",
    "no message": b'{"choices": []}',
    "no list": json.dumps({"choices": [{"message": {"content": '{"0": "Aetna"}'}}]}).encode(),
    "words": json.dumps({"choices": [{"message": {"content": "Aetna, I think."}}]}).encode(),
    "no text": json.dumps({"choices": [{"message": {"content": None}}]}).encode(),
    "a list": b"[]",
}
Answer = Callable[[list[dict[str, Any]]], list[Any]]


class Server(ThreadingHTTPServer):
    """A language model on this machine that keeps what it was sent and answers as a test says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bodies: list[str] = []
        self.keys: list[str | None] = []
        self.status, self.raw, self.waits = 200, b"", 0.0
        self.answer: Answer = lambda _: []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def says(self, **choices: Any) -> None:
        """Answer a spelling, its blanks written `_`, with a choice."""
        known = {spelling.replace("_", " "): choice for spelling, choice in choices.items()}
        self.answer = lambda asked: [
            {"index": one["index"], "answer": known[one["spelling"]], "confidence": 1.0}
            for one in asked
            if one["spelling"] in known
        ]

    def questions(self) -> list[list[dict[str, Any]]]:
        """What was asked, request by request."""
        return [json.loads(json.loads(one)["messages"][1]["content"])["questions"] for one in self.bodies]

    def spellings(self) -> list[str]:
        """Every spelling that was asked about."""
        return [one["spelling"] for asked in self.questions() for one in asked]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        server = self.server
        server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        server.keys.append(self.headers["Authorization"])
        time.sleep(server.waits)
        said = json.dumps(server.answer(server.questions()[-1]))
        made = server.raw or json.dumps({"choices": [{"message": {"content": said}}]}).encode()
        self.send_response(server.status if self.path == "/v1/chat/completions" else 404)
        self.send_header("Content-Length", str(len(made)))
        self.end_headers()
        self.wfile.write(made)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def asking(folder: Path, server: Server | None, more: str = "") -> Settings:
    """Name the model in migration.toml, or none."""
    named = f'[suggest]\nmodel_url = "{server.url}"\nmodel = "little-one"\n' if server else ""
    (folder / "migration.toml").write_text(f'[practice]\ntime_zone = "America/Chicago"\n{named}{more}', "utf-8")
    return read_settings(folder)


def ask(
    settings: Settings, *spellings: str, people: dict[str, int] | None = None, wait_seconds: float = 5.0
) -> tuple[dict[str, Suggestion], str]:
    """Ask about spellings that one record each writes, or as many people as are given."""
    counts = dict.fromkeys(spellings, 1) | (people or {})
    asked = Asked(MAP, counts, ValueMap(MAP, {}, lambda: b"k" * 32), True, people=counts)
    made, told = carrier_opinions(settings, asked, own(*counts), known_payers(), wait_seconds=wait_seconds)
    return {one.source_value: one for one in made}, told


@cache
def own(*spellings: str) -> list[Suggestion]:
    """Return our own proposals; several tests ask for the same."""
    return suggest_carriers(spellings)


def candidates(one: Suggestion) -> list[tuple[str, float]]:
    return [(each.value, each.confidence) for each in one.candidates]


@pytest.fixture
def practice(little: Little) -> Little:
    """A snapshot in which safe spellings and what was typed of patients stand in one column."""
    rows = [f'C{number},x,"{one}",,,,,' for number, one in enumerate((*SAFE, *CANARIES, "Aetna", "self pay"))]
    little.land(people=HEADER + "\n".join(rows) + "\n")
    with open_warehouse(little.settings.warehouse, write=True) as warehouse:
        warehouse.run("CREATE TABLE destination.users AS SELECT 'dana@x.com' AS email, true AS is_active")
    return little


def proposals(little: Little) -> Any:
    return next(one for one in propose(little.settings, little.mappings) if one.asked.name == MAP)


def test_it_is_off_by_default_and_nothing_is_sent_or_written(practice: Little, server: Server) -> None:
    made = propose(practice.settings, practice.mappings)
    assert told_by_model(made) == "The language model is off."
    assert (server.bodies, practice.settings.model_answers.exists()) == ([], False)


def test_only_spellings_that_pass_the_filter_are_sent_and_no_other_word_of_a_row(
    practice: Little, server: Server
) -> None:
    asking(practice.folder, server)
    made = proposals(practice)
    assert sorted(server.spellings()) == sorted(SAFE)
    sent = "".join(server.bodies)
    assert [one for one in (*CANARIES, "Quillfeather", "Zofia", "0188", "204417") if one in sent] == []
    assert "asked about 3 of 11 open spellings, 8 withheld by the filter for personal data" in made.told


def test_a_request_holds_the_task_the_payers_and_numbered_spellings_alone(tmp_path: Path, server: Server) -> None:
    ask(asking(tmp_path, server), *SAFE)
    [body] = map(json.loads, server.bodies)
    assert (body["model"], body["temperature"], set(body)) == ("little-one", 0, {"model", "temperature", "messages"})
    said = json.loads(body["messages"][1]["content"])
    assert said["questions"] == [{"index": place, "spelling": one} for place, one in enumerate(sorted(SAFE))]
    assert said["choices"] == sorted(one.name for one in known_payers())


@pytest.mark.parametrize("spelling", (*CANARIES, "Cox", "Lincoln", "John Hancock", "a" * 81))
def test_what_may_be_a_persons_is_not_told(spelling: str) -> None:
    assert not may_be_told(spelling, 10)


@pytest.mark.parametrize(
    "spelling", ["Aetna 312-555-0188", "Cigna born 02/03/1961", "zofia@example.com", "Aetna W2044"]
)
def test_numbers_days_and_addresses_are_not_told_however_many_have_them(spelling: str) -> None:
    assert not may_be_told(spelling, 5000)


def test_an_unknown_word_is_told_when_eleven_people_have_it_and_not_when_one_patient_has_eleven_cases(
    little: Little,
) -> None:
    little.source("cases", "-- object: cases\n-- key: case_id\nSELECT * FROM raw.cases\n")
    little.mapping(
        "case",
        'kind = "record"\ndestination = "deal"\n[source]\nfrom = "cases"\n[fields]\n'
        'name = { from = "case_id", required = true }\ncf_source_system_id = { from = "case_id" }\n'
        'cf_carrier = { from = "carrier", values = "insurance_carrier", on_open = "omit" }\n',
    )
    little.custom("deals", cf_carrier="text")
    little.mapping(
        "gone", 'kind = "left_out"\nreason = "nobody"\n[source]\nfrom = "people"\nwhere = "person_id = \'0\'"\n'
    )
    people = "".join(f"C{number},x,Zorbly,,,,,\n" for number in range(11))
    cases = "".join(f"D{number},Zofia Quillfeather\n" for number in range(12))
    little.land(people=f"{HEADER}{people}C99,x,Zofia Quillfeather,,,,,\n", cases=f"case_id,carrier\n{cases}")
    [asked] = [one for one in asked_spellings(little.settings, little.mappings) if one.name == MAP]
    assert asked.records == {"Zofia Quillfeather": 13, "Zorbly": 11}
    assert asked.people == {"Zofia Quillfeather": 1, "Zorbly": 11}
    assert [one for one in asked.records if may_be_told(one, asked.people[one])] == ["Zorbly"]


def test_its_word_joins_the_candidates_below_what_a_machine_accepts(practice: Little, server: Server) -> None:
    before = proposals(practice).suggestions
    asking(practice.folder, server)
    server.says(Metropolitan_health="Aflac", Cigna_Aetna_PPO="Cigna")
    made = proposals(practice)
    alone, own = made.suggestions["Metropolitan health"], made.suggestions["Cigna Aetna PPO"]
    assert ("Aflac", 0.6) in candidates(alone) and ("Cigna", 0.94) in candidates(own)
    assert [one.reason for one in alone.candidates if one.value == "Aflac"] == ["the language model little-one says so"]
    assert own.candidates[0].reason.endswith("; the language model little-one says so, too")
    assert [one.confidence for one in alone.candidates] == sorted((c for _, c in candidates(alone)), reverse=True)
    assert not alone.auto and not own.auto
    changed = {one for one in before if before[one] != made.suggestions[one]}
    assert changed == {"Metropolitan health", "Cigna Aetna PPO"}
    assert made.told.endswith(": 2 proposals, 0 answers dropped.")
    accept(practice.settings, practice.mappings, above=0.95, by="Dana", on="2026-11-26", own=True)
    rows = read_value_map(MAP, [practice.settings.own_decisions]).rows
    assert {one: rows[one].answer for one in (*SAFE, "Aetna")} == {**dict.fromkeys(SAFE), "Aetna": "Aetna"}


def test_a_sum_with_our_own_proposal_stays_below_acceptance(tmp_path: Path, server: Server) -> None:
    server.says(Metropolitan_health="MetLife")
    made, _ = ask(asking(tmp_path, server), "Metropolitan health")
    assert candidates(made["Metropolitan health"])[0] == ("MetLife", 0.85) and not made["Metropolitan health"].auto


@pytest.mark.parametrize(
    ("answers", "dropped"),
    [
        pytest.param([{"index": 0, "answer": "AETNA"}], 1, id="not letter by letter"),
        pytest.param([{"index": 0, "answer": "Aetna of Nowhere"}], 1, id="off the list"),
        pytest.param([{"index": 1, "answer": "Aetna"}, {"index": -1, "answer": "Aetna"}], 2, id="never asked"),
        pytest.param([{"index": "0", "answer": "Aetna"}, {"index": True, "answer": "Aetna"}], 2, id="no number"),
        pytest.param(["Aetna", None, {"answer": "Aetna"}, {"index": 0}], 4, id="no answer"),
        pytest.param([{"index": 0, "answer": ""}, {"index": 0, "answer": ["Aetna"]}], 2, id="no text"),
    ],
)
def test_an_answer_off_the_list_or_to_no_question_is_dropped_and_counted(
    tmp_path: Path, server: Server, answers: list[Any], dropped: int
) -> None:
    server.answer = lambda _: answers
    made, told = ask(asking(tmp_path, server), "Metropolitan health")
    assert [*made.values()] == own("Metropolitan health")
    assert told.endswith(f"0 proposals, {dropped} answers dropped.")


@pytest.mark.parametrize(
    ("spelling", "answer", "value"),
    [
        pytest.param("Delta Dental dental Ohio Michigan", "Delta Dental of California", None, id="another state"),
        pytest.param("Blue Cross Delta Dental", "Delta Dental of New Jersey", None, id="no state said"),
        pytest.param("Zorbly Delta of Ohio", "Delta Dental of California", None, id="contradicts"),
        pytest.param("Zorbly Delta of Ohio", "Delta Dental of Ohio", 0.9, id="agrees"),
    ],
)
def test_a_member_of_a_federation_is_taken_only_where_the_state_agrees(
    tmp_path: Path, server: Server, spelling: str, answer: str, value: float | None
) -> None:
    server.answer = lambda asked: [{"index": one["index"], "answer": answer} for one in asked]
    [before] = own(spelling)
    made, told = ask(asking(tmp_path, server), people={spelling: 11})
    assert server.spellings() == [spelling]
    if value is None:
        assert made[spelling] == before and "0 proposals, 1 answers dropped" in told
    else:
        assert (answer, value) in candidates(made[spelling]) and "1 proposals" in told


def test_what_names_no_carrier_or_is_sure_is_not_asked(tmp_path: Path, server: Server) -> None:
    answered = ("self pay", "none", "N/A", "CareCredit", "1234", "Aetna", "United Dental", "Delta Dental of Misourri")
    made, told = ask(asking(tmp_path, server), people=dict.fromkeys(answered, 500))
    assert (server.bodies, [*made.values()]) == ([], own(*answered))
    assert "asked about 0 of 0 open spellings" in told


@pytest.mark.parametrize("status", [302, 401, 429, 500])
def test_a_refusal_leaves_proposals_as_they_were_and_tells_the_status(
    tmp_path: Path, server: Server, status: int
) -> None:
    server.status, server.raw = status, b"Metropolitan health is Aflac, says " + KEY.encode()
    made, told = ask(asking(tmp_path, server), *SAFE)
    assert repr([made[one] for one in SAFE]) == repr(own(*SAFE))
    assert f"It ended with HTTP {status}, for 3 of them; what was proposed stands." in told and KEY not in told


@pytest.mark.parametrize("raw", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_leaves_proposals_as_they_were_and_is_asked_again(tmp_path: Path, server: Server, raw: bytes) -> None:
    server.raw = raw
    settings = asking(tmp_path, server)
    made, told = ask(settings, *SAFE)
    assert repr([made[one] for one in SAFE]) == repr(own(*SAFE))
    assert "an answer nobody can read, for 3 of them" in told
    server.raw = b""
    ask(settings, *SAFE)
    assert len(server.bodies) == 2


def test_one_that_does_not_answer_in_time_or_at_all_is_not_waited_for(tmp_path: Path, server: Server) -> None:
    settings = asking(tmp_path, server)
    server.waits = 0.6
    made, told = ask(settings, *SAFE, wait_seconds=0.2)
    assert repr([made[one] for one in SAFE]) == repr(own(*SAFE))
    assert "It ended with no answer in 0.2 seconds, for 3 of them" in told
    server.shutdown()
    server.server_close()
    assert "It ended with no connection, ConnectError, for 3 of them" in ask(settings, *SAFE)[1]


def test_an_endless_answer_is_cut_off(tmp_path: Path, server: Server) -> None:
    server.raw = b'{"choices": "' + b"a" * 1_200_000 + b'"}'
    assert "It ended with an answer too long to wait for, for 3 of them" in ask(asking(tmp_path, server), *SAFE)[1]


def test_a_fenced_list_is_read(tmp_path: Path, server: Server) -> None:
    said = '```json\n[{"index": 0, "answer": "Aflac", "reason": "it sounds so"}]\n```'
    server.raw = json.dumps({"choices": [{"message": {"content": said}}]}).encode()
    made, _ = ask(asking(tmp_path, server), "Metropolitan health")
    assert ("Aflac", 0.6) in candidates(made["Metropolitan health"])


def test_nothing_is_asked_twice_and_a_new_spelling_is_asked_alone(tmp_path: Path, server: Server) -> None:
    settings = asking(tmp_path, server)
    server.answer = lambda asked: [{"index": 0, "answer": "Aflac"}, {"index": 1, "answer": "no such"}]
    first = ask(settings, *SAFE)
    assert ask(settings, *SAFE) == first and len(server.bodies) == 1
    again, _ = ask(settings, *SAFE[1:], "Humana Delta dental plan")
    assert server.spellings()[3:] == ["Humana Delta dental plan"]
    assert again[SAFE[2]] == first[0][SAFE[2]]
    asking(tmp_path, server, '[privacy]\nbaa = "x"\n')
    ask(read_settings(tmp_path), *SAFE)
    assert len(server.bodies) == 2
    toml = tmp_path / "migration.toml"
    toml.write_text(toml.read_text().replace("little-one", "another"))
    ask(read_settings(tmp_path), *SAFE)
    assert len(server.bodies) == 3


def test_answers_are_kept_for_their_owner_without_a_spelling_and_purged(tmp_path: Path, server: Server) -> None:
    settings = asking(tmp_path, server)
    ask(settings, *SAFE)
    path = settings.model_answers
    assert [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent)] == [0o600, 0o700]
    assert [one for one in SAFE if one in path.read_text()] == []
    with path.open("a") as file:
        file.write('{"answers": {"cut')  # as a killed run leaves it
    ask(settings, *SAFE)
    assert len(server.bodies) == 1
    assert "data/suggest" in purge(settings, confirm=True)["paths"] and not path.exists()


def test_many_spellings_go_fifty_a_request(tmp_path: Path, server: Server) -> None:
    settings = asking(tmp_path, server)
    many = [f"Zorbly {chr(97 + one // 26)}q{chr(97 + one % 26)}zz" for one in range(51)]
    _, told = ask(settings, people=dict.fromkeys(many, 11))
    assert [len(one) for one in server.questions()] == [50, 1]
    assert "asked about 51 of 51 open spellings, 0 withheld" in told


def test_the_key_is_sent_and_stands_nowhere(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = asking(tmp_path, server)
    _, before = ask(settings, *SAFE)
    monkeypatch.setenv("WORKBENCH_MODEL_KEY", KEY)
    server.answer = lambda _: [{"index": 0, "answer": KEY}, {"index": 1, "answer": "Aflac", "reason": KEY}]
    made, told = ask(settings, "Humana Delta dental plan", "Cigna Delta dental plan")
    assert server.keys == [None, f"Bearer {KEY}"]
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert KEY not in f"{before}{made}{told}" and not any(KEY.encode() in one for one in written)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        pytest.param("http://models.example.com/v1", "models.example.com is not on this machine, so its", id="plain"),
        pytest.param("http://10.0.0.4:8000/v1", "10.0.0.4 is not on this machine, so its model_url must", id="near"),
        pytest.param("https://key@models.example.com/v1", "model_url looks like https://host/v1", id="key in the URL"),
        pytest.param("https://models.example.com/v1?key=1", "model_url looks like https://host/v1", id="query"),
        pytest.param("models.example.com", "model_url looks like https://host/v1", id="no scheme"),
        pytest.param("file:///v1", "model_url looks like https://host/v1", id="file"),
    ],
)
def test_an_address_that_must_not_hear_a_key_is_refused(tmp_path: Path, url: str, problem: str) -> None:
    (tmp_path / "migration.toml").write_text(f'[suggest]\nmodel_url = "{url}"\nmodel = "m"\n')
    with pytest.raises(SettingsProblem, match=problem):
        ask(read_settings(tmp_path), *SAFE)


def test_a_model_without_a_name_is_refused_and_one_elsewhere_without_a_key_is_not_asked(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORKBENCH_MODEL_KEY", raising=False)
    toml = tmp_path / "migration.toml"
    toml.write_text(f'[suggest]\nmodel_url = "{server.url}"\n')
    with pytest.raises(SettingsProblem, match="model is empty"):
        ask(read_settings(tmp_path), *SAFE)
    toml.write_text('[suggest]\nmodel_url = "https://models.example.com/v1"\nmodel = "m"\n')
    for key in ("", "schlüssel", "two\nlines"):
        monkeypatch.setenv("WORKBENCH_MODEL_KEY", key)
        made, told = ask(read_settings(tmp_path), *SAFE)
        assert told == "The language model was not asked: there is no usable key. Put it into WORKBENCH_MODEL_KEY."
        assert [*made.values()] == own(*SAFE)


def test_each_request_is_noted_before_it_goes(tmp_path: Path, server: Server) -> None:
    settings = asking(tmp_path, server)
    open_ledger(settings.ledger, b"k" * 32).engine.dispose()
    server.status = 500
    ask(settings, *SAFE)
    ledger = open_ledger(settings.ledger, b"")
    [entry] = map(json.loads, export_log(ledger, tmp_path / "log")[0].read_text().splitlines())
    ledger.engine.dispose()
    detail = json.loads(entry["detail"])
    assert (entry["act"], entry["object"]) == ("language model asked", MAP)
    assert {one: detail[one] for one in ("host", "model", "questions")} == {
        "host": "127.0.0.1",
        "model": "little-one",
        "questions": 3,
    }


COLUMNS = [
    ("patients", "FName", "Zofia|Ann"),
    ("patients", "Home Phone", "312-555-0188"),
    ("patients", "SSN", "123-45-6789"),
    ("patients", "Qvx Zorb", "Zofia Quillfeather|Ann Lee"),
    ("patients", "Zlot", "02/03/1961"),
    ("patients", "Smith 312-555-0188", "x"),
    ("Zofia", "Quillfeather", "Brown"),
    ("Zofia", "Male", "Female"),
]
ROWS = [dict(zip(("source_object", "source_column", "sample_values"), one, strict=True)) for one in COLUMNS]


def fields(server: Server, **said: str) -> None:
    """Answer a column, its blanks written `_`, with the choice that begins so."""
    known = {column.replace("_", " "): field for column, field in said.items()}

    def answer(asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
        choices = json.loads(json.loads(server.bodies[-1])["messages"][1]["content"])["choices"]
        return [
            {"index": one["index"], "answer": next(each for each in choices if each.startswith(f"{field} ("))}
            for one in asked
            if (field := known.get(one["column"]))
        ]

    server.answer = answer


def test_of_columns_only_names_and_shapes_are_told_and_nothing_of_one_that_stays_or_has_no_header(
    tmp_path: Path, server: Server
) -> None:
    made, told = model_field_candidates(asking(tmp_path, server), ROWS[:5] + ROWS[6:])
    assert made == suggest_fields(ROWS[:5] + ROWS[6:])
    [asked] = server.questions()
    assert asked == [
        {"index": 0, "table": "patients", "column": "Qvx Zorb", "shapes": ["aaa aaa", "aaaaa aaaaaaaaaaaa"]},
        {"index": 1, "table": "patients", "column": "Zlot", "shapes": ["99/99/9999"]},
    ]
    assert [one for one in ("Zofia", "Quillfeather", "Brown", "SSN", "0188") if one in server.bodies[0]] == []
    assert "asked about 2 of 4 open columns, 2 withheld by the filter" in told


def test_a_field_it_proposes_has_to_fit_and_stays_a_question(tmp_path: Path, server: Server) -> None:
    rows = ROWS[:5]
    fields(server, Qvx_Zorb="contact.job_title", Zlot="contact.email")
    made, told = model_field_candidates(asking(tmp_path, server), rows)
    before = suggest_fields(rows)
    assert made[:3] + made[4:] == before[:3] + before[4:]
    best = made[3]["candidates"][0]
    assert (best["field"], best["confidence"], best["reason"]) == (
        "job_title",
        0.6,
        "the language model little-one says so",
    )
    assert (made[3]["kind"], made[3]["auto"]) == ("field", False)
    assert told.endswith("1 proposals, 1 answers dropped.")


def test_a_field_that_another_column_surely_fills_is_dropped(tmp_path: Path, server: Server) -> None:
    fields(server, Qvx_Zorb="contact.first_name")
    made, told = model_field_candidates(asking(tmp_path, server), ROWS[:5])
    assert made == suggest_fields(ROWS[:5]) and "0 proposals, 1 answers dropped" in told


def test_columns_without_a_model_are_what_they_are(tmp_path: Path, server: Server) -> None:
    choices = [{"destination_object": "contact", "destination_field": "cf_zlot", "label": "Zlot", "type": "date"}]
    made, told = model_field_candidates(asking(tmp_path, None), ROWS, choices)
    assert (made, told, server.bodies) == (suggest_fields(ROWS, choices), "The language model is off.", [])
