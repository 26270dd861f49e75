-- object: case_pipelines
-- key: pipeline_id
SELECT * FROM raw.case_pipelines
