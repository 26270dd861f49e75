-- object: attachments
-- key: attachment_id
-- Files with the record they hang on; a file of an appointment belongs to the appointment's patient.
SELECT
  f.*,
  CASE lower(f.related_object)
    WHEN 'contact' THEN 'contacts' WHEN 'case' THEN 'cases' WHEN 'company' THEN 'companies' WHEN 'appointment' THEN 'contacts'
  END AS target_object,
  CASE lower(f.related_object) WHEN 'appointment' THEN a.contact_id ELSE f.related_id END AS target_id
FROM profile.read_attachments f
LEFT JOIN profile.read_appointments a ON lower(f.related_object) = 'appointment' AND a.appointment_id = f.related_id
