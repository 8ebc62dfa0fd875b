-- Which are the surest detections of a species, to listen to?
-- start_s, end_s: from the recording's beginning; peak: score of its best window.
-- The species: --param wanted=CLASS; how many at most: --param least=0.9 leaves out what scores lower.
-- param wanted = FICPRI
-- param least = 0.0
SELECT d.site, d.date, r.path, d.start_s, d.end_s, ROUND(d.peak_score, 3) AS peak
FROM detections d JOIN recordings r ON d.recording_id = r.recording_id CROSS JOIN params
WHERE d.class = params.wanted AND d.peak_score >= params.least ORDER BY d.peak_score DESC, r.path, d.start_s LIMIT 10
