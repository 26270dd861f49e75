-- object: workflows
-- key: workflow_id
SELECT * FROM profile.read_workflows
