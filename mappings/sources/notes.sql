-- object: notes
-- key: note_id
-- Notes of every kind with their author's e-mail; a note of an appointment belongs to the appointment's patient.
SELECT
  n.*,
  coalesce(nullif(trim(u.email), ''), n.author_user_id) AS author,
  CASE lower(n.related_object)
    WHEN 'contact' THEN 'contacts' WHEN 'case' THEN 'cases' WHEN 'company' THEN 'companies' WHEN 'appointment' THEN 'contacts'
  END AS target_object,
  CASE lower(n.related_object) WHEN 'appointment' THEN a.contact_id ELSE n.related_id END AS target_id,
  coalesce(company.time_zone, own.time_zone) AS time_zone
FROM profile.read_notes n
LEFT JOIN profile.read_users u ON u.user_id = n.author_user_id
LEFT JOIN profile.read_appointments a ON lower(n.related_object) = 'appointment' AND a.appointment_id = n.related_id
LEFT JOIN profile.read_cases k ON lower(n.related_object) = 'case' AND k.case_id = n.related_id
LEFT JOIN profile.read_contacts person
  ON person.contact_id = CASE lower(n.related_object) WHEN 'contact' THEN n.related_id ELSE coalesce(a.contact_id, k.contact_id) END
LEFT JOIN profile.read_companies company
  ON company.company_id = CASE lower(n.related_object) WHEN 'company' THEN n.related_id ELSE coalesce(a.company_id, k.company_id) END
LEFT JOIN profile.read_companies own ON own.company_id = person.company_id
