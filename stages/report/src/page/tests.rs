//! The whole page: what it holds, that nothing breaks out of its text, and that it is well-formed.

use std::collections::BTreeSet;

use chorus_score::LeftOut;

use super::page;
use crate::facts::{Damaged, Day, Facts, specimen};
use crate::words::{Words, languages};

/// Elements without content in HTML.
const VOID: [&str; 3] = ["meta", "col", "img"];

/// Whether every element is closed in order, every attribute is quoted and no handler of events, and no identifier stands twice.
fn check(html: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    let mut ids = BTreeSet::new();
    let mut rest = html.strip_prefix("<!DOCTYPE html>").ok_or("no doctype")?;
    while let Some(start) = rest.find('<') {
        if rest[..start].contains('>') && open.last() != Some(&"style") {
            return Err(format!("a bare > before {}", &rest[start..].chars().take(80).collect::<String>()));
        }
        let (tag, after) = rest[start + 1..].split_once('>').ok_or("a tag without an end")?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            let last = open.pop();
            if last != Some(name) {
                return Err(format!("</{name}> closes {last:?}"));
            }
            continue;
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(format!("<{name}>"));
        }
        // Name, value, name, value, and what follows the last quote.
        let pieces: Vec<&str> = attributes.split('"').collect();
        let fine = |name: &str| {
            let name = name.trim().strip_suffix('=');
            name.is_some_and(|n| !n.starts_with("on") && n.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
        };
        if pieces.len().is_multiple_of(2)
            || !pieces.chunks_exact(2).all(|p| fine(p[0]))
            || !pieces[pieces.len() - 1].trim().is_empty()
        {
            return Err(format!("<{tag}>"));
        }
        for pair in pieces.chunks_exact(2).filter(|p| p[0].trim() == "id=") {
            if !ids.insert(pair[1]) {
                return Err(format!("two elements are #{}", pair[1]));
            }
        }
        if !VOID.contains(&name) {
            open.push(name);
        }
    }
    if open.is_empty() { Ok(()) } else { Err(format!("never closed: {open:?}")) }
}

/// The English page, checked.
fn checked(title: Option<&str>, facts: &Facts) -> String {
    checked_in(&Words::of("en"), title, facts)
}

