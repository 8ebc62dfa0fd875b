-- At which hour does a species call?
-- hour: local time; share: share of the hour's windows with a detection, over all sites and nights.
-- Hours without recordings have no row. For one species: --param wanted=CLASS
-- param wanted = all
SELECT a.class, a.hour, ROUND(SUM(a.effort_s) / 3600, 2) AS hours_recorded, ROUND(SUM(a.windows_detected) * 1.0 / SUM(a.windows), 3) AS share
FROM activity a CROSS JOIN params
WHERE (params.wanted = 'all' OR a.class = params.wanted) AND a.windows > 0 AND a.hour IS NOT NULL
GROUP BY a.class, a.hour ORDER BY a.class, a.hour
