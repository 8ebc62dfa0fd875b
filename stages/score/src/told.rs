//! Which classes `detect` looks for at a site, and which it leaves out because validation does not show that they can be told.

use std::collections::{BTreeMap, BTreeSet};

use chorus_card::Decisions;
use chorus_keys::Choices;
use serde::Deserialize;

/// Columns of a line of what is told.
const COLUMNS: usize = 100;

/// Which classes make detections: the values of the key `detect.classes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "lowercase")]
pub enum Classes {
    /// Those that validation shows to be usable (column usable of the table thresholds).
    Usable,
    /// All, whatever validation shows.
    All,
}

/// Which classes are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a>(Option<&'a Decisions>);

/// A class that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name.
    pub class: String,
    /// Why, and what would mend that.
    pub why: String,
    /// The sites where it is left out; `None` where it is left out at all of them.
    pub sites: Option<BTreeSet<String>>,
}

impl<'a> Told<'a> {
    /// Those of a model's decisions. Whoever gives a threshold for all classes (`detect.threshold`) has decided without validation.
    pub fn of(decisions: Option<&'a Decisions>, classes: Classes, threshold: Option<f64>) -> Self {
        Self(decisions.filter(|_| classes == Classes::Usable && threshold.is_none()))
    }

    /// Whether a class is looked for at a site. One that nothing was decided of is.
    pub fn takes(self, site: &str, class: &str) -> bool {
        self.0.and_then(|decisions| decisions.at(site, class)).is_none_or(|threshold| threshold.usable)
    }

    /// The classes that are left out at some of these sites, by name. Without sites, those that are left out where nothing else is decided for
    /// a site.
    pub fn left_out(self, sites: &BTreeSet<String>) -> Vec<LeftOut> {
        let Some(decisions) = self.0 else { return Vec::new() };
        let of = |class: &String| {
            let at = |site: &str| decisions.at(site, class).filter(|threshold| !threshold.usable);
            let found: BTreeMap<&String, _> = sites.iter().filter_map(|site| Some((site, at(site)?))).collect();
            let everywhere = found.len() == sites.len();
            let reason = if everywhere { decisions.thresholds.get(class).filter(|t| !t.usable) } else { None };
            let reason = reason.or_else(|| found.values().next().copied())?;
            Some(LeftOut {
                class: class.clone(),
                why: reason.why_not.clone().unwrap_or_else(|| "the model's decisions do not say why".to_owned()),
                sites: (!everywhere).then(|| found.keys().map(|site| (*site).clone()).collect()),
            })
        };
        decisions.thresholds.keys().filter_map(of).collect()
    }

    /// The same in lines: how many there are, and below that, by what would mend it, each reason with its classes. No lines where no class is
    /// left out.
    pub fn lines(self, sites: &BTreeSet<String>) -> Vec<String> {
        let left_out = self.left_out(sites);
        if left_out.is_empty() {
            return Vec::new();
        }
        let all = self.0.map_or(0, |decisions| decisions.thresholds.len());
        let are = if left_out.len() == 1 { "is" } else { "are" };
        let mut lines = vec![format!(
            "{} of {all} classes can't be told yet and {are} left out (detect.classes: all takes them in)",
            left_out.len()
        )];
        // Reasons end in what would mend them. Those that do not come last.
        let mut by_mend: BTreeMap<(bool, &str), BTreeMap<&str, Vec<String>>> = BTreeMap::new();
        for LeftOut { class, why, sites } in &left_out {
            let (reason, mend) = why.rsplit_once("; ").unwrap_or((why.as_str(), ""));
            let at = sites.as_ref().map(|sites| format!(" at {}", sites.iter().cloned().collect::<Vec<_>>().join(", ")));
            let name = format!("{class}{}", at.unwrap_or_default());
            by_mend.entry((mend.is_empty(), mend)).or_default().entry(reason).or_default().push(name);
        }
        for ((is_unsaid, mend), reasons) in by_mend {
            let title = if is_unsaid { "for other reasons" } else { mend };
            lines.extend(wrapped(&format!("{title}:"), 2));
            lines.extend(reasons.iter().flat_map(|(reason, classes)| wrapped(&format!("{}: {reason}", classes.join(", ")), 4)));
        }
        lines
    }
}

