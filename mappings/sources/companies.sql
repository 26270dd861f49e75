-- object: companies
-- key: company_id
-- Practices, groups and referring practices. Depth puts parents before children; a parent that is missing,
-- the company itself, or part of a circle is cut (and listed by profile.parents).
WITH RECURSIVE up AS (
  SELECT company_id, parent_company_id AS ancestor, 1 AS depth, [company_id] AS seen
  FROM profile.read_companies
  WHERE parent_company_id IS NOT NULL
  UNION ALL
  SELECT up.company_id, p.parent_company_id, up.depth + 1, list_append(up.seen, p.company_id)
  FROM up
  JOIN profile.read_companies p ON p.company_id = up.ancestor
  WHERE p.parent_company_id IS NOT NULL AND NOT list_contains(up.seen, p.company_id) AND up.depth < 2000
),
depths AS (SELECT company_id, max(depth) AS depth FROM up GROUP BY company_id),
circles AS (SELECT DISTINCT company_id FROM up WHERE ancestor = company_id)
SELECT
  c.* REPLACE (
    CASE WHEN p.company_id IS NULL OR r.company_id IS NOT NULL THEN NULL ELSE c.parent_company_id END AS parent_company_id
  ),
  CASE WHEN p.company_id IS NULL OR r.company_id IS NOT NULL THEN 0 ELSE coalesce(d.depth, 0) END AS depth
FROM profile.read_companies c
LEFT JOIN profile.read_companies p ON p.company_id = c.parent_company_id
LEFT JOIN depths d ON d.company_id = c.company_id
LEFT JOIN circles r ON r.company_id = c.company_id
