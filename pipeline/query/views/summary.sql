-- The whole run in one row: recordings, sites, nights, hours, windows, detected classes and events.
WITH r AS (SELECT COUNT(*) AS recordings, COUNT(DISTINCT site) AS sites, SUM(CASE WHEN status = 'rejected' THEN 1 ELSE 0 END) AS rejected, SUM(CASE WHEN copy_of IS NULL THEN duration_s END) / 3600 AS hours FROM recordings),
     n AS (SELECT COUNT(*) AS site_nights FROM nights),
     w AS (SELECT COUNT(*) AS windows FROM segments),
     c AS (SELECT COUNT(*) AS classes, SUM(CASE WHEN nights_detected > 0 THEN 1 ELSE 0 END) AS classes_detected FROM phenology WHERE site IS NULL),
     e AS (SELECT COUNT(*) AS events FROM detections)
SELECT r.recordings, r.rejected, r.sites, n.site_nights, r.hours, w.windows, c.classes, c.classes_detected, e.events
FROM r CROSS JOIN n CROSS JOIN w CROSS JOIN c CROSS JOIN e
