//! The columns of a site sheet that describe sites and that ingest does not use, such as their habitat.

use std::collections::{BTreeMap, BTreeSet};

use chorus_archive::{Archive, composed};

use super::read::{self, MAX_BYTES, Table};
use crate::ingest::error::IngestError;

/// Columns about recordings, and those that the table `recordings` has.
const ELSEWHERE: [&str; 9] = ["site", "latitude", "longitude", "folder", "name", "serial", "from", "to", "start"];

/// What a site sheet says of sites.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteColumns {
    /// The columns, as they are written.
    pub names: Vec<String>,
    /// Values by site, in the order of the columns; `None` where a field is empty, or lines of the site differ.
    sites: BTreeMap<String, Vec<Option<String>>>,
    /// The sites whose lines differ, by column.
    pub differing: BTreeMap<String, BTreeSet<String>>,
}

impl SiteColumns {
    /// The values of a site, in the order of the columns; `None` where the sheet does not have it.
    pub fn of(&self, site: &str) -> Option<&[Option<String>]> {
        self.sites.get(&*composed(site)).map(Vec::as_slice)
    }
}

/// Reads the columns of a sheet of an archive.
///
/// # Errors
/// The sheet cannot be read, or has no column of sites.
pub fn site_columns(archive: &dyn Archive, sheet: &str) -> Result<SiteColumns, IngestError> {
    parse(&archive.location(sheet), &archive.read(sheet, MAX_BYTES)?)
}

fn parse(location: &str, bytes: &[u8]) -> Result<SiteColumns, IngestError> {
    let table = Table::read(location, bytes)?;
    let kept: Vec<usize> = (0..table.head.len())
        .filter(|at| !table.repeated.contains_key(at))
        .filter(|&at| !table.head[at].is_empty() && !read::known(&table.head[at]).is_some_and(|name| ELSEWHERE.contains(&name)))
        .collect();
    let mut found = SiteColumns { names: kept.iter().map(|&at| table.head[at].to_owned()).collect(), ..SiteColumns::default() };
    for (_, record) in &table.records {
        let Some(site) = table.site(record) else { continue };
        let values = found.sites.entry(composed(site).into_owned()).or_insert_with(|| vec![None; kept.len()]);
        for ((value, &at), name) in values.iter_mut().zip(&kept).zip(&found.names) {
            let new = record.get(at).filter(|text| !text.is_empty()).map(|text| table.number_or_text(text));
            match new {
                Some(new) if value.as_ref().is_some_and(|old| *old != new) => {
                    found.differing.entry(name.clone()).or_default().insert(composed(site).into_owned());
                }
                Some(new) => *value = Some(new),
                None => {}
            }
        }
    }
    // What differs is known only when all lines were read.
    for (at, name) in found.names.iter().enumerate() {
        for site in found.differing.get(name).into_iter().flatten() {
            if let Some(values) = found.sites.get_mut(site) {
                values[at] = None;
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_describes_a_site_is_kept_as_it_is_written() {
        let found = parse(
            "sites.csv",
            "Site,lat,lon,Habitat,Time zone,folder,depth_m\nPOND,-10,-50,\"reeds, open\",America/Manaus,a,1.5\nPOND,,,,,b,\nMARSH,,,bog,,,0.25\n"
                .as_bytes(),
        )
        .unwrap();
        assert_eq!(found.names, ["Habitat", "Time zone", "depth_m"]);
        let of = |site: &str| found.of(site).unwrap().iter().map(|v| v.as_deref().unwrap_or("-")).collect::<Vec<_>>().join("|");
        assert_eq!((of("POND"), of("MARSH")), ("reeds, open|America/Manaus|1.5".into(), "bog|-|0.25".into()));
        assert!(found.of("RIVER").is_none() && found.differing.is_empty());
    }

    #[test]
    fn of_columns_with_one_name_the_first_counts() {
        let found = parse("sites.csv", b"site,habitat,Habitat\nPOND,reeds,bog\n").unwrap();
        assert_eq!(
            (found.names.clone(), found.of("POND").unwrap()),
            (vec!["habitat".to_owned()], &[Some("reeds".to_owned())][..])
        );
    }

    #[test]
    fn lines_that_differ_say_nothing_and_decimal_commas_become_points() {
        let text = "site;habitat;depth;note\nRivie\u{300}re;reeds;1,5;a, b\nRivi\u{e8}re;bog;1,5;\n";
        let found = parse("sites.csv", text.as_bytes()).unwrap();
        let values = found.of("Rivie\u{300}re").unwrap();
        assert_eq!(values, [None, Some("1.5".to_owned()), Some("a, b".to_owned())]);
        assert_eq!(found.differing.keys().collect::<Vec<_>>(), ["habitat"]);
        assert!(parse("sites.csv", b"name,habitat\nA,b\n").unwrap_err().to_string().contains("no site among them"));
    }
}
