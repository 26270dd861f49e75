-- object: attachments
-- key: attachment_id
-- Files with the record they hang on; a file of an appointment belongs to the appointment's patient. A row whose file
-- cannot be sent as the index says (profile.file_problems) has a reason to be held, and no mapping claims it.
SELECT
  f.*,
  CASE lower(f.related_object)
    WHEN 'contact' THEN 'contacts' WHEN 'case' THEN 'cases' WHEN 'company' THEN 'companies' WHEN 'appointment' THEN 'contacts'
  END AS target_object,
  CASE lower(f.related_object) WHEN 'appointment' THEN a.contact_id ELSE f.related_id END AS target_id,
  (
    SELECT min(p.problem) FROM profile.file_problems p
    WHERE p.attachment_id = f.attachment_id AND p.problem IN (
      'a row without its file', 'its path leaves the delivery', 'the file is empty', 'the file is over 150 MB',
      'its size is not that of the index', 'its hash is not that of the index')
  ) AS hold_reason
FROM profile.read_attachments f
LEFT JOIN profile.read_appointments a ON lower(f.related_object) = 'appointment' AND a.appointment_id = f.related_id
