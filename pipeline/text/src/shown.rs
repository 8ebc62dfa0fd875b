//! Text for terminals and logs.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character does something to a terminal or a log, and not only stands there: control characters of ASCII and of ISO 6429
/// (ESC begins the sequences that set titles, colours and the clipboard), what turns the direction of text around (Unicode Standard
/// Annex 9; CVE-2021-42574), separators of lines, and marks of the byte order.
fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn spelled(text: &str, is_spelled: impl Fn(char) -> bool, spell: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.contains(&is_spelled) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_spelled(c) { spell(c, &mut safe) } else { safe.push(c) }
    }
    Cow::Owned(safe)
}

/// A name as one line of text that does nothing: a line feed becomes `\n`, ESC becomes `\u{1b}`.
#[must_use]
pub fn shown(name: &str) -> Cow<'_, str> {
    spelled(name, is_active, |c, safe| safe.extend(c.escape_default()))
}

/// A message that may have several lines and tabs, and does nothing else. Names in it that may hold line feeds are [`shown`] before.
#[must_use]
pub fn shown_lines(message: &str) -> Cow<'_, str> {
    spelled(message, |c| is_active(c) && c != '\n' && c != '\t', |c, safe| safe.extend(c.escape_default()))
}

/// Text for HTML, XML and tables of other programs, with characters spelled out that these do not allow: control characters besides tabs
/// and ends of lines, and what is no character.
#[must_use]
pub fn allowed(text: &str) -> Cow<'_, str> {
    let is_refused = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t') || matches!(c, '\u{fffe}' | '\u{ffff}');
    spelled(text, is_refused, |c, safe| safe.extend(c.escape_default()))
}

/// JSON that means the same and does nothing when it is shown. What [`shown`] spells out occurs only within texts of JSON, which may
/// spell it; line feeds and tabs between values stay.
#[must_use]
pub fn shown_json(json: &str) -> Cow<'_, str> {
    spelled(
        json,
        |c| is_active(c) && !matches!(c, '\n' | '\r' | '\t'),
        |c, safe| {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String does not fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_spelled_out() {
        for (name, expected) in [
            ("a.wav", "a.wav"),
            ("Rivière 🐸 فهد.wav", "Rivière 🐸 فهد.wav"),
            ("\u{1b}]0;title\u{7}a", "\\u{1b}]0;title\\u{7}a"),
            ("\u{9b}31mred", "\\u{9b}31mred"),
            ("a\r\nerror: b\tc", "a\\r\\nerror: b\\tc"),
            ("gpj.\u{202e}vaw", "gpj.\\u{202e}vaw"),
            ("\u{2066}a\u{2069}\u{200f}\u{feff}\u{7f}\u{2028}", "\\u{2066}a\\u{2069}\\u{200f}\\u{feff}\\u{7f}\\u{2028}"),
        ] {
            assert_eq!(shown(name), expected);
        }
        assert!(matches!(shown("a.wav"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_markup_does_not_allow_is_spelled_out_and_nothing_else() {
        assert_eq!(allowed("<a>\u{1b}\u{7}\u{9b}\u{ffff}</a>\n\t"), "<a>\\u{1b}\\u{7}\\u{9b}\\u{ffff}</a>\n\t");
        assert!(matches!(allowed("é \u{202e} 🐸\r\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn messages_keep_their_lines_and_json_its_meaning() {
        assert_eq!(shown_lines("a\n\tb\u{1b}c\r"), "a\n\tb\\u{1b}c\\r");
        assert_eq!(shown_json("{\"a\":\"\u{9b}\u{202e}é\"}\n"), "{\"a\":\"\\u009b\\u202eé\"}\n");
    }

    #[test]
    fn every_active_character_is_spelled_out_and_no_letter_is() {
        let all = (0..=u32::from(char::MAX)).filter_map(char::from_u32);
        let active = all.clone().filter(|&c| shown(&c.to_string()).len() > c.len_utf8()).count();
        // 65 of C0, DEL and C1; 3 marks of direction; 7 from U+2028 to U+202E; 4 isolates; 1 byte order mark.
        assert_eq!(active, 80);
        assert!(all.filter(|c| c.is_alphanumeric()).all(|c| shown(&c.to_string()) == c.to_string()));
    }
}
