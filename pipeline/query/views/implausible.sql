-- Detections that the table of plausibility.table does not expect at their place and time, with the path of their recording.
SELECT d.site, d.date, r.path, d.recording_id, d.class, d.start_s, d.end_s, d.start_utc, d.peak_score, d.probability, p.expected
FROM plausibility p JOIN detections d ON p.recording_id = d.recording_id AND p.class = d.class AND p.start_s = d.start_s
JOIN recordings r ON d.recording_id = r.recording_id
WHERE NOT p.plausible
