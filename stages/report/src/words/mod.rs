//! The words of the report: a table of texts for each language, and numbers and dates as the language writes them.
//!
//! A text has places in braces, `{n}`. What stands between backticks is code, between asterisks it is emphasised. A text that depends on
//! a number has the forms `one` and `other`, and the head of a column says beside its `name` what the column is `about`.
//!
//! A language is a file and a line in [`LANGUAGES`].

mod dates;
mod numbers;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chorus_keys::Word;
use maud::{Markup, PreEscaped, Render, html};
use serde::Deserialize;

pub(crate) use numbers::NONE;

/// A language of the report.
#[derive(Debug)]
pub(crate) struct Language {
    /// As the configuration names it, by ISO 639-1.
    code: &'static str,
    /// As a page of HTML names it.
    tag: &'static str,
    /// By ISO 639-3, as the table `taxa` names it.
    names: &'static str,
    /// Its English name.
    about: &'static str,
    /// Its texts.
    table: &'static str,
}

/// All languages. The first is the default.
const LANGUAGES: &[Language] = &[
    Language { code: "en", tag: "en", names: "eng", about: "English", table: include_str!("en.yaml") },
    Language { code: "de", tag: "de", names: "deu", about: "German", table: include_str!("de.yaml") },
    Language { code: "es", tag: "es", names: "spa", about: "Spanish", table: include_str!("es.yaml") },
    Language { code: "pt", tag: "pt-BR", names: "por", about: "Portuguese, as in Brazil", table: include_str!("pt.yaml") },
    Language { code: "fr", tag: "fr", names: "fra", about: "French", table: include_str!("fr.yaml") },
];

/// The words that the configuration takes for a language.
pub(crate) fn languages() -> Vec<Word> {
    LANGUAGES.iter().map(|language| Word { name: language.code, about: language.about }).collect()
}

/// What stands under a key.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Entry {
    Text(String),
    Forms { one: String, other: String },
    Head { name: String, about: String },
    List(Vec<String>),
}

/// The texts of a language.
#[derive(Debug)]
pub(crate) struct Words {
    language: &'static Language,
    table: BTreeMap<String, Entry>,
}

impl Words {
    /// Those of the language of this code.
    pub(crate) fn of(code: &str) -> Self {
        // The engine refuses words that are not in the list.
        let language = LANGUAGES.iter().find(|language| language.code == code).unwrap_or(&LANGUAGES[0]);
        let table = serde_yaml::from_str(language.table).expect("a test reads every table of words");
        Self { language, table }
    }

