//! All tables of words say the same things, pages use no key that a table lacks, and hold no words of their own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;

/// Keys whose names are made of a kind and a name of the tables.
const NAMED: [&str; 5] = ["damage_of.", "group.", "source.", "subset.", "sun.sun"];
/// How a language orders the parts of a date, and which of them it leaves out, is its own.
const DATES: &str = "date.";

fn all() -> Vec<Words> {
    LANGUAGES.iter().map(|language| Words::of(language.code)).collect()
}

/// What a text must have in every language: places, and code.
fn kept(text: &str) -> BTreeSet<Piece<'_>> {
    pieces(text).into_iter().filter(|piece| matches!(piece, Piece::Place(_) | Piece::Code(_))).collect()
}

fn emphasised(text: &str) -> usize {
    pieces(text).iter().filter(|piece| matches!(piece, Piece::Emphasis(_))).count()
}

#[test]
fn every_table_has_every_key_and_texts_agree_in_places_and_code() {
    let english = Words::of("en");
    for other in all() {
        let code = other.language.code;
        let keys = |words: &Words| words.table.keys().cloned().collect::<BTreeSet<_>>();
        let (a, b) = (keys(&english), keys(&other));
        assert_eq!(a, b, "{code}: {:?}", a.symmetric_difference(&b).collect::<Vec<_>>());
        for (key, entry) in &english.table {
            let theirs = &other.table[key];
            assert_eq!(std::mem::discriminant(entry), std::mem::discriminant(theirs), "{code}, {key}: another kind of entry");
            let (ours, theirs) = (entry.texts(), theirs.texts());
            assert_eq!(ours.len(), theirs.len(), "{code}, {key}");
            for (our, their) in ours.into_iter().zip(theirs) {
                // Thousands may stand apart by a space.
                let is_blank = if key == "number.group" { their.is_empty() } else { their.trim().is_empty() };
                assert!(!is_blank && !their.contains("  "), "{code}, {key}: `{their}`");
                assert_eq!(their.matches('`').count() % 2 + their.matches('*').count() % 2, 0, "{code}, {key}: `{their}`");
                if !key.starts_with(DATES) {
                    assert_eq!(kept(our), kept(their), "{code}, {key}");
                    assert_eq!(emphasised(our), emphasised(their), "{code}, {key}");
                }
            }
        }
        assert_eq!((other.list("date.months").len(), other.list("date.months_short").len()), (12, 12), "{code}");
    }
}

#[test]
fn texts_are_not_left_in_english() {
    let english = Words::of("en");
    let is_word = |word: &&str| word.chars().any(char::is_alphabetic);
    let own = |piece: &Piece<'_>| match piece {
        Piece::Plain(text) => text.split_whitespace().filter(is_word).count(),
        _ => 0,
    };
    let sentence = |text: &str| pieces(text).iter().map(own).sum::<usize>() > 4;
    for other in all().iter().filter(|other| other.language.code != "en") {
        for (key, entry) in &english.table {
            for (our, their) in entry.texts().into_iter().zip(other.table[key].texts()).filter(|(our, _)| sentence(our)) {
                assert_ne!(our, their, "{}, {key}", other.language.code);
            }
        }
    }
}

/// Sources of the pages without their tests and comments.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = ["page", "plot", "words"].into_iter().flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap());
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ext| ext == "rs") && !path.ends_with("tests.rs"));
    files.sort();
    let code = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    };
    files.iter().map(|path| (path.clone(), code(path))).collect()
}

/// The texts between quotes of a source.
fn quoted(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            // A quote as a character.
            '\'' if rest.peek() == Some(&'"') => {
                rest.next();
            }
            '"' => {
                let mut text = String::new();
                while let Some(c) = rest.next() {
                    match c {
                        '\\' => text.extend(rest.next()),
                        '"' => break,
                        c => text.push(c),
                    }
                }
                found.push(text);
            }
            _ => {}
        }
    }
    found
}

