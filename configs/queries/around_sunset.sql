-- When does a species call, relative to sunset?
-- hours_from_sunset: start of the half hour, negative before sunset; share: share of its windows with a detection.
-- Needs coordinates. For one species: --param wanted=CLASS. Relative to sunrise: --param anchor_is=sunrise
-- param wanted = all
-- param anchor_is = sunset
SELECT s.class, s.offset_min / 60.0 AS hours_from_sunset, ROUND(SUM(s.effort_s) / 3600, 2) AS hours_recorded,
       ROUND(SUM(s.windows_detected) * 1.0 / SUM(s.windows), 3) AS share
FROM sun_activity s CROSS JOIN params
WHERE (params.wanted = 'all' OR s.class = params.wanted) AND s.anchor = params.anchor_is AND s.offset_min IS NOT NULL AND s.windows > 0
GROUP BY s.class, s.offset_min ORDER BY s.class, s.offset_min
