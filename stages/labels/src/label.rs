//! The parts of a label text: a code, and in AnuraSet's convention a quality mark.

use chorus_keys::Choices;
use serde::Deserialize;

use crate::text::cleaned;

const FALSE_MARK: &str = "FALSE";
/// Qualities as AnuraSet's releases and its annotators write them.
const QUALITIES: [&str; 10] = ["H", "M", "L", "C", "F", "MED", "FAR", "CLR", "OVL", "CHO"];

/// How label texts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub enum LabelText {
    /// The text is the code.
    Plain,
    /// `CODE_Q`, a code and the quality of the call. A code may contain `_` where a known quality mark follows.
    CodeQuality,
}

/// The parts of a label text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The species' code.
    pub code: String,
    /// The quality mark as written, with any further parts: H, M, L in AnuraSet's release, C, M, F in its protocol, others in
    /// older files.
    pub quality: Option<String>,
    /// Why the label can't be used.
    pub unused: Option<String>,
}

impl LabelText {
    /// Splits a label text into its parts. Letters with accents become one character each, spaces one space, and characters that nobody sees
    /// are left out, so that texts that look the same are.
    pub fn parse(self, text: &str) -> Label {
        match self {
            Self::Plain => Label { code: cleaned(text), quality: None, unused: None },
            Self::CodeQuality => code_quality(&cleaned(text)),
        }
    }
}

impl Label {
    /// The label of a line that says that nothing was heard.
    pub(crate) fn none() -> Self {
        Self { code: String::new(), quality: None, unused: None }
    }
}

/// `CODE_Q`; a part `FALSE` withdraws the label.
fn code_quality(text: &str) -> Label {
    let mut parts = text.split('_').map(str::trim);
    let first = parts.next().unwrap_or_default();
    let (marks, rest): (Vec<&str>, Vec<&str>) =
        parts.filter(|part| !part.is_empty()).partition(|part| part.eq_ignore_ascii_case(FALSE_MARK));
    let (of_code, quality) = rest.split_at(rest.len() - parts_of_quality(&rest));
    let code = [&[first], of_code].concat().join("_");
    let unused = if first.is_empty() || !code.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Some(format!("code is `{code}`, expected letters and digits"))
    } else {
        (!marks.is_empty()).then(|| "marked FALSE".to_owned())
    };
    Label { code, quality: (!quality.is_empty()).then(|| quality.join("_")), unused }
}

/// The number of parts after the first that are the quality. A single part always is, since annotators mistype quality marks. Of
/// several parts, the known marks and numbers at the end are.
fn parts_of_quality(rest: &[&str]) -> usize {
    let is_known = |part: &str| QUALITIES.iter().any(|known| known.eq_ignore_ascii_case(part)) || part.parse::<u32>().is_ok();
    if rest.len() == 1 { 1 } else { rest.iter().rev().take_while(|part| is_known(part)).count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(code: &str, quality: Option<&str>, unused: Option<&str>) -> Label {
        Label { code: code.into(), quality: quality.map(Into::into), unused: unused.map(Into::into) }
    }

    #[test]
    fn codes_with_quality() {
        let parse = |text| LabelText::CodeQuality.parse(text);
        assert_eq!(parse("BOAFAB_M"), label("BOAFAB", Some("M"), None));
        assert_eq!(parse(" LEPJOL_MED "), label("LEPJOL", Some("MED"), None));
        assert_eq!(parse("UND"), label("UND", None, None));
        assert_eq!(parse("DENMIN_"), label("DENMIN", None, None));
        assert_eq!(parse("DENMIN_F_2"), label("DENMIN", Some("F_2"), None));
        assert_eq!(parse("BOA_FAB_H"), label("BOA_FAB", Some("H"), None));
        assert_eq!(parse("BOA_FAB_2_FALSE_H"), label("BOA_FAB", Some("2_H"), Some("marked FALSE")));
        assert_eq!(parse("A_B_C"), label("A_B", Some("C"), None));
        assert_eq!(parse("BOA_FAB_MORE"), label("BOA_FAB_MORE", None, None));
        assert_eq!(parse("LEPFUS_FALSE"), label("LEPFUS", None, Some("marked FALSE")));
        assert_eq!(parse("LEPFUS_M_FALSE"), label("LEPFUS", Some("M"), Some("marked FALSE")));
        for text in ["", "_M", "PHYGRA)OVL", "RÃ_M"] {
            assert!(parse(text).unused.is_some_and(|why| why.contains("expected letters")), "{text}");
        }
    }

    #[test]
    fn a_plain_text_is_its_own_code() {
        assert_eq!(LabelText::Plain.parse(" Wood Thrush_2 "), label("Wood Thrush_2", None, None));
        assert_eq!(LabelText::Plain.parse("Ra\u{303}-pi"), label("R\u{e3}-pi", None, None), "as Macs write accents");
    }
}
