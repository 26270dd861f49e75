-- object: workflows
-- key: workflow_id
SELECT * FROM raw.workflows
