-- object: companies
-- key: company_id
-- Practices, groups and referring practices. Depth puts parents before children; a parent that is missing,
-- the company itself, or part of a circle is cut (and listed by profile.parents).
WITH RECURSIVE linked AS (
  SELECT c.company_id, min(p.company_id) AS parent
  FROM profile.read_companies c LEFT JOIN profile.read_companies p ON p.company_id = c.parent_company_id
  GROUP BY c.company_id
),
below AS (
  SELECT company_id, 0 AS depth FROM linked WHERE parent IS NULL
  UNION ALL
  SELECT l.company_id, below.depth + 1 FROM below JOIN linked l ON l.parent = below.company_id
),
-- Who hangs on no top is in a circle or below one. After more steps up than there are companies everybody of them stands
-- in a circle, and each who is in one is stood on: the steps are doubled, so twenty doublings are a million steps.
jump AS (
  SELECT company_id, parent AS ancestor, 0 AS doubled FROM linked ANTI JOIN below USING (company_id)
  UNION ALL
  SELECT one.company_id, more.ancestor, one.doubled + 1
  FROM jump one JOIN jump more ON more.company_id = one.ancestor
  WHERE one.doubled < 20
),
circles AS (SELECT DISTINCT ancestor AS company_id FROM jump WHERE doubled = 20),
hanging AS (
  SELECT company_id, 0 AS depth FROM circles
  UNION ALL
  SELECT l.company_id, hanging.depth + 1
  FROM hanging JOIN linked l ON l.parent = hanging.company_id
  WHERE l.company_id NOT IN (SELECT company_id FROM circles)
),
depths AS (SELECT * FROM below UNION ALL SELECT * FROM hanging)
SELECT
  c.* REPLACE (CASE WHEN l.parent IS NULL OR r.company_id IS NOT NULL THEN NULL ELSE c.parent_company_id END AS parent_company_id),
  coalesce(d.depth, 0) AS depth
FROM profile.read_companies c
LEFT JOIN linked l ON l.company_id = c.company_id
LEFT JOIN depths d ON d.company_id = c.company_id
LEFT JOIN circles r ON r.company_id = c.company_id
