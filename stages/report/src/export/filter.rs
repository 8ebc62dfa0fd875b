//! Which detections are exported.

use std::collections::BTreeSet;

use chorus_archive::composed;

use super::detection::Detection;
use super::error::ExportError;

/// Which detections are exported: all, unless something is named.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Classes, in the form in which names are compared ([`composed`]); all when empty.
    pub classes: BTreeSet<String>,
    /// Sites, in the same form; all when empty.
    pub sites: BTreeSet<String>,
    /// Smallest peak score.
    pub min_score: Option<f64>,
    /// Smallest probability.
    pub min_probability: Option<f64>,
}

impl Filter {
    /// Whether it takes a site's recordings.
    pub fn takes_site(&self, site: &str) -> bool {
        self.sites.is_empty() || self.sites.contains(&*composed(site))
    }

    /// Whether it takes a class.
    pub fn takes_class(&self, class: &str) -> bool {
        self.classes.is_empty() || self.classes.contains(&*composed(class))
    }

    /// Whether it takes a detection.
    ///
    /// # Errors
    /// [`ExportError::NoProbability`].
    pub fn takes(&self, detection: &Detection) -> Result<bool, ExportError> {
        self.takes_scored(&detection.class, detection.peak_score, || detection.probability)
    }

    /// Whether it takes a class with a score and the probability that belongs to it, which is asked for only where it matters.
    ///
    /// # Errors
    /// [`ExportError::NoProbability`].
    pub(crate) fn takes_scored(
        &self,
        class: &str,
        score: f32,
        probability: impl FnOnce() -> Option<f64>,
    ) -> Result<bool, ExportError> {
        if !self.takes_class(class) || self.min_score.is_some_and(|min| score < min as f32) {
            return Ok(false);
        }
        let Some(min) = self.min_probability else { return Ok(true) };
        let probability = probability().ok_or_else(|| ExportError::NoProbability { class: class.to_owned() })?;
        Ok(probability >= min)
    }
}

/// Refuses names that are not known.
pub(super) fn known(kind: &'static str, named: &BTreeSet<String>, known: &BTreeSet<String>) -> Result<(), ExportError> {
    let is_known = |name: &&String| known.iter().any(|known| composed(known) == composed(name));
    match named.iter().find(|name| !is_known(name)) {
        None => Ok(()),
        Some(name) => {
            let known = if known.is_empty() {
                "none, since the stage that finds them has not run yet".to_owned()
            } else {
                known.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
            };
            Err(ExportError::Unknown { kind, name: name.clone(), known })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::detection::tests::detection_at;
    use super::*;

    fn detection(class: &str, peak_score: f32, probability: Option<f64>) -> Detection {
        Detection { probability, ..detection_at(class, 3.0, peak_score) }
    }

    #[test]
    fn names_are_the_same_in_any_form_of_accents() {
        let filter = Filter { sites: ["Rivi\u{e8}re".to_owned()].into(), ..Filter::default() };
        assert!(filter.takes_site("Rivie\u{300}re") && filter.takes_site("Rivi\u{e8}re") && !filter.takes_site("Riviere"));
        assert!(known("site", &filter.sites, &["Rivie\u{300}re".to_owned()].into()).is_ok());
        assert!(known("site", &filter.sites, &["Riviere".to_owned()].into()).is_err());
    }

    #[test]
    fn each_bound_leaves_out_what_is_below_it() {
        let takes = |filter: &Filter, score, probability| filter.takes(&detection("FROG", score, probability)).unwrap();
        assert!(takes(&Filter::default(), 0.25, None));
        let score = Filter { min_score: Some(0.5), ..Filter::default() };
        let printed = Filter { min_score: "0.59304005".parse().ok(), ..Filter::default() };
        assert!(takes(&printed, 0.593_040_05, None), "a score is as good as itself in print");
        assert!(takes(&score, 0.5, None) && !takes(&score, 0.25, None));
        let probable = Filter { min_probability: Some(0.5), ..Filter::default() };
        assert!(takes(&probable, 0.25, Some(0.5)) && !takes(&probable, 1.0, Some(0.25)));
        let error = probable.takes(&detection("FROG", 1.0, None)).unwrap_err();
        assert!(error.to_string().contains("FROG") && error.to_string().contains("--min-score"), "{error}");
        let toads = Filter { classes: ["TOAD".to_owned()].into(), ..Filter::default() };
        assert!(!takes(&toads, 1.0, None) && toads.takes_site("A"));
    }

    #[test]
    fn names_that_are_not_there_are_refused() {
        let names = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
        assert!(known("site", &names(&["A"]), &names(&["A", "B"])).is_ok());
        let error = known("site", &names(&["C"]), &names(&["A", "B"])).unwrap_err().to_string();
        assert_eq!(error, "this run has no site `C`; expected one of: A, B");
    }
}
