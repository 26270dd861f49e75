"""A loading process is killed twenty times at seeded moments, and resumed each time: nothing is lost, nothing doubled."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from loads import assert_each_row_delivered_once, serve
from middleman import MOMENTS, Death, Middleman
from rooms import Practice, make_practice, make_ready_to_load
from slices import slice_of

LOADING = Path(__file__).parents[1] / "support" / "loading.py"
KILLS = [  # what the killed request asks for, and the range its number is drawn from
    ("POST /crm/sales/api/sales_accounts/upsert", 1, 2),
    ("POST /crm/sales/api/sales_accounts/upsert", 3, 4),
    ("POST /crm/sales/api/sales_accounts/bulk_upsert", 1, 1),
    ("POST /crm/sales/api/contacts/upsert", 1, 2),
    ("POST /crm/sales/api/contacts/bulk_upsert", 1, 1),
    ("POST /crm/sales/api/contacts/bulk_upsert", 2, 2),
    ("GET /crm/sales/api/job_statuses/", 1, 2),
    ("GET /crm/sales/api/contacts/view/", 1, 2),
    ("POST /crm/sales/api/deals/upsert", 1, 2),
    ("POST /crm/sales/api/deals/upsert", 6, 12),
    ("PUT /crm/sales/api/deals/", 1, 3),
    ("POST /crm/sales/api/appointments", 3, 30),
    ("POST /crm/sales/api/appointments", 31, 60),
    ("POST /crm/sales/api/sales_activities", 3, 45),
    ("POST /crm/sales/api/notes", 3, 30),
    ("POST /crm/sales/api/notes", 31, 60),
    ("POST /crm/sales/api/notes", 61, 90),
    ("POST /crm/sales/api/tasks", 3, 45),
    ("POST /crm/sales/api/documents", 2, 10),
    ("POST /crm/sales/api/documents", 11, 20),
]


def draw_deaths(seed: int) -> list[Death]:
    """Draw number and moment of each kill; every moment comes equally often."""
    chance = random.Random(seed)
    moments = list(MOMENTS) * (len(KILLS) // len(MOMENTS))
    chance.shuffle(moments)
    return [
        Death(f"^{match}", chance.randint(least, most), moment, chance.uniform(0, 0.006))
        for (match, least, most), moment in zip(KILLS, moments, strict=True)
    ]


def load_through(practice: Practice, middleman: Middleman, seed: int) -> list[int]:
    """Start loading processes until one ends by itself, every second with a new plan; return how each ended."""
    practice.use_tenant(middleman.base_url)
    ended: list[int] = []
    while not ended or ended[-1] < 0:
        command = [
            sys.executable,
            str(LOADING),
            str(practice.folder),
            *(["again"] if len(ended) % 2 == seed % 2 else []),
        ]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            middleman.process = process
            _, said = process.communicate(timeout=120)
        assert process.returncode in (0, -9), said.decode()[-2000:]
        ended.append(process.returncode)
    return ended


@pytest.mark.parametrize("seed", slice_of([20261124, 20261125, 20261126], every=3))
def test_twenty_kills_lose_nothing_and_double_nothing(tmp_path: Path, seed: int, record_property) -> None:
    practice = make_practice(tmp_path, patients=40, seed=7)
    with serve(practice) as tenant_url:
        make_ready_to_load(practice)
        middleman = Middleman(tenant_url, practice.settings.ledger, draw_deaths(seed))
        ended = load_through(practice, middleman, seed)
        record_property("kills", sum(one == -9 for one in ended))
        assert ended == [-9] * len(KILLS) + [0], f"seed {seed}: {middleman.waiting} never came"
        assert_each_row_delivered_once(practice, tenant_url, f"seed {seed}")
        middleman.close()
