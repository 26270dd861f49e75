-- object: employers
-- key: employer_id
-- Practices that only the employer text of a referring dentist names: one new account each.
WITH dentists AS (
  SELECT
    c.contact_id, c.employer, c.owner_user_id, c.created_at, c.modified_at,
    lower(regexp_replace(trim(c.employer), '\s+', ' ', 'g')) AS employer_key
  FROM profile.read_contacts c
  JOIN map_contact_route r
    ON regexp_replace(r.source_value, '\|[yn-]$', '') = lower(regexp_replace(trim(coalesce(c.lifecycle_role, '')), '\s+', ' ', 'g'))
       || '|' || lower(regexp_replace(trim(coalesce(c.status, '')), '\s+', ' ', 'g'))
  WHERE r.answer = 'referring_dentist' AND c.company_id IS NULL AND trim(coalesce(c.employer, '')) <> ''
    AND coalesce(c.is_deleted, 'N') <> 'Y'
),
known AS (SELECT DISTINCT lower(regexp_replace(trim(company_name), '\s+', ' ', 'g')) AS employer_key FROM profile.read_companies)
SELECT
  'employer:' || trim(regexp_replace(employer_key, '[^a-z0-9]+', '-', 'g'), '-') AS employer_id,
  arg_min(trim(employer), contact_id) AS employer_name,
  arg_min(owner_user_id, contact_id) AS owner_user_id,
  arg_min(created_at, contact_id) AS created_at,
  arg_min(modified_at, contact_id) AS modified_at,
  NULL::VARCHAR AS time_zone,
  0 AS depth
FROM dentists
WHERE employer_key NOT IN (SELECT employer_key FROM known)
GROUP BY 1
