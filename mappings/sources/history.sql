-- object: history
-- key: history_id
-- What `[policy] history = condensed` may fold into one note a patient and year: notes, calls and appointments from before
-- `condensed_before`, each on the patient it belongs to. Any other policy leaves it empty.
WITH inside AS (
  SELECT
    'notes' AS member_object, n.note_id AS member_id, n.note_type AS kind, n.body, n.body_format, n.written_at,
    n.author_user_id AS user_id,
    CASE lower(n.related_object)
      WHEN 'contact' THEN n.related_id WHEN 'case' THEN k.contact_id WHEN 'appointment' THEN a.contact_id
    END AS person
  FROM profile.read_notes n
  LEFT JOIN profile.read_appointments a ON lower(n.related_object) = 'appointment' AND a.appointment_id = n.related_id
  LEFT JOIN profile.read_cases k ON lower(n.related_object) = 'case' AND k.case_id = n.related_id
  WHERE TRY_CAST(n.written_at AS TIMESTAMP) < getvariable('condensed_before')::TIMESTAMP
  UNION ALL
  SELECT
    'appointments', v.appointment_id, 'Appointment', concat_ws(', ', nullif(trim(v.appointment_type), ''), nullif(trim(v.status), '')),
    'plain', v.starts_at, v.owner_user_id, v.contact_id
  FROM profile.read_appointments v
  WHERE TRY_CAST(v.starts_at AS TIMESTAMP) < getvariable('condensed_before')::TIMESTAMP
)
SELECT
  i.member_object || '/' || trim(i.member_id) AS history_id,
  i.member_object,
  trim(i.member_id) AS member_id,
  p.contact_id,
  year(TRY_CAST(i.written_at AS TIMESTAMP))::VARCHAR AS year,
  i.kind,
  i.body,
  i.body_format,
  i.written_at,
  coalesce(nullif(trim(u.email), ''), i.user_id) AS author,
  own.time_zone
FROM inside i
JOIN profile.read_contacts p ON trim(p.contact_id) = trim(i.person)
LEFT JOIN profile.read_companies own ON own.company_id = p.company_id
LEFT JOIN profile.read_users u ON u.user_id = i.user_id