#[test]
fn every_key_is_used_and_every_used_key_exists() {
    let english = Words::of("en");
    let texts: BTreeSet<String> = sources().iter().flat_map(|(_, source)| quoted(source)).collect();
    let unused: Vec<&String> =
        english.table.keys().filter(|key| !texts.contains(*key) && !NAMED.iter().any(|kind| key.starts_with(kind))).collect();
    assert!(unused.is_empty(), "no page uses {unused:?}");
    // Keys that pages use stand behind one of these, in the same or in the next line.
    let calls = [".word(", ".form(", ".count(", ".text(", ".say(", ".say_n(", ".about(", ".list(", "head(w, ", "first(w, "];
    let mut used = 0;
    for (path, source) in sources() {
        for call in calls {
            for rest in source.split(call).skip(1) {
                let Some(key) = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()) else { continue };
                assert!(english.table.contains_key(key), "{}: {call}{key}", path.display());
                used += 1;
            }
        }
    }
    assert!(used > 200, "only {used} keys were found");
    // Keys that are chosen between.
    let is_key = |text: &&String| {
        let is_part =
            |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        text.contains('.') && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.split('.').all(is_part)
    };
    let is_file = |text: &str| text.ends_with(".css") || text.ends_with(".yaml");
    let unknown: Vec<&String> =
        texts.iter().filter(is_key).filter(|text| !is_file(text) && !english.table.contains_key(*text)).collect();
    assert!(unknown.is_empty(), "the tables lack {unknown:?}");
}

#[test]
fn no_page_holds_words_of_its_own() {
    // What browsers and the command line read.
    let spoken_to_machines = |text: &str| {
        ["chorus query ", "default-src ", "width=device-width", "light dark"].iter().any(|start| text.starts_with(start))
    };
    let is_sentence = |text: &str| {
        let is_word = |word: &str| word.len() > 1 && word.chars().all(|c| c.is_alphabetic() || ",.:;".contains(c));
        let words: Vec<&str> = text.split(' ').collect();
        words.windows(2).any(|pair| is_word(pair[0]) && is_word(pair[1]))
    };
    let is_title = |text: &str| {
        text.len() > 2
            && text.starts_with(char::is_uppercase)
            && text.chars().all(char::is_alphabetic)
            && text.chars().any(char::is_lowercase)
    };
    assert!(is_sentence("Most of it") && !is_sentence("M1 4h26") && is_title("Site") && !is_title("M"));
    let pages = sources().into_iter().filter(|(path, _)| !path.parent().is_some_and(|folder| folder.ends_with("words")));
    for (path, source) in pages {
        for text in quoted(&source).iter().filter(|text| !spoken_to_machines(text)) {
            assert!(
                !is_sentence(text) && !is_title(text),
                "{} says `{text}`, which belongs into the tables of words",
                path.display()
            );
        }
    }
}

#[test]
fn texts_are_filled_marked_up_and_escaped() {
    let w = Words::of("en");
    let html = w.say_n("site.doubtful", 2, &[]).into_string();
    assert_eq!(html, "Doubtful start: 2 recordings; the column <code>time_note</code> says why.");
    assert_eq!(w.count("site.doubtful", 1), "Doubtful start: 1 recording; the column time_note says why.");
    let html = w.say("damage.listed", &[("listed", &"<1>"), ("all", &2), ("query", &html! { code { "q" } })]).into_string();
    assert_eq!(html, "The first &lt;1&gt; of 2. All of them: <code>q</code>");
    assert_eq!(w.text("map.metres", &[]), "{n} m", "what is missing can be seen");
    let (piece, rest) = (Piece::Emphasis("own"), Piece::Plain(" (x)"));
    assert_eq!(pieces("*own* (x)"), [Piece::Plain(""), piece, rest]);
    assert_eq!(pieces("5 * 3 {"), [Piece::Plain("5 * 3 {")]);
    assert_eq!(
        (w.word("no.such.key"), w.named("subset", "fold 3"), w.named("subset", "train")),
        ("no.such.key", "fold 3".into(), "training".into())
    );
    assert_eq!(
        (Words::of("fr").count("recordings", 0), w.count("recordings", 0)),
        ("0 enregistrement".into(), "0 recordings".into())
    );
    assert!(Words::strange().word("title").chars().all(|c| c == 'ж' || c == ' '));
}
