-- Which species call at the same time?
-- windows: number of windows in which both species reach their thresholds. Species that can't be told yet are left out.
WITH hits AS (SELECT p.segment_id, p.class FROM predictions p JOIN thresholds t ON p.class = t.class
              WHERE t.site IS NULL AND t.usable AND p.score >= t.threshold),
     others AS (SELECT segment_id, class AS other FROM hits)
SELECT f.class AS one, o.other, COUNT(*) AS windows FROM hits f JOIN others o ON f.segment_id = o.segment_id
WHERE f.class < o.other GROUP BY f.class, o.other ORDER BY windows DESC, one, other LIMIT 10
