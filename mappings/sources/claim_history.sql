-- object: claim_history
-- key: claim_history_id
-- Claims that were appealed more than once: the deal has one field for the day of an appeal, so a note keeps all of them.
WITH appeals AS (
  SELECT c.*, list_filter(string_split_regex(trim(c.cf_claim_appealed_on), '\s*[;|,]\s*|\s+and\s+'), lambda one: one <> '') AS days
  FROM profile.read_cases c
  WHERE coalesce(c.is_deleted, 'N') <> 'Y'
)
SELECT
  a.case_id || ':appeals' AS claim_history_id,
  a.case_id,
  'Claim' || coalesce(' ' || a.cf_claim_number, '') || ' was appealed ' || len(a.days) || ' times: '
    || array_to_string(list_transform(a.days, lambda one:
      coalesce(TRY_CAST(one AS DATE), TRY_STRPTIME(one, '%m/%d/%Y')::DATE)::VARCHAR), ', ') AS body,
  'plain' AS body_format,
  a.modified_at AS written_at,
  coalesce(nullif(trim(u.email), ''), a.owner_user_id) AS author,
  coalesce(company.time_zone, own.time_zone) AS time_zone
FROM appeals a
LEFT JOIN profile.read_users u ON u.user_id = a.owner_user_id
LEFT JOIN profile.read_companies company ON company.company_id = a.company_id
LEFT JOIN profile.read_contacts person ON person.contact_id = a.contact_id
LEFT JOIN profile.read_companies own ON own.company_id = person.company_id
WHERE len(a.days) > 1
  AND len(list_filter(a.days, lambda one: coalesce(TRY_CAST(one AS DATE), TRY_STRPTIME(one, '%m/%d/%Y')::DATE) IS NULL)) = 0
