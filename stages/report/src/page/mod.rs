//! Facts to one HTML page: a file per section, in the order in which they are read.

mod curves;
mod expected;
mod found;
mod learned;
mod listen;
mod parts;
mod prevalence;
mod recorded;
mod settings;
mod sounds;
mod summary;
mod sun;
mod sure;
#[cfg(test)]
mod tests;
mod unlike;
mod untold;
mod words;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::facts::Facts;

/// Title of a report that is given none. The run's name is no part of it: equal tables give equal pages.
const TITLE: &str = "Acoustic survey";

const STYLE: &str = concat!(include_str!("colours.css"), include_str!("page.css"));

/// Nothing that a name in the archive could say makes a browser run anything, or fetch anything but files that lie beside the page:
/// `'self'` is the server of a page that was put on one; of a page that was opened as a file, browsers differ in what it is, and `file:`
/// says it. `default-src` does not speak of the address that relative ones are joined to, nor of where forms go.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'unsafe-inline'; img-src 'self' file:; media-src 'self' file:";

/// The page.
pub(crate) fn page(title: Option<&str>, facts: &Facts) -> String {
    let title = title.filter(|t| !t.trim().is_empty()).unwrap_or(TITLE);
    let mut sections: Vec<(&str, &str, Markup)> = vec![
        ("recorded", "What was recorded", recorded::section(facts)),
        ("found", "What was found", found::section(facts)),
        ("listen", "Listen", listen::section(facts)),
    ];
    sections.extend(facts.unlike.as_ref().map(|groups| ("unknown", "Unknown sounds", unlike::section(groups, facts))));
    sections.push(("sure", "How sure", sure::section(facts)));
    sections.push(("settings", "Settings", settings::section(facts)));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
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
                    (summary::section(facts))
                    nav aria-label="Sections" {
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
    page.into_string()
}
