-- Detections with the path of their recording.
SELECT d.site, d.date, r.path, d.recording_id, d.class, d.start_s, d.end_s, d.start_utc, d.windows, d.peak_score, d.mean_score, d.probability
FROM detections d JOIN recordings r ON d.recording_id = r.recording_id
