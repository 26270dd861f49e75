-- object: case_pipelines
-- key: pipeline_id
SELECT * FROM profile.read_case_pipelines
