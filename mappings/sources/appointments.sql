-- object: appointments
-- key: appointment_id
-- Appointments with their text composed and the e-mail of their owner for the marker.
SELECT
  a.*,
  concat_ws(chr(10),
    nullif(trim(a.procedures_text), ''), nullif(trim(a.notes), ''), 'Status: ' || a.status,
    'Confirmed by: ' || nullif(trim(a.confirmed_by), ''),
    CASE WHEN a.is_new_patient = 'Y' THEN 'New patient: Y' END) AS body,
  coalesce(nullif(trim(o.email), ''), a.owner_user_id) AS author,
  coalesce(company.time_zone, own.time_zone) AS time_zone
FROM profile.read_appointments a
LEFT JOIN profile.read_users o ON o.user_id = a.owner_user_id
LEFT JOIN profile.read_companies company ON company.company_id = a.company_id
LEFT JOIN profile.read_contacts person ON person.contact_id = a.contact_id
LEFT JOIN profile.read_companies own ON own.company_id = person.company_id
