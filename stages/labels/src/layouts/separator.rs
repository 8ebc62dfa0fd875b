//! Several labels in one field of a table: the key `annotate.label_separator`. A name that the configuration knows is one label, whatever
//! characters it holds.

use std::collections::BTreeSet;

use chorus_keys::{KeyType, Keys, Kind, Range};
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::layout_settings::Settings;
use crate::text::cleaned;

/// Labels of one field: more than any list of species names at once. Each becomes an event with the row's other fields.
const MOST_LABELS: usize = 256;

/// The key of tables whose fields may hold several labels.
#[derive(Debug, Clone, Default, Deserialize, Serialize, Keys)]
#[keys(section = "annotate")]
#[serde(default)]
pub(crate) struct SeparatorKeys {
    /// Separator between several labels in one field of a table or a label track; null: a field is one label.
    #[key(default = "\";\"", example = "\",\"")]
    pub(crate) label_separator: LabelSeparator,
}

impl KeyType for LabelSeparator {
    const NULLABLE: bool = true;

    fn kind(range: Range) -> Kind {
        String::kind(range)
    }
}

/// The key `annotate.label_separator`: what separates several labels in one field. `None` where a field is one label.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct LabelSeparator(Option<String>);

impl Default for LabelSeparator {
    fn default() -> Self {
        Self(Some(";".to_owned()))
    }
}

impl LabelSeparator {
    /// The name of the key in the configuration.
    pub(crate) const NAMES: &[&str] = &["annotate.label_separator"];

    /// The separator; `None` where a field is one label.
    pub(crate) fn text(&self) -> Option<&str> {
        self.0.as_deref().filter(|separator| !separator.is_empty())
    }
}

/// The setting that [`crate::reading::Reading`] adds to those of the configuration: names with the separator in them.
pub(crate) const KNOWN_LABELS: &str = "known_labels";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct KnownLabels {
    known_labels: BTreeSet<String>,
}

/// Takes fields apart into labels.
#[derive(Debug, Clone, Default)]
pub(crate) struct Splitter {
    separator: LabelSeparator,
    /// Names that are one label.
    known: BTreeSet<String>,
    /// The most separators in one of them.
    most_within: usize,
}

impl Splitter {
    /// The splitter of a run.
    ///
    /// # Errors
    /// A setting has another type.
    pub(crate) fn of(settings: &Settings) -> Result<Self, serde_yaml::Error> {
        let SeparatorKeys { label_separator } = settings.options()?;
        Ok(Self::new(label_separator, settings.options::<KnownLabels>()?.known_labels))
    }

    fn new(separator: LabelSeparator, known: BTreeSet<String>) -> Self {
        let within = |name: &String| separator.text().map_or(0, |separator| name.matches(separator).count());
        let most_within = known.iter().map(within).max().unwrap_or_default().min(MOST_LABELS);
        Self { separator, known, most_within }
    }

    /// An event for each label of its text.
    pub(crate) fn split(&self, event: Event) -> Vec<Event> {
        if event.problem.is_some() {
            return vec![event];
        }
        let text = event.label.clone();
        match self.labels(text.trim()) {
            Ok(labels) if labels == [text.trim()] => vec![event],
            Ok(labels) => {
                let of_label = |(item, label): (u32, &str)| Event { item, label: label.to_owned(), ..event.clone() };
                (1..).zip(labels).map(of_label).collect()
            }
            Err(problem) => vec![event.or_problem(Some(problem))],
        }
    }

    /// The labels of a field, each once; one empty label where the field is empty.
    ///
    /// # Errors
    /// There are more labels than anybody writes into one field.
    pub(crate) fn labels<'a>(&self, field: &'a str) -> Result<Vec<&'a str>, String> {
        let Some(separator) = self.separator.text() else { return Ok(vec![field]) };
        let mut labels: Vec<&str> = Vec::new();
        let mut rest = Some(field);
        while let Some(text) = rest {
            let (label, after) = self.first(text, separator);
            rest = after;
            let label = label.trim();
            if label.is_empty() || labels.contains(&label) {
                continue;
            }
            if labels.len() == MOST_LABELS {
                return Err(format!("more than {MOST_LABELS} labels in one field"));
            }
            labels.push(label);
        }
        Ok(if labels.is_empty() { vec![""] } else { labels })
    }

    /// The first label of a text, and what follows its separator. It is the longest name that is known, or else ends at the separator.
    fn first<'a>(&self, text: &'a str, separator: &str) -> (&'a str, Option<&'a str>) {
        // No name reaches beyond the separator after its own ones.
        let ends = text.match_indices(separator).map(|(end, _)| end).take(self.most_within + 1);
        let mut ends: Vec<usize> = ends.collect();
        if ends.len() <= self.most_within {
            ends.push(text.len());
        }
        let is_known = |end: &&usize| self.known.contains(&cleaned(&text[..**end]));
        let known = ends.iter().skip(1).rev().find(is_known);
        let end = known.or(ends.first()).copied().unwrap_or(text.len());
        (&text[..end], text[end..].strip_prefix(separator))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splitter(separator: Option<&str>, known: &[&str]) -> Splitter {
        Splitter::new(LabelSeparator(separator.map(str::to_owned)), known.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn labels_of_a_field() {
        let separator = Splitter::default();
        assert_eq!(separator.labels("A; B;;A").unwrap(), ["A", "B"]);
        assert_eq!((separator.labels(""), separator.labels(";")), (Ok(vec![""]), Ok(vec![""])));
        assert!(separator.labels(&(0..300).map(|i| format!("{i};")).collect::<String>()).unwrap_err().contains("256"));
        assert_eq!(separator.labels(&"A;".repeat(300)).unwrap(), ["A"]);
        assert_eq!(splitter(None, &[]).labels("A;B").unwrap(), ["A;B"]);
    }

    #[test]
    fn a_known_name_is_one_label_whatever_it_holds() {
        let known = splitter(Some(";"), &["A", "A;C", "R\u{e3};x;y"]);
        for (field, labels) in [
            ("A;C", &["A;C"][..]),
            (" A;C ;B", &["A;C", "B"]),
            ("B;A;C", &["B", "A;C"]),
            ("A;B", &["A", "B"]),
            ("A;C;C;A", &["A;C", "C", "A"]),
            ("Ra\u{303};x;y;A", &["Ra\u{303};x;y", "A"]),
            ("A;C;", &["A;C"]),
        ] {
            assert_eq!(known.labels(field).unwrap(), labels, "{field}");
        }
        assert_eq!(splitter(Some(","), &["A,C"]).labels("A,C,A").unwrap(), ["A,C", "A"]);
        let event = Event { label: "A;C".to_owned(), ..Event::default() };
        assert_eq!(known.split(event.clone()), [event]);
    }
}