/// A text in lines that begin with so many spaces, and with two more from the second one on. A word that is longer than a line stays whole.
fn wrapped(text: &str, indent: usize) -> Vec<String> {
    let (mut lines, mut line, mut has_words) = (Vec::new(), " ".repeat(indent), false);
    for word in text.split(' ') {
        if has_words && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent + 2)));
            has_words = false;
        }
        if has_words {
            line.push(' ');
        }
        line.push_str(word);
        has_words = true;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decisions() -> Decisions {
        let text = "
model_id: ab
thresholds:
  BOTH: {threshold: 0.5, source: own, f1: null, positives: 9, usable: true}
  FEW: {threshold: 0.5, source: pooled, f1: null, positives: 1, usable: false, why_not: 1 validation window holds it}
  LOCAL: {threshold: 0.5, source: own, f1: null, positives: 9, usable: false, why_not: imprecise}
  OLD: {threshold: 0.5, source: own, f1: null, positives: 9}
site_thresholds:
  A:
    LOCAL: {threshold: 0.4, source: own, f1: null, positives: 9, usable: true}
  B:
    BOTH: {threshold: 0.4, source: own, f1: null, positives: 9, usable: false, why_not: noise}
";
        serde_yaml::from_str(text).unwrap()
    }

    fn sites(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_validation_does_not_show_is_left_out_site_by_site() {
        let decisions = decisions();
        let told = Told::of(Some(&decisions), Classes::Usable, None);
        let takes = |site: &str| ["BOTH", "FEW", "LOCAL", "OLD", "NEW"].map(|class| told.takes(site, class));
        assert_eq!(takes("A"), [true, false, true, true, true]);
        assert_eq!(takes("B"), [false, false, false, true, true]);
        assert_eq!(takes("C"), [true, false, false, true, true]);
        let left_out = told.left_out(&sites(&["A", "B"]));
        let found: Vec<_> = left_out.iter().map(|of| (of.class.as_str(), of.why.as_str(), of.sites.clone())).collect();
        let expected = [
            ("BOTH", "noise", Some(sites(&["B"]))),
            ("FEW", "1 validation window holds it", None),
            ("LOCAL", "imprecise", Some(sites(&["B"]))),
        ];
        assert_eq!(found, expected);
        assert_eq!(
            told.lines(&sites(&["A"])),
            [
                "1 of 4 classes can't be told yet and is left out (detect.classes: all takes them in)",
                "  for other reasons:",
                "    FEW: 1 validation window holds it"
            ]
        );
        assert!(told.lines(&sites(&["A", "B"]))[0].starts_with("3 of 4 classes can't be told yet and are left out"));
        assert_eq!(told.left_out(&sites(&[])).len(), 2);
    }

    #[test]
    fn many_classes_are_told_by_what_would_mend_it_in_lines_that_a_console_shows() {
        let few = "1 validation window holds it and 5 are needed; label more recordings in which it calls";
        let class = |n: usize, why: &str| {
            format!("  CLASS{n:02}: {{threshold: 0.5, source: own, f1: null, positives: 1, usable: false, why_not: \"{why}\"}}\n")
        };
        let many: String = (0..16).map(|n| class(n, few)).collect();
        let others = class(16, "its precision is 0.19; train again") + &class(17, "noise");
        let local = "site_thresholds:\n  A:\n    CLASS17: {threshold: 0.4, source: own, f1: null, positives: 9, usable: true}\n";
        let decisions: Decisions = serde_yaml::from_str(&format!("model_id: ab\nthresholds:\n{many}{others}{local}")).unwrap();
        let lines = Told::of(Some(&decisions), Classes::Usable, None).lines(&sites(&["A", "B"]));
        assert!(lines.iter().all(|line| line.chars().count() <= COLUMNS), "{lines:#?}");
        assert!(lines[0].starts_with("18 of 18 classes"));
        assert_eq!(lines[1], "  label more recordings in which it calls:");
        assert!(lines[2].starts_with("    CLASS00, CLASS01, ") && lines[3].starts_with("      CLASS"), "{lines:#?}");
        let expected =
            ["  train again:", "    CLASS16: its precision is 0.19", "  for other reasons:", "    CLASS17 at B: noise"];
        assert_eq!(lines[lines.len() - 4..], expected);
        let text = lines.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("CLASS14, CLASS15: 1 validation window holds it and 5 are needed"), "{lines:#?}");
    }

    #[test]
    fn all_classes_are_taken_on_request_and_where_nothing_was_decided() {
        let decisions = decisions();
        for told in [
            Told::of(Some(&decisions), Classes::All, None),
            Told::of(Some(&decisions), Classes::Usable, Some(0.5)),
            Told::of(None, Classes::Usable, None),
        ] {
            assert!(told.takes("B", "FEW") && told.lines(&sites(&["B"])).is_empty());
        }
    }
}
