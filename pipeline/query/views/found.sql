-- Windows whose score reaches the class's threshold for all sites, of classes that can be told: one row per window and class.
SELECT p.site, p.date, p.segment_id, p.recording_id, p.class, p.start_utc, p.start_s, p.end_s, p.score, t.threshold
FROM predictions p JOIN thresholds t ON p.class = t.class
WHERE t.site IS NULL AND t.usable AND p.score >= t.threshold
