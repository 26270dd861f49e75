-- object: case_stages
-- key: stage_id
SELECT * FROM profile.read_case_stages