/// The page, checked.
fn checked_in(w: &Words, title: Option<&str>, facts: &Facts) -> String {
    let html = page(title, w, facts);
    if let Ok(path) = std::env::var("CHORUS_REPORT_SPECIMEN") {
        std::fs::write(path, &html).unwrap();
    }
    check(&html).unwrap();
    for reach in
        ["http://", "https://", "@import", "<script", "<link", "<iframe", "<base", "<form", "<source", "srcset", "javascript:"]
    {
        assert!(!html.contains(reach), "{reach}");
    }
    // What is fetched lies beside the page, under a name that was made here.
    let kinds = [("<img src=\"", "png"), ("<audio controls=\"\" preload=\"none\" src=\"", "wav")];
    let mut fetched = 0;
    for (start, ending) in kinds {
        for rest in html.split(start).skip(1) {
            let name = rest.split('"').next().and_then(|n| n.strip_prefix("clips/")?.strip_suffix(ending)?.strip_suffix('.'));
            assert!(name.is_some_and(|n| n.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')), "{name:?}");
            fetched += 1;
        }
    }
    assert_eq!(html.matches("src=").count(), fetched, "nothing else is fetched");
    assert_eq!(html.matches("href=").count(), html.matches("href=\"#").count(), "links lead within the page");
    assert_eq!(html.matches("url(").count(), html.matches("url(#").count(), "nothing but pieces of the page itself");
    assert!(!html.contains("NaN") && !html.contains(">inf"), "a number that is none");
    for said in said(&html) {
        // Control characters of names are spelled out, such as \u{7}.
        let parts = said.split("\\u{").enumerate();
        let spelled = parts.map(|(at, part)| if at == 0 { part } else { part.split_once('}').map_or(part, |(_, rest)| rest) });
        let said: String = spelled.collect();
        assert!(!said.contains(['{', '}', '`']), "a place without a value: {said}");
    }
    html
}

/// Elements whose text is no word of ours: style, code, names.
const NOT_OURS: [&str; 4] = ["style", "code", "bdi", "i"];

/// What a page says to people: its text, and the attributes that are shown or read out.
fn said(html: &str) -> Vec<String> {
    let plain = |text: &str| text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    let (mut open, mut said): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
    for piece in html.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
        let name = tag.split(' ').next().unwrap_or_default();
        if tag.starts_with('/') {
            open.pop();
        } else if !VOID.contains(&name) && !name.starts_with('!') {
            open.push(name);
        }
        for attribute in [" title=\"", " aria-label=\"", " alt=\""] {
            said.extend(tag.split(attribute).nth(1).and_then(|rest| rest.split('"').next()).map(plain));
        }
        if !open.iter().any(|name| NOT_OURS.contains(name)) && !text.trim().is_empty() {
            said.push(plain(text));
        }
    }
    said
}

#[test]
fn the_checker_sees_what_is_wrong() {
    for (html, wanted) in [
        ("<p></p>", "doctype"),
        ("<!DOCTYPE html><p><b></p></b>", "</p> closes"),
        ("<!DOCTYPE html><p>", "never closed"),
        ("<!DOCTYPE html><p a=b></p>", "<p a=b>"),
        ("<!DOCTYPE html><p a=\"b\"c\"></p>", "<p a="),
        ("<!DOCTYPE html><p onload=\"b\"></p>", "<p onload="),
        ("<!DOCTYPE html><p id=\"x\"></p><p id=\"x\"></p>", "#x"),
        ("<!DOCTYPE html><p>a > b</p>", "bare"),
    ] {
        assert!(check(html).unwrap_err().contains(wanted), "{html}");
    }
    assert_eq!(check("<!DOCTYPE html><html><meta a=\"b\"><p id=\"x\" class=\"y z\">t</p></html>"), Ok(()));
}

/// Set `CHORUS_REPORT_SPECIMEN` to a path, name one test, and look at the page in a browser.
#[test]
fn a_labelled_survey() {
    let facts = specimen::survey(10, 100, 40);
    let html = checked(Some("Frogs of ten ponds"), &facts);
    assert!(html.len() < 1_300_000, "{} bytes", html.len());
    let again = page(Some("Frogs of ten ponds"), &Words::of("en"), &specimen::survey(10, 100, 40));
    assert_eq!(html, again, "the same twice");
    for wanted in [
        "<title>Frogs of ten ponds</title>",
        "Between 1 March 2020 and",
        "On recordings kept apart for testing, its average precision is 0.68, the mean over",
        "id=\"recorded\"",
        "<i lang=\"la\"><bdi>Boana bischoffi</bdi></i>",
        "Mean over classes",
        "No window of the subset test holds",
        "No training recording holds <bdi>PHYALB</bdi>",
        "so they cannot be tested.",
        " <small>2,800 windows</small></td>",
        "<svg class=\"curves\"",
        "Classes detected so far, all sites together, by night",
        "<polygon class=\"band\"",
        "Colwell, Mao and Chang 2004",
        "<svg class=\"map\"",
        "POND01: ",
        "Share of nights with a detection, by class and season",
        "<svg class=\"season\"",
        "BOABIS: share of windows detected by season and local hour",
        "What is there when a class is detected falsely",
        "<th class=\"first\" scope=\"row\"><bdi>All windows</bdi></th><td class=\"n\">40,000</td>",
        "<details><summary>Data of the drawing as a table</summary>",
        "empty file (<code>empty_file</code>): ",
        "Precision against recall, BOABIS",
        "Reliability: Calibrated probabilities",
        "<svg class=\"sun\"",
        "SPHSUR: share of windows detected by half hours from sunset and sunrise",
        "id=\"listen\"",
        "src=\"clips/000-SPEC-0.png\" width=\"720\" height=\"306\" alt=\"Spectrogram of 5.0 s, up to 24.0 kHz. The detection of SPHSUR lies",
        "<audio controls=\"\" preload=\"none\" src=\"clips/000-SPEC-0.wav\"",
        "The sound is not there",
        "id=\"unknown\"",
        "47 windows of",
        "Similar ones form 2 groups.",
        " detections are such sounds, so something else may call there: <bdi>",
        "<td class=\"n\">17 dB</td>",
        "src=\"clips/020-SPEC-0.png\"",
        "weights kept: epoch 87",
        "3f9c0d5be21a7740",
        concat!("chorus ", env!("CARGO_PKG_VERSION")),
        "audio/POND01/SMA01234_20200318_210000.wav",
    ] {
        assert!(html.contains(wanted), "{wanted}");
    }
    for scope in html.split("<th").skip(1).filter(|t| t.starts_with([' ', '>'])) {
        assert!(scope.split('>').next().is_some_and(|t| t.contains("scope=")), "{}", &scope[..60]);
    }
}

#[test]
fn a_survey_without_labels_says_why_nothing_is_measured() {
    let html = checked(None, &specimen::archive(3, 12, 5));
    assert!(html.contains("<h1>Acoustic survey</h1>") && html.contains("nothing in it is labelled"));
    assert!(!html.contains("Training") && !html.contains("F1 tuned") && !html.contains("What it learned from"));
    assert!(!html.contains("What is there when"));
}

#[test]
fn no_tables_at_all_make_a_page_that_says_so() {
    let html = checked(Some("  "), &Facts::default());
    assert!(!html.contains("Unknown sounds"));
    let html = checked(None, &Facts { unlike: Some(Vec::new()), ..Facts::default() });
    assert!(html.contains("No window is both loud and unlike everything that the classifier learned."));
    let html = checked(Some("  "), &Facts::default());
    assert!(html.contains("The archive holds no recordings.") && html.contains("No classifier has listened"));
}

#[test]
fn recordings_without_dates_are_counted_and_not_dated() {
    let mut facts = specimen::archive(2, 5, 3);
    for site in facts.recorded.sites.values_mut() {
        (site.untimed, site.first, site.last) = (site.recordings, None, None);
        site.nights.clear();
    }
    facts.found.effort_by_hour_s = [0.0; 24];
    facts.found.nights.clear();
    facts.found.sun = Default::default();
    facts.found.accumulation.clear();
    facts.found.classes.values_mut().for_each(|class| class.seasons.clear());
    facts.found.classes.values_mut().flat_map(|c| c.sites.values_mut()).for_each(|at| at.nights.clear());
    let html = checked(None, &facts);
    assert!(
        html.contains("At unknown dates")
            && html.contains("so there is no calendar")
            && html.contains("activity by hour is not known")
            && html.contains("Where the sun stood is not known")
    );
    // The map needs no dates.
    assert!(!html.contains("2020-03-0") && html.matches("<svg").count() == html.matches("<svg class=\"map\"").count());
}

#[test]
fn nothing_was_detected() {
    let mut facts = specimen::archive(2, 5, 3);
    for class in facts.found.classes.values_mut() {
        *class = Default::default();
    }
    let html = checked(None, &facts);
    assert!(
        html.contains("It detected none.")
            && html.contains("No class was detected in any window.")
            && html.contains("Never detected in")
    );
}

#[test]
fn classes_that_cannot_be_told_are_named_with_their_reasons_and_not_as_never_detected() {
    let mut facts = specimen::archive(3, 12, 5);
    facts.found.classes.insert("LEPPOD".into(), Default::default());
    let left = |class: &str, site: Option<&str>| LeftOut {
        class: class.into(),
        why: "2 validation windows hold it & 5 are needed".into(),
        sites: site.map(|site| [site.to_owned()].into()),
    };
    facts.left_out = vec![left("BOAFAB", Some("BOG02")), left("LEPPOD", None)];
    facts.found.uncalibrated = ["CREEK03".to_owned()].into();
    let html = checked(None, &facts);
    for wanted in [
        &format!("listened for 4 classes. It detected {}", facts.found.by_frequency().len()),
        "1 more class can't be told yet.",
        "1 of 5 classes can't be told yet: validation does not show that the classifier tells it",
        "<td>2 validation windows hold it &amp; 5 are needed</td><td>all sites</td>",
        "Some classes are left out at single sites.",
        "Not calibrated here: <bdi>CREEK03</bdi>. No recording of this site was in validation",
    ] {
        assert!(html.contains(wanted), "{wanted}");
    }
    let never = html.split("Never detected").nth(1).and_then(|rest| rest.split("</p>").next()).unwrap_or_default();
    assert!(!never.contains("LEPPOD"), "{never}");
}

#[test]
fn one_of_everything_reads_well() {
    let html = checked(None, &specimen::survey(1, 1, 1));
    assert!(html.contains("On 1 March 2020, recorders at 1 site made 12 recordings"), "{html}");
    assert!(html.contains("listened for 1 class. It detected 1: "), "{html}");
}

#[test]
fn names_from_the_archive_stay_text() {
    let names = [
        "<script>alert(1)</script>",
        "\"onmouseover=\"alert(1)",
        "' onload='x",
        "</title></style></svg><b>",
        "&amp;<!--",
        "水塘 \u{202e}dnop",
        "\u{7}\u{0}a",
        &"long".repeat(400),
    ];
    let mut facts = specimen::survey(names.len(), 4, names.len());
    facts.recorded.sites =
        std::mem::take(&mut facts.recorded.sites).into_values().zip(names).map(|(s, n)| (n.to_owned(), s)).collect();
    facts.found.effort_s =
        std::mem::take(&mut facts.found.effort_s).into_values().zip(names).map(|(s, n)| (n.to_owned(), s)).collect();
    facts.found.classes =
        std::mem::take(&mut facts.found.classes).into_values().zip(names).map(|(c, n)| (n.to_owned(), c)).collect();
    facts.names.common = names.iter().map(|n| ((*n).to_owned(), (*n).to_owned())).collect();
    facts.names.scientific = names.iter().map(|n| ((*n).to_owned(), (*n).to_owned())).collect();
    facts.model_id = Some(names[0].into());
    facts.recorded.damage = names.iter().map(|n| ((*n).to_owned(), 1)).collect();
    let damaged = |n: &&str| Damaged { site: (*n).into(), path: (*n).into(), reason: (*n).into(), lost_s: None };
    facts.recorded.rejected = names.iter().map(damaged).collect();
    for class in facts.found.classes.values_mut() {
        for pick in &mut class.picks {
            pick.site = names[1].into();
            pick.recording.iter_mut().for_each(|place| (place.path, place.local) = (names[2].into(), Some(names[3].into())));
        }
    }
    for name in names {
        let html = checked(Some(name), &facts);
        assert!(!html.contains("<script") && html.contains("&lt;script&gt;") && html.contains("&quot;onmouseover=&quot;"));
    }
}

#[test]
fn a_survey_too_large_for_one_page_stays_a_page() {
    let mut facts = specimen::archive(250, 30, 60);
    for site in facts.recorded.sites.values_mut() {
        site.nights = (0..400).map(|d| (Day(10_000 + 9 * d), Default::default())).collect();
    }
    let html = checked(None, &facts);
    assert!(html.len() < 4_000_000, "{} bytes", html.len());
    assert!(html.contains("more than a page can hold"));
}

#[test]
fn every_language_makes_a_whole_page() {
    let mut facts = specimen::survey(4, 30, 12);
    let code = facts.found.classes.keys().next().unwrap().clone();
    facts.names.common.insert(code.clone(), "Sapo".into());
    let pages: Vec<(&str, String)> =
        languages().iter().map(|word| (word.name, checked_in(&Words::of(word.name), None, &facts))).collect();
    for (code, wanted) in [
        ("en", ["<html lang=\"en\">", "<h2>What was found</h2>", "Between 1 March 2020", "2020-03-01"]),
        ("de", ["<html lang=\"de\">", "<h2>Was gefunden wurde</h2>", "Zwischen dem 1. März 2020", "01.03.2020"]),
        ("es", ["<html lang=\"es\">", "<h2>Lo que se encontró</h2>", "Entre el 1 de marzo de 2020", "01/03/2020"]),
        ("pt", ["<html lang=\"pt-BR\">", "<h2>O que foi encontrado</h2>", "Entre 1º de março de 2020", "01/03/2020"]),
        ("fr", ["<html lang=\"fr\">", "<h2>Ce qui a été trouvé</h2>", "Entre le 1er mars 2020", "01/03/2020"]),
    ] {
        let (_, html) = pages.iter().find(|(name, _)| *name == code).unwrap();
        for wanted in wanted {
            assert!(html.contains(wanted), "{code}: {wanted}");
        }
        assert!(code == "en" || html.contains("0,95") && !html.contains(">0.95"), "{code}: decimals");
    }
    assert_eq!(pages.len(), 5);
    let common = format!("<bdi>{code}</bdi> <span class=\"common\"><bdi>Sapo</bdi></span> <i lang=\"la\">");
    assert!(pages.iter().all(|(_, html)| html.contains(&common)));
}

#[test]
fn all_that_a_page_says_comes_from_the_table_of_words() {
    let w = Words::strange();
    let mut facts = specimen::survey(4, 30, 20);
    facts.found.uncalibrated = ["POND01".to_owned()].into();
    facts.expected.entry("SPHSUR".to_owned()).or_default().all.no = 3;
    // Names are those of the survey, whatever language the page is in; the longest first, since one may be part of another.
    let own = facts.recorded.sites.keys().chain(facts.found.classes.keys()).chain(facts.names.scientific.values());
    let mut names: Vec<String> = own.cloned().collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    for facts in [facts, specimen::archive(2, 5, 3), Facts::default(), Facts { unlike: Some(Vec::new()), ..Facts::default() }] {
        for text in said(&checked_in(&w, None, &facts)) {
            let own = names.iter().fold(text.clone(), |text, name| text.replace(name.as_str(), ""));
            let is_latin = |pair: &[char]| pair.iter().all(char::is_ascii_alphabetic);
            assert!(!own.chars().collect::<Vec<_>>().windows(2).any(is_latin), "{text}");
        }
    }
}

#[test]
fn each_drawing_has_words_and_its_data() {
    let html = checked(None, &specimen::survey(3, 20, 6));
    let drawings = html.split("<svg").skip(1).filter(|svg| svg.split('>').next().is_some_and(|tag| tag.contains("role=\"img\"")));
    let mut number = 0;
    for drawing in drawings {
        let inside = drawing.split_once('>').map_or("", |(_, rest)| rest);
        assert!(inside.starts_with("<title>") && inside.contains("</title><desc>"), "{}", &drawing[..200]);
        number += 1;
    }
    assert!(number > 20, "{number}");
    // Map, accumulation, two of the training, hours, seasons, half hours, curves, and two of the reliability.
    assert_eq!(html.matches("<details>").count(), 10);
}

/// A page of 100 sites, 1,000 nights and 50 classes.
const LARGE: usize = 4_000_000;

#[test]
fn a_large_survey_is_a_page_of_a_size_that_is_known() {
    let facts = specimen::survey(100, 1_000, 50);
    for word in languages() {
        let html = page(None, &Words::of(word.name), &facts);
        assert!(html.len() < LARGE, "{}: {} bytes", word.name, html.len());
    }
}
