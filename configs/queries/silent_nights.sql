-- In which nights was much recorded and nothing detected?
-- hours: recorded hours. A failing recorder often shows up here first.
SELECT site, night, ROUND(effort_s / 3600, 2) AS hours, windows
FROM nights WHERE classes_detected = 0 AND windows > 0 ORDER BY hours DESC, site, night
