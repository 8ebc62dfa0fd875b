-- How much did a species call in each night (calling index)?
-- share: share of windows that are part of an event; minutes_with: recorded minutes with a detection, of minutes;
-- per_hour: events per recorded hour. For one species: --param wanted=CLASS
-- param wanted = all
SELECT a.class, a.site, a.night, ROUND(SUM(a.effort_s) / 3600, 2) AS hours, ROUND(SUM(a.windows_detected) * 1.0 / SUM(a.windows), 3) AS share,
       SUM(a.minutes_detected) AS minutes_with, SUM(a.minutes) AS minutes, ROUND(SUM(a.events) * 3600.0 / SUM(a.effort_s), 2) AS per_hour
FROM activity a CROSS JOIN params
WHERE (params.wanted = 'all' OR a.class = params.wanted) AND a.night IS NOT NULL AND a.windows > 0
GROUP BY a.class, a.site, a.night ORDER BY a.class, a.site, a.night
