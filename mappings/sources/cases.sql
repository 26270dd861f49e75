-- object: cases
-- key: case_id
-- Treatment cases with the name of their pipeline and stage, and the stage's outcome.
SELECT
  c.* REPLACE (
    coalesce(s.stage_name, c.stage_name) AS stage_name,
    -- Of several appeals the deal keeps the first; claim_history keeps all.
    CASE WHEN regexp_matches(c.cf_claim_appealed_on, '[;|,]|\sand\s')
      THEN (SELECT coalesce(TRY_CAST(day AS DATE), TRY_STRPTIME(day, '%m/%d/%Y')::DATE, NULL)::VARCHAR
        FROM (SELECT trim(string_split_regex(c.cf_claim_appealed_on, '[;|,]|\sand\s')[1]) AS day))
      ELSE c.cf_claim_appealed_on END AS cf_claim_appealed_on
  ),
  coalesce(p.pipeline_name, c.case_type) AS pipeline,
  lower(regexp_replace(trim(coalesce(p.pipeline_name, c.case_type, '')), '[^A-Za-z0-9]+', '_', 'g')) AS pipeline_key,
  CASE WHEN s.outcome IN ('won', 'lost') THEN c.closed_date END AS final_day,
  coalesce(company.time_zone, own.time_zone) AS time_zone
FROM profile.read_cases c
LEFT JOIN profile.read_case_pipelines p ON p.pipeline_id = c.pipeline_id
LEFT JOIN profile.read_case_stages s
  ON s.stage_id = c.stage_id OR (c.stage_id IS NULL AND s.stage_name = c.stage_name AND s.pipeline_id = c.pipeline_id)
LEFT JOIN profile.read_companies company ON company.company_id = c.company_id
LEFT JOIN profile.read_contacts person ON person.contact_id = c.contact_id
LEFT JOIN profile.read_companies own ON own.company_id = person.company_id
