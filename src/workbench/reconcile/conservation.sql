-- Every source row of every mapping has exactly one fate: the columns after `source` add up to it.
-- Run it over the warehouse alone, with no tool of ours:
--   duckdb -readonly data/warehouse.duckdb < conservation.sql
--
-- staged.claims          which mapping claims each row of the export; unclaimed_<object> where none does,
--                        later_wave_<object>, older_<object> and condensed_<object> for what the scope and the history
--                        leave out, the last as lines of summary notes
-- checked.held           rows that a check holds, with the reason
-- reconciled.mappings    what each mapping does with its rows
-- reconciled.waiting     rows that wait for another record
-- reconciled.run_fates   what the ledger says became of each row that this run wrote
-- destination.identities the records that stand for source rows
WITH fates AS (
  SELECT
    mapping,
    c.source_id,
    m.kind,
    m.place,
    CASE
      WHEN h.source_id IS NOT NULL THEN 'held'
      WHEN m.kind = 'left_out' THEN 'excluded'
      WHEN starts_with(mapping, 'later_wave_') OR starts_with(mapping, 'older_') OR starts_with(mapping, 'condensed_')
        THEN 'excluded'
      WHEN m.kind IN ('match', 'setup') THEN 'unchanged'
      WHEN w.source_id IS NOT NULL THEN 'deferred'
      WHEN f.fate IS NOT NULL THEN f.fate
      WHEN i.source_id IS NOT NULL THEN 'unchanged'
    END AS fate
  FROM staged.claims c
  FULL JOIN reconciled.mappings m USING (mapping)
  LEFT JOIN (SELECT DISTINCT mapping, source_id FROM checked.held) h USING (mapping, source_id)
  LEFT JOIN reconciled.waiting w USING (mapping, source_id)
  LEFT JOIN reconciled.run_fates f USING (mapping, source_id)
  LEFT JOIN destination.identities i ON i.mapping = c.mapping AND i.source_id = c.source_id AND i.is_live
)
SELECT
  mapping,
  count(source_id) AS source,
  count(source_id) FILTER (fate = 'created') AS created,
  count(source_id) FILTER (fate = 'updated') AS updated,
  count(source_id) FILTER (fate = 'unchanged') AS unchanged,
  count(source_id) FILTER (fate = 'held') AS held,
  count(source_id) FILTER (fate = 'rejected') AS rejected,
  count(source_id) FILTER (fate = 'excluded') AS excluded,
  count(source_id) FILTER (fate = 'deferred') AS deferred
FROM fates
GROUP BY mapping, kind, place
ORDER BY
  CASE WHEN kind IN ('record', 'file') THEN 0 WHEN kind IS NULL THEN 1 WHEN kind = 'left_out' THEN 3 ELSE 2 END,
  place,
  mapping;
