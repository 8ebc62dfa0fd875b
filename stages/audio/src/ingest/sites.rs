//! Which site a recording belongs to, and where and in which zone the site lies.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::error::IngestError;
use crate::names::NameTime;

/// Where the site's name is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SiteFrom {
    Folder,
    Prefix,
}

/// The site of a recording. A recording without the wanted part in its path falls back to the other, and at last to the
/// archive's own name.
pub(super) fn site(path: &str, archive: &Path, name: Option<&NameTime>, from: SiteFrom) -> String {
    let folder = path.rsplit_once('/').map(|(folders, _)| folders.rsplit('/').next().unwrap_or(folders).to_owned());
    let prefix = name.and_then(|n| n.prefix.clone());
    let own = || std::path::absolute(archive).ok()?.file_name().map(|n| n.to_string_lossy().into_owned());
    let found = match from {
        SiteFrom::Folder => folder.or(prefix),
        SiteFrom::Prefix => prefix.or(folder),
    };
    found.or_else(own).filter(|s| !s.is_empty()).unwrap_or_else(|| "site".into())
}

/// What the site sheet says of one site.
#[derive(Debug, Clone, Default)]
pub(super) struct Site {
    pub(super) latitude: Option<f64>,
    pub(super) longitude: Option<f64>,
    pub(super) zone: Option<TimeZone>,
}

/// The site sheet, and the zone of all sites that it gives none.
pub(super) struct Sheet {
    sites: BTreeMap<String, Site>,
    zone: Option<TimeZone>,
}

#[derive(Deserialize)]
struct Line {
    site: String,
    latitude: Option<f64>,
    longitude: Option<f64>,
    #[serde(default, alias = "time_zone")]
    timezone: Option<String>,
}

impl Sheet {
    /// Reads the sheet, a CSV with the columns site, latitude, longitude and timezone, of which all but the first may be missing or empty.
    pub(super) fn read(archive: &Path, sheet: Option<&str>, zone: Option<&str>) -> Result<Self, IngestError> {
        let named = |zone: &str| TimeZone::get(zone).map_err(|_| format!("`{zone}` is no IANA time zone"));
        let mut sites = BTreeMap::new();
        if let Some(sheet) = sheet {
            let path = archive.join(sheet);
            let bad = |line: u64, found: String| IngestError::SiteSheet { path: path.clone(), line, found };
            let mut reader =
                csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(&path).map_err(|e| bad(0, e.to_string()))?;
            for (i, line) in reader.deserialize::<Line>().enumerate() {
                let number = i as u64 + 2;
                let line = line.map_err(|e| bad(number, e.to_string()))?;
                let zone =
                    line.timezone.as_deref().filter(|z| !z.is_empty()).map(named).transpose().map_err(|e| bad(number, e))?;
                if line.latitude.is_some_and(|l| !(-90.0..=90.0).contains(&l))
                    || line.longitude.is_some_and(|l| !(-180.0..=180.0).contains(&l))
                {
                    return Err(bad(number, "coordinates outside of -90 to 90 and -180 to 180 degrees".into()));
                }
                let site = Site { latitude: line.latitude, longitude: line.longitude, zone };
                if sites.insert(line.site.clone(), site).is_some() {
                    return Err(bad(number, format!("site {} a second time", line.site)));
                }
            }
        }
        let zone = zone.map(named).transpose().map_err(|found| IngestError::SiteSheet {
            path: "archive.timezone".into(),
            line: 0,
            found,
        })?;
        Ok(Self { sites, zone })
    }

    /// What is known of a site.
    pub(super) fn site(&self, name: &str) -> Site {
        let mut site = self.sites.get(name).cloned().unwrap_or_default();
        site.zone = site.zone.or_else(|| self.zone.clone());
        site
    }
}
