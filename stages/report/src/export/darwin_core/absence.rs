//! What was listened for at each site and night, and what of it was not found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;

use crate::export::error::ExportError;
use crate::export::filter::Filter;
use crate::export::run::Run;

/// A night at a site.
type Night = (String, Date);

/// Effort, and what the model looked for and found, by night. It tells of all detections, also of those that a filter leaves out.
pub(super) struct Listened {
    /// Recorded hours by night, where anything was heard; nights without a window have none.
    hours: BTreeMap<Night, f64>,
    /// Whether each class that was looked for was found.
    found: BTreeMap<Night, BTreeMap<Arc<str>, bool>>,
    looked_for: BTreeMap<Arc<str>, BTreeSet<String>>,
}

impl Listened {
    /// Reads the tables `nights` and `activity`.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn read(run: &Run, filter: &Filter) -> Result<Self, ExportError> {
        let mut listened = Self { hours: run.effort_h(filter)?, found: BTreeMap::new(), looked_for: BTreeMap::new() };
        run.each_night(filter, |site, night, class, is_found| {
            let found = listened.found.entry((site.to_owned(), night)).or_default();
            *found.entry(Arc::clone(class)).or_default() |= is_found;
            let sites = listened.looked_for.entry(Arc::clone(class)).or_default();
            if !sites.contains(site) {
                sites.insert(site.to_owned());
            }
        })?;
        Ok(listened)
    }

    /// The nights in which something was listened to.
    pub(super) fn nights(&self) -> impl Iterator<Item = (&str, Date)> {
        self.hours.keys().map(|(site, night)| (site.as_str(), *night))
    }

    /// Recorded hours; 0 where nothing was listened to.
    pub(super) fn hours(&self, site: &str, night: Date) -> f64 {
        self.hours.get(&(site.to_owned(), night)).copied().unwrap_or_default()
    }

    /// Whether anything was listened to.
    pub(super) fn is_heard(&self, site: &str, night: Date) -> bool {
        self.hours.contains_key(&(site.to_owned(), night))
    }
}

/// The taxa that were listened for. Several classes may be of one taxon, such as its song and its call.
#[derive(Default)]
pub(super) struct Taxa {
    /// Classes by scientific name.
    classes: BTreeMap<String, Vec<Arc<str>>>,
    /// Classes without a scientific name.
    unnamed: Vec<Arc<str>>,
    /// The sites at which each taxon was looked for with all of its classes.
    sites: BTreeMap<String, BTreeSet<String>>,
    absent: BTreeMap<Night, Vec<String>>,
}

impl Taxa {
    /// The taxa of the classes that the filter takes.
    pub(super) fn of(run: &Run, filter: &Filter, listened: &Listened) -> Self {
        let mut taxa = Self::default();
        for class in listened.looked_for.keys().filter(|class| filter.takes_class(class)) {
            let class = Arc::clone(class);
            if run.has_scientific_name(&class) {
                taxa.classes.entry(run.scientific(&class).to_owned()).or_default().push(class);
            } else {
                taxa.unnamed.push(class);
            }
        }
        for (name, classes) in &taxa.classes {
            let of = |class: &Arc<str>| listened.looked_for.get(class).cloned().unwrap_or_default();
            let everywhere = classes.iter().map(of).reduce(|a, b| a.intersection(&b).cloned().collect());
            taxa.sites.insert(name.clone(), everywhere.unwrap_or_default());
        }
        taxa
    }

    /// Finds the taxa that are absent from each night: all of their classes were looked for, none was found, and no person heard one.
    pub(super) fn find_absences(&mut self, listened: &Listened, is_heard: impl Fn(&str, Date, &str) -> bool) {
        for ((site, night), found) in &listened.found {
            if !listened.is_heard(site, *night) {
                continue;
            }
            let is_absent = |class: &Arc<str>| found.get(class) == Some(&false) && !is_heard(site, *night, class);
            let absent = self.classes.iter().filter(|(_, classes)| classes.iter().all(is_absent)).map(|(name, _)| name.clone());
            let absent: Vec<String> = absent.collect();
            if !absent.is_empty() {
                self.absent.insert((site.clone(), *night), absent);
            }
        }
    }

