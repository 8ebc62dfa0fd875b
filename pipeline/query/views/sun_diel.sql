-- Share of windows with a detection by site, class and half hour from sunset or sunrise, over all nights; choose one anchor.
WITH sums AS (
    SELECT site, class, anchor, offset_min, SUM(effort_s) AS effort_s, SUM(windows) AS windows, SUM(windows_detected) AS windows_detected, SUM(events) AS events
    FROM sun_activity WHERE offset_min IS NOT NULL GROUP BY site, class, anchor, offset_min
)
SELECT site, class, anchor, offset_min, effort_s / 3600 AS hours, windows, windows_detected, events,
       CASE WHEN windows > 0 THEN windows_detected * 1.0 / windows END AS share_of_windows
FROM sums
