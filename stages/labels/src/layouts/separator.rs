//! Several labels in one field of a table: the key `annotate.label_separator`.

use chorus_keys::{KeyType, Keys, Kind, Range};
use serde::{Deserialize, Serialize};

use crate::event::Event;

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
        let Some(separator) = self.0.as_deref().filter(|separator| !separator.is_empty()) else { return Ok(vec![field]) };
        let mut labels: Vec<&str> = Vec::new();
        for label in field.split(separator).map(str::trim).filter(|label| !label.is_empty()) {
            if labels.len() == MOST_LABELS {
                return Err(format!("more than {MOST_LABELS} labels in one field"));
            }
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
        Ok(if labels.is_empty() { vec![""] } else { labels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_a_field() {
        let separator = LabelSeparator::default();
        assert_eq!(separator.labels("A; B;;A").unwrap(), ["A", "B"]);
        assert_eq!((separator.labels(""), separator.labels(";")), (Ok(vec![""]), Ok(vec![""])));
        assert!(separator.labels(&(0..300).map(|i| format!("{i};")).collect::<String>()).unwrap_err().contains("256"));
        assert_eq!(separator.labels(&"A;".repeat(300)).unwrap(), ["A"]);
        assert_eq!(LabelSeparator(None).labels("A;B").unwrap(), ["A;B"]);
    }
}