    /// The language as a page of HTML names it.
    pub(crate) fn tag(&self) -> &'static str {
        self.language.tag
    }

    /// The language by ISO 639-3, as the table `taxa` names it.
    pub(crate) fn names(&self) -> &'static str {
        self.language.names
    }

    /// What marks a text of the tables, which is English: `None` on an English page.
    pub(crate) fn english(&self) -> Option<&'static str> {
        (self.language.code != "en").then_some("en")
    }

    /// A text without places.
    pub(crate) fn word<'a>(&'a self, key: &'a str) -> &'a str {
        match self.table.get(key) {
            Some(Entry::Text(text) | Entry::Head { name: text, .. } | Entry::Forms { other: text, .. }) => text,
            // A test looks for every key that a page uses.
            Some(Entry::List(_)) | None => key,
        }
    }

    /// What the head of a column says of it.
    pub(crate) fn about(&self, key: &str) -> Option<&str> {
        match self.table.get(key) {
            Some(Entry::Head { about, .. }) => Some(about),
            _ => None,
        }
    }

    /// The word for a name of the tables, such as the subset `test`; the name itself where the table of words has none.
    pub(crate) fn named(&self, kind: &str, name: &str) -> String {
        match self.table.get(&format!("{kind}.{name}")) {
            Some(Entry::Text(text)) => text.clone(),
            _ => name.to_owned(),
        }
    }

    /// The form of a text for a number.
    pub(crate) fn form<'a>(&'a self, key: &'a str, n: u64) -> &'a str {
        match self.table.get(key) {
            Some(Entry::Forms { one, .. }) if self.is_singular(n) => one,
            _ => self.word(key),
        }
    }

    /// A text with its places filled, for titles and labels.
    pub(crate) fn text(&self, key: &str, places: &[(&str, &str)]) -> String {
        filled(self.word(key), places)
    }

    /// The form for a number, with the number in the place `n`.
    pub(crate) fn count(&self, key: &str, n: u64) -> String {
        filled(self.form(key, n), &[("n", &self.number(n))])
    }

    /// A text with its places filled, as markup.
    pub(crate) fn say(&self, key: &str, places: &[(&str, &dyn Render)]) -> Markup {
        marked_up(self.word(key), places)
    }

    /// The form for a number, with the number in the place `n` and its other places filled, as markup.
    pub(crate) fn say_n(&self, key: &str, n: u64, places: &[(&str, &dyn Render)]) -> Markup {
        let number = self.number(n);
        let mut all: Vec<(&str, &dyn Render)> = Vec::with_capacity(1 + places.len());
        all.push(("n", &number));
        all.extend_from_slice(places);
        marked_up(self.form(key, n), &all)
    }

    /// The texts of a list, such as months.
    fn list(&self, key: &str) -> &[String] {
        match self.table.get(key) {
            Some(Entry::List(texts)) => texts,
            _ => &[],
        }
    }

    fn is_singular(&self, n: u64) -> bool {
        n == 1 || n == 0 && self.word("number.zero") == "one"
    }
}

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Piece<'a> {
    Plain(&'a str),
    Place(&'a str),
    Code(&'a str),
    Emphasis(&'a str),
}

/// The pieces of a text, in order.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '`', '*']) {
        let (before, from) = rest.split_at(at);
        let close = match from.as_bytes()[0] {
            b'{' => '}',
            b'`' => '`',
            _ => '*',
        };
        let Some(end) = from[1..].find(close) else { break };
        let inner = &from[1..=end];
        pieces.push(Piece::Plain(before));
        pieces.push(match close {
            '}' => Piece::Place(inner),
            '`' => Piece::Code(inner),
            _ => Piece::Emphasis(inner),
        });
        rest = &from[end + 2..];
    }
    pieces.push(Piece::Plain(rest));
    pieces
}

/// A place for which there is no value: tests look for its braces.
fn unfilled(name: &str) -> String {
    format!("{{{name}}}")
}

fn filled(text: &str, places: &[(&str, &str)]) -> String {
    let piece = |piece: Piece<'_>| match piece {
        Piece::Plain(text) | Piece::Code(text) | Piece::Emphasis(text) => text.to_owned(),
        Piece::Place(name) => {
            let value = places.iter().find(|(place, _)| *place == name).map(|(_, value)| (*value).to_owned());
            value.unwrap_or_else(|| unfilled(name))
        }
    };
    pieces(text).into_iter().map(piece).collect()
}

fn marked_up(text: &str, places: &[(&str, &dyn Render)]) -> Markup {
    let mut page = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Plain(text) => text.render_to(&mut page),
            Piece::Code(text) => html! { code { (text) } }.render_to(&mut page),
            Piece::Emphasis(text) => html! { em { (text) } }.render_to(&mut page),
            Piece::Place(name) => match places.iter().find(|(place, _)| *place == name) {
                Some((_, value)) => value.render_to(&mut page),
                None => unfilled(name).render_to(&mut page),
            },
        }
    }
    PreEscaped(page)
}

#[cfg(test)]
impl Words {
    /// The English table with all letters of its texts in another alphabet: what a page then still says in Latin letters does not come from
    /// the table.
    pub(crate) fn strange() -> Self {
        let mut words = Self::of("en");
        words.table.values_mut().for_each(Entry::make_strange);
        words
    }
}

#[cfg(test)]
impl Entry {
    /// Its texts.
    fn texts(&self) -> Vec<&String> {
        match self {
            Self::Text(text) => vec![text],
            Self::Forms { one, other } => vec![one, other],
            Self::Head { name, about } => vec![name, about],
            Self::List(texts) => texts.iter().collect(),
        }
    }

    fn make_strange(&mut self) {
        let texts: Vec<&mut String> = match self {
            Self::Text(text) => vec![text],
            Self::Forms { one, other } => vec![one, other],
            Self::Head { name, about } => vec![name, about],
            Self::List(texts) => texts.iter_mut().collect(),
        };
        let letters = |text: &str| text.replace(|c: char| c.is_ascii_alphabetic(), "ж");
        for text in texts {
            let strange = |piece: Piece<'_>| match piece {
                Piece::Plain(text) => letters(text),
                Piece::Place(name) => unfilled(name),
                Piece::Code(code) => format!("`{code}`"),
                Piece::Emphasis(text) => format!("*{}*", letters(text)),
            };
            *text = pieces(text).into_iter().map(strange).collect();
        }
    }
}
