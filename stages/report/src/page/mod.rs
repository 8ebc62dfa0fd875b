//! Facts to one HTML page: a file per section, in the order in which they are read. All that is said comes from the table of words.

mod confused;
mod curves;
mod data;
mod expected;
mod found;
mod learned;
mod listen;
mod parts;
mod places;
mod prevalence;
mod recorded;
mod season;
mod settings;
mod sounds;
mod summary;
mod sun;
mod sure;
#[cfg(test)]
mod tests;
mod unlike;
mod untold;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::facts::Facts;
use crate::words::Words;

const STYLE: &str =
    concat!(include_str!("colours.css"), include_str!("page.css"), include_str!("narrow.css"), include_str!("print.css"));

/// Nothing that a name in the archive could say makes a browser run anything, or fetch anything but files that lie beside the page:
/// `'self'` is the server of a page that was put on one; of a page that was opened as a file, browsers differ in what it is, and `file:`
/// says it. `default-src` does not speak of the address that relative ones are joined to, nor of where forms go.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'unsafe-inline'; img-src 'self' file:; media-src 'self' file:";

/// The page. Without a title the table of words has one: the run's name is no part of it, since equal tables give equal pages.
pub(crate) fn page(title: Option<&str>, w: &Words, facts: &Facts) -> String {
    let title = title.filter(|t| !t.trim().is_empty()).unwrap_or_else(|| w.word("title"));
    let mut sections: Vec<(&str, &str, Markup)> = vec![
        ("recorded", w.word("section.recorded"), recorded::section(w, facts)),
        ("found", w.word("section.found"), found::section(w, facts)),
        ("listen", w.word("section.listen"), listen::section(w, facts)),
    ];
    sections
        .extend(facts.unlike.as_ref().map(|groups| ("unknown", w.word("section.unknown"), unlike::section(w, groups, facts))));
    sections.push(("sure", w.word("section.sure"), sure::section(w, facts)));
    sections.push(("settings", w.word("section.settings"), settings::section(w, facts)));
    let page = html! {
        (DOCTYPE)
        html lang=(w.tag()) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    (summary::section(w, facts))
                    nav aria-label=(w.word("sections")) {
                        @for (id, name, _) in &sections { a href={ "#" (id) } { (name) } }
                    }
                }
                main {
                    @for (id, name, body) in &sections {
                        section #(id) { h2 { (name) } (body) }
                    }
                }
            }
        }
    };
    // Names may hold characters that HTML does not allow.
    chorus_text::allowed(&page.into_string()).into_owned()
}
