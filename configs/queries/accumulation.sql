-- How many species did so many nights give, over all sites?
-- nights: listened to so far; hours: recorded so far; species: heard so far. A curve that still rises says that more are to be found.
SELECT night, nights, site_nights, ROUND(effort_s / 3600, 2) AS hours, classes AS species, new_classes AS new_species
FROM accumulation WHERE site IS NULL ORDER BY night
