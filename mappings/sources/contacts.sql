-- object: contacts
-- key: contact_id
-- asks: contact_route of route_spelling
-- Every person of the export with the decided route. A blank has_scheduled_appointment is filled from appointments:
-- any that is Scheduled or Confirmed and starts at or after the snapshot.
WITH upcoming AS (
  SELECT DISTINCT a.contact_id
  FROM profile.read_appointments a
  WHERE a.status IN ('Scheduled', 'Confirmed') AND coalesce(a.is_deleted, 'N') <> 'Y'
    AND TRY_CAST(a.starts_at AS TIMESTAMP) >= (SELECT max(TRY_CAST(exported_at AS TIMESTAMP)) FROM raw.deliveries)
),
recalls AS (
  SELECT contact_id,
    arg_max(recall_type, coalesce(recall_due, '') || task_id) AS recall_type,
    arg_max(recall_interval, coalesce(recall_due, '') || task_id) AS recall_interval,
    arg_max(recall_due, coalesce(recall_due, '') || task_id) AS recall_due
  FROM profile.recalls GROUP BY contact_id
),
people AS (
  SELECT
    c.*,
    lower(regexp_replace(trim(coalesce(c.lifecycle_role, '')), '\s+', ' ', 'g')) AS role_key,
    lower(regexp_replace(trim(coalesce(c.status, '')), '\s+', ' ', 'g')) AS status_key,
    CASE upper(coalesce(c.has_scheduled_appointment, ''))
      WHEN 'Y' THEN 'y' WHEN 'N' THEN 'n' ELSE CASE WHEN u.contact_id IS NULL THEN 'n' ELSE 'y' END
    END AS appointment_key,
    lower(regexp_replace(trim(c.employer), '\s+', ' ', 'g')) AS employer_key
  FROM profile.read_contacts c
  LEFT JOIN upcoming u ON u.contact_id = c.contact_id
),
named AS (
  SELECT lower(regexp_replace(trim(company_name), '\s+', ' ', 'g')) AS employer_key,
    count(*) AS companies, min(company_id) AS company_id, min(company_name) AS company_name
  FROM profile.read_companies WHERE coalesce(is_deleted, 'N') <> 'Y' GROUP BY 1
)
SELECT
  p.* EXCLUDE (employer_key),
  coalesce(nullif(p.first_name, ''), '') AS given_name,
  coalesce(p.last_name, p.first_name, p.contact_id) AS family_name,
  CASE
    WHEN coalesce(exact.answer, wide.answer) = 'referring_dentist' AND p.company_id IS NULL AND n.companies > 1 THEN 'hold'
    ELSE coalesce(exact.answer, wide.answer, 'hold')
  END AS route,
  coalesce(exact.source_value, wide.source_value, p.role_key || '|' || p.status_key || '|' || p.appointment_key) AS route_spelling,
  CASE
    WHEN coalesce(exact.answer, wide.answer) = 'referring_dentist' AND p.company_id IS NULL AND n.companies > 1
      THEN 'employer names ' || n.companies || ' practices'
    WHEN coalesce(exact.answer, wide.answer, 'hold') = 'hold' THEN 'no route decided for role, status and appointment'
  END AS hold_reason,
  CASE
    WHEN p.company_id IS NOT NULL THEN 'companies'
    WHEN coalesce(exact.answer, wide.answer) = 'referring_dentist' AND n.companies = 1 THEN 'companies'
    WHEN coalesce(exact.answer, wide.answer) = 'referring_dentist' AND p.employer_key <> '' THEN 'employers'
  END AS practice_object,
  CASE
    WHEN p.company_id IS NOT NULL THEN p.company_id
    WHEN coalesce(exact.answer, wide.answer) = 'referring_dentist' AND n.companies = 1 THEN n.company_id
    WHEN coalesce(exact.answer, wide.answer) = 'referring_dentist' AND p.employer_key <> ''
      THEN 'employer:' || trim(regexp_replace(p.employer_key, '[^a-z0-9]+', '-', 'g'), '-')
  END AS practice_id,
  coalesce(rc.company_name, ref.employer, own.company_name, p.employer) AS lead_company,
  coalesce(r.recall_type, NULL) AS recall_type,
  coalesce(r.recall_interval, p.cf_recall_interval) AS recall_interval,
  coalesce(r.recall_due, p.cf_next_recall) AS recall_due,
  own.time_zone AS time_zone,
  provider.email AS provider_email
FROM people p
LEFT JOIN map_contact_route exact ON exact.source_value = p.role_key || '|' || p.status_key || '|' || p.appointment_key
LEFT JOIN map_contact_route wide ON wide.source_value = p.role_key || '|' || p.status_key || '|-'
LEFT JOIN named n ON n.employer_key = p.employer_key
LEFT JOIN profile.read_companies own ON own.company_id = p.company_id
LEFT JOIN profile.read_contacts ref ON ref.contact_id = p.referred_by_contact_id
LEFT JOIN profile.read_companies rc ON rc.company_id = ref.company_id
LEFT JOIN profile.read_users provider ON provider.user_id = p.primary_provider_user_id
LEFT JOIN recalls r ON r.contact_id = p.contact_id
