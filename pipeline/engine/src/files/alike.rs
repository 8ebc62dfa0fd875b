//! Sites whose names differ in upper and lower case alone. Their folders would be one folder on file systems that do not tell such names
//! apart, as those of macOS and Windows.

use std::collections::BTreeMap;

use crate::{EngineError, RunDir, Unit};

/// Refuses units of sites whose folders would be one in a run that exists.
///
/// # Errors
/// [`EngineError::SitesAlike`].
pub(crate) fn refuse<'u>(run: &RunDir, units: impl IntoIterator<Item = &'u Unit>) -> Result<(), EngineError> {
    let Some((site, other)) = alike(units) else { return Ok(()) };
    if run.disk().tells_case_apart(&run.path().join("state")) {
        return Ok(());
    }
    Err(EngineError::SitesAlike { path: run.path().to_owned(), site: site.to_owned(), other: other.to_owned() })
}

/// Two sites whose names differ in case alone.
fn alike<'u>(units: impl IntoIterator<Item = &'u Unit>) -> Option<(&'u str, &'u str)> {
    let mut sites: BTreeMap<String, &str> = BTreeMap::new();
    let mut last = None;
    // The units of a site mostly follow each other.
    units.into_iter().map(Unit::site).filter(|site| last.replace(*site) != Some(*site)).find_map(|site| {
        let other = sites.insert(site.to_lowercase(), site)?;
        (other != site).then_some((other, site))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(sites: &[&str]) -> Vec<Unit> {
        sites.iter().map(|&site| Unit::SiteDay { site: site.into(), date: None, part: 0 }).collect()
    }

    #[cfg(unix)]
    #[test]
    fn names_that_differ_in_case_alone_are_found_and_refused_where_they_would_be_one_folder() {
        assert_eq!(alike(&units(&["POND01", "POND02", "POND01", "pond 01"])), None);
        assert_eq!(alike(&units(&["É1", "B", "é1"])), Some(("É1", "é1")));
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path());
        std::fs::create_dir(dir.path().join("state")).unwrap();
        let both = units(&["Pond", "POND"]);
        if run.disk().tells_case_apart(&dir.path().join("state")) {
            refuse(&run, &both).unwrap();
            // A file system that takes both for one is one on which the folder answers to the other name too.
            std::os::unix::fs::symlink("state", dir.path().join("STATE")).unwrap();
        }
        let told = refuse(&run, &both).unwrap_err().to_string();
        assert!(told.contains("Pond") && told.contains("POND") && told.contains("upper and lower case"), "{told}");
        refuse(&run, &units(&["Pond", "Lake"])).unwrap();
    }
}