    /// The absent taxa of each night.
    pub(super) fn absent(&self) -> &BTreeMap<Night, Vec<String>> {
        &self.absent
    }

    /// The absent taxa of a night.
    pub(super) fn absent_in(&self, site: &str, night: Date) -> &[String] {
        self.absent.get(&(site.to_owned(), night)).map(Vec::as_slice).unwrap_or_default()
    }

    /// The taxa that were looked for at a site.
    pub(super) fn of_site(&self, site: &str) -> Vec<&str> {
        self.sites.iter().filter(|(_, sites)| sites.contains(site)).map(|(name, _)| name.as_str()).collect()
    }

    /// The classes of a taxon.
    pub(super) fn classes(&self, name: &str) -> Vec<&str> {
        self.classes.get(name).into_iter().flatten().map(|class| &**class).collect()
    }

    /// The common name of a taxon; empty where none is known.
    pub(super) fn english(&self, run: &Run, name: &str) -> String {
        self.classes(name)
            .into_iter()
            .map(|class| run.english(class))
            .find(|name| !name.is_empty())
            .unwrap_or_default()
            .to_owned()
    }

    /// The address of a taxon in GBIF's backbone; empty where none is known.
    pub(super) fn taxon_id(&self, run: &Run, name: &str) -> String {
        self.classes(name).into_iter().map(|class| run.taxon_id(class)).find(|id| !id.is_empty()).unwrap_or_default()
    }

    /// The species code of eBird.
    pub(super) fn ebird_code<'a>(&self, run: &'a Run, name: &str) -> Option<&'a str> {
        self.classes(name).into_iter().find_map(|class| run.ebird_code(class))
    }

    /// Classes without a scientific name.
    pub(super) fn unnamed(&self) -> Vec<&str> {
        self.unnamed.iter().map(|class| &**class).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taxon_is_absent_where_all_of_its_classes_were_looked_for_and_none_was_found_or_heard() {
        let night = |day: i8| jiff::civil::date(2020, 3, day);
        let class = |name: &str| -> Arc<str> { name.into() };
        let found = |of: &[(&str, bool)]| of.iter().map(|(name, is_found)| (class(name), *is_found)).collect::<BTreeMap<_, _>>();
        let nights = [
            (("A".to_owned(), night(1)), found(&[("SONG", false), ("CALL", false), ("TOAD", true)])),
            (("A".to_owned(), night(2)), found(&[("SONG", true), ("CALL", false), ("TOAD", false)])),
            (("A".to_owned(), night(3)), found(&[("SONG", false), ("CALL", false), ("TOAD", false)])),
            (("B".to_owned(), night(1)), found(&[("SONG", false), ("TOAD", false)])),
            (("C".to_owned(), night(1)), found(&[("TOAD", false)])),
        ];
        // Nobody listened at site C.
        let hours = nights[..4].iter().map(|(night, _)| (night.clone(), 1.0)).collect();
        let listened = Listened { hours, found: nights.into(), looked_for: BTreeMap::new() };
        let classes = [("Hyla".to_owned(), vec![class("SONG"), class("CALL")]), ("Bufo".to_owned(), vec![class("TOAD")])];
        let mut taxa = Taxa { classes: classes.into(), ..Taxa::default() };
        taxa.find_absences(&listened, |site, at, class| site == "A" && at == night(3) && class == "TOAD");
        let absent: Vec<_> = taxa.absent().iter().map(|((site, at), names)| (site.as_str(), at.day(), names.join(" "))).collect();
        let expected = [("A", 1, "Hyla"), ("A", 2, "Bufo"), ("A", 3, "Hyla"), ("B", 1, "Bufo")];
        assert_eq!(absent, expected.map(|(site, day, names)| (site, day, names.to_owned())));
        assert_eq!(taxa.classes("Hyla"), ["SONG", "CALL"]);
    }
}
