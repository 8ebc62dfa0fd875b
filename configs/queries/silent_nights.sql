-- In which nights was there much listening and nothing found?
-- hours: recorded; a recorder that fails often shows here first.
SELECT site, night, ROUND(effort_s / 3600, 2) AS hours, windows
FROM nights WHERE classes_detected = 0 AND windows > 0 ORDER BY hours DESC, site, night
