-- object: case_stages
-- key: stage_id
SELECT * FROM raw.case_stages
