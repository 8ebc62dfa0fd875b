-- How many species were found in how many nights, over all sites?
-- nights: nights recorded so far; hours: hours recorded so far; species: species found so far.
-- A curve that still rises shows that more species can be expected.
SELECT night, nights, site_nights, ROUND(effort_s / 3600, 2) AS hours, classes AS species, new_classes AS new_species
FROM accumulation WHERE site IS NULL ORDER BY night
