from pathlib import Path

import pytest
from little import Little, make_little

PERSON = """
kind = "record"
destination = "contact"
[source]
from = "people"
[fields]
last_name = { from = "last_name", required = true }
cf_source_system_id = { from = "person_id" }
cf_carrier = { from = "carrier", values = "insurance_carrier", on_open = "omit" }
cf_claim = { from = "claim", values = "claim_status", on_open = "omit" }
cf_stage = { from = "stage", values = "stage.{pipeline}" }
cf_color = { from = "color", values = "color" }
[lookups]
owner_id = { from = "owner", to = "owners", values = "owner" }
"""
PEOPLE = """person_id,last_name,carrier,claim,stage,pipeline,color,owner
C1,Lund,Aetna,Paid,Consult,ortho,red,U1
C2,Reyes,aetna,F2,consult,ortho,,U2
C3,Falk,Delta Dental,Rejected,Begun,ortho,,U3
C4,Pratt,self pay,Unsent,,,,U4
"""


@pytest.fixture
def little(tmp_path: Path) -> Little:
    """Four people whose values ask six maps, and a tenant whose users are read."""
    made = make_little(tmp_path)
    made.mapping("person", PERSON)
    made.custom("contacts", cf_carrier="text", cf_claim="text", cf_stage="text", cf_color="text")
    made.land(
        people=PEOPLE,
        users="user_id,full_name,email,is_active\nU1,Dana,Dana@x.com,Y\nU2,Lee,desk@x.com,Y\nU3,Pat,desk@x.com,Y\nU4,Kim,kim@x.com,N\n",
        case_pipelines="pipeline_id,pipeline_name,sort_order,is_deleted\nP1,Ortho,1,N\n",
        case_stages="stage_id,pipeline_id,stage_name,outcome,probability_pct,sort_order\nS1,P1,Consult,open,10,1\n",
    )
    return made
