-- Which detections have the highest scores, to listen to?
-- start_s, end_s: seconds from the start of the recording; peak: score of the best window.
-- For one species: --param wanted=CLASS. Minimum score: --param least=0.9
-- param wanted = all
-- param least = 0.0
SELECT d.class, d.site, d.date, r.path, d.start_s, d.end_s, ROUND(d.peak_score, 3) AS peak
FROM detections d JOIN recordings r ON d.recording_id = r.recording_id CROSS JOIN params
WHERE (params.wanted = 'all' OR d.class = params.wanted) AND d.peak_score >= params.least
ORDER BY d.peak_score DESC, r.path, d.start_s, d.class LIMIT 10
