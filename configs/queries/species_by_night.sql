-- How many species called in each night, at each site?
-- hours: recorded hours; new_species: species detected at this site for the first time.
SELECT n.site, n.night, n.classes_detected AS species, a.new_classes AS new_species, ROUND(n.effort_s / 3600, 2) AS hours
FROM nights n JOIN accumulation a ON n.site = a.site AND n.night = a.night ORDER BY n.site, n.night
