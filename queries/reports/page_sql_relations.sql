-- The views, then the tables, with their columns and comments; grain: one per view or table.
SELECT
    t.name AS name, toUInt8(t.engine LIKE '%View') AS is_view, t.comment AS comment,
    groupArray(concat(c.name, ' ', c.type)) AS columns
FROM system.tables AS t
INNER JOIN (SELECT table, name, type FROM system.columns WHERE database = currentDatabase() ORDER BY table, position) AS c ON c.table = t.name
WHERE t.database = currentDatabase() AND t.name != 'schema_migration'
GROUP BY name, is_view, comment
ORDER BY is_view DESC, name
