-- object: tasks
-- key: task_id
-- asks: task_due of undated_task
-- Repeating tasks have no date of their own: a person may set one in mappings/values/task_due.csv, else they are held.
-- Tasks with their text composed; a task of an appointment belongs to the appointment's patient.
SELECT
  t.* REPLACE (coalesce(nullif(trim(t.due_at), ''), due.answer) AS due_at),
  CASE WHEN trim(coalesce(t.due_at, '')) = '' THEN t.task_id END AS undated_task,
  concat_ws(chr(10), nullif(trim(t.description), ''), 'Status: ' || t.status, 'Priority: ' || nullif(trim(t.priority), '')) AS body,
  coalesce(nullif(trim(u.email), ''), t.created_by_user_id) AS author,
  CASE lower(coalesce(t.related_object, 'none'))
    WHEN 'contact' THEN 'contacts' WHEN 'case' THEN 'cases' WHEN 'company' THEN 'companies' WHEN 'appointment' THEN 'contacts'
  END AS target_object,
  CASE lower(coalesce(t.related_object, 'none'))
    WHEN 'appointment' THEN a.contact_id WHEN 'none' THEN NULL ELSE t.related_id
  END AS target_id,
  coalesce(company.time_zone, own.time_zone) AS time_zone
FROM profile.read_tasks t
LEFT JOIN profile.read_users u ON u.user_id = t.created_by_user_id
LEFT JOIN profile.read_appointments a ON lower(t.related_object) = 'appointment' AND a.appointment_id = t.related_id
LEFT JOIN profile.read_cases k ON lower(t.related_object) = 'case' AND k.case_id = t.related_id
LEFT JOIN profile.read_contacts person
  ON person.contact_id = CASE lower(t.related_object) WHEN 'contact' THEN t.related_id ELSE coalesce(a.contact_id, k.contact_id) END
LEFT JOIN profile.read_companies company
  ON company.company_id = CASE lower(t.related_object) WHEN 'company' THEN t.related_id ELSE coalesce(a.company_id, k.company_id) END
LEFT JOIN profile.read_companies own ON own.company_id = person.company_id
LEFT JOIN map_task_due due ON due.source_value = trim(t.task_id)
