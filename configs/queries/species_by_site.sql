-- Which species were detected at which site, and in what share of the windows?
-- percent: percentage of the site's windows that are part of an event.
SELECT site, class, SUM(windows_detected) AS windows_detected, ROUND(SUM(windows_detected) * 100.0 / SUM(windows), 2) AS percent
FROM activity GROUP BY site, class HAVING SUM(windows_detected) > 0 ORDER BY site, percent DESC, class
