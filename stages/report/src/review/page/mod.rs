//! The page on which clips are judged: `review.html`, one file beside the clips, which needs no network.
//!
//! Whatever comes from the archive is in the page as JSON without `<`, `>` and `&`, and the script puts it there as text. The page's
//! policy names the hashes of its one script and its one style, so that a browser runs nothing else, and fetches files beside the page
//! only.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::sheet::{self, COLUMNS, ListedClip, Sheet};
use crate::clip::{Extent, marks};
use crate::export::ExportError;
use crate::export::run::Run;

/// The page's file.
pub(super) const FILE: &str = "review.html";

const TEMPLATE: &str = include_str!("review.html");
const SCRIPT: &str = concat!(include_str!("csv.js"), include_str!("dom.js"), include_str!("review.js"));
const STYLE: &str = concat!(include_str!("../../page/colours.css"), include_str!("review.css"));

/// Marks of the frequency axis are so far apart at least, as a share of its length.
const MARKS_APART: f64 = 0.09;

/// The page of a sheet.
///
/// # Errors
/// Those of reading the run's classes.
pub(super) fn page(run: &Run, sheet: &Sheet) -> Result<String, ExportError> {
    let classes = run.classes()?;
    let class = |class: &str| json!({"class": class, "scientific": run.scientific(class), "english": run.english(class)});
    let data = json!({
        "key": sheet.hash(),
        "file": sheet::FILE,
        "columns": COLUMNS,
        "classes": classes.iter().map(|name| class(name)).collect::<Vec<_>>(),
        "picture": Extent::SHEET.size(),
        "spectrogram": Extent::SHEET.spectrogram(),
        "clips": sheet.clips.iter().map(clip).collect::<Vec<_>>(),
    });
    Ok(filled(&data))
}

fn clip(listed: &ListedClip) -> Value {
    let nyquist_hz = f64::from(listed.rate_hz) / 2.0;
    json!({
        "row": listed.row,
        "length": listed.length_s,
        "span": [listed.span_s.start, listed.span_s.end],
        "khz": nyquist_hz / 1000.0,
        "marks": marks(nyquist_hz, MARKS_APART),
    })
}

/// The template with all of its places filled. What is put into one place is not looked at again.
fn filled(data: &Value) -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())));
    let policy = format!(
        "default-src 'none'; base-uri 'none'; form-action 'none'; script-src {}; style-src {}; img-src 'self' file:; media-src 'self' file:",
        hash(SCRIPT),
        hash(STYLE)
    );
    let mut parts = TEMPLATE.split("{{");
    let mut page = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, after) = part.split_once("}}").unwrap_or((part, ""));
        match name {
            "policy" => page.push_str(&policy),
            "style" => page.push_str(STYLE),
            "data" => page.push_str(&harmless(data)),
            "script" => page.push_str(SCRIPT),
            _ => {}
        }
        page.push_str(after);
    }
    page
}

/// JSON without any character that means something to HTML. They occur in texts only, and a text may spell them.
fn harmless(data: &Value) -> String {
    data.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_and_no_markup() {
        let evil = "</script><script>alert(1)</script><!-- & {{script}}";
        let data = json!({"columns": [evil]});
        let page = filled(&data);
        assert_eq!((page.matches("<script").count(), page.matches("</script>").count()), (2, 2));
        assert!(!page.contains("alert(1)<") && !harmless(&data).contains(['<', '>', '&']));
        assert_eq!(serde_json::from_str::<Value>(&harmless(&data)).unwrap(), data);
        assert!(["{{policy}}", "{{style}}", "{{data}}"].iter().all(|place| !page.contains(place)));
    }

    #[test]
    fn the_policy_knows_the_script_and_the_style_as_the_browser_reads_them() {
        let page = filled(&json!({}));
        let between = |from: &str, to: &str| page.split_once(from).unwrap().1.split_once(to).unwrap().0;
        for text in [between("<script>", "</script>"), between("<style>", "</style>")] {
            assert!(text.len() > 1000 && page.contains(&STANDARD.encode(Sha256::digest(text.as_bytes()))));
        }
        // The abc of FIPS 180-2, appendix B.1.
        assert_eq!(STANDARD.encode(Sha256::digest(b"abc")), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        assert!(!SCRIPT.contains("innerHTML") && !SCRIPT.contains("\r") && !TEMPLATE.contains("http:"));
    }
}
