//! The whole page: what it holds, that nothing breaks out of its text, and that it is well-formed.

use std::collections::BTreeSet;

use chorus_score::LeftOut;

use super::page;
use crate::facts::{Damaged, Day, Facts, specimen};

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

/// The page, checked.
fn checked(title: Option<&str>, facts: &Facts) -> String {
    let html = page(title, facts);
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
    html
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
    assert!(html.len() < 1_000_000, "{} bytes", html.len());
    assert_eq!(html, page(Some("Frogs of ten ponds"), &specimen::survey(10, 100, 40)), "the same twice");
    for wanted in [
        "<title>Frogs of ten ponds</title>",
        "Between 2020-03-01 and",
        "On recordings kept apart for testing, its average precision is 0.68",
        "id=\"recorded\"",
        "<i lang=\"la\"><bdi>Boana bischoffi</bdi></i>",
        "Mean over classes",
        "No test window holds",
        "No train recording holds <bdi>PHYALB</bdi>",
        "so they cannot be tested.",
        " <small>2,800 windows</small></td>",
        "<svg class=\"curves\"",
        "Classes detected so far, all sites together, by night",
        "Precision against recall, BOABIS",
        "Reliability of calibrated probabilities",
        "<svg class=\"sun\"",
        "SPHSUR: share of windows detected by half hours from sunset and sunrise",
        "id=\"listen\"",
        "src=\"clips/000-SPEC-0.png\" width=\"720\" height=\"306\" loading=\"lazy\" alt=\"Spectrogram of 5.0 s, up to 24.0 kHz. The detection of SPHSUR lies",
        "<audio controls=\"\" preload=\"none\" src=\"clips/000-SPEC-0.wav\"",
        "The sound is not there",
        "id=\"unknown\"",
        "47 windows of",
        "put into 2 groups of similar sounds",
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
    facts.found.classes.values_mut().flat_map(|c| c.sites.values_mut()).for_each(|at| at.nights.clear());
    let html = checked(None, &facts);
    assert!(
        html.contains("At unknown dates")
            && html.contains("so there is no calendar")
            && html.contains("activity by hour is not known")
            && html.contains("Where the sun stood is not known")
    );
    assert!(!html.contains("2020-03-0") && !html.contains("<svg"));
}

#[test]
fn nothing_was_detected() {
    let mut facts = specimen::archive(2, 5, 3);
    for class in facts.found.classes.values_mut() {
        *class = Default::default();
    }
    let html = checked(None, &facts);
    assert!(
        html.contains("and detected none.")
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
        &format!("listened for 4 classes and detected {}", facts.found.by_frequency().len()),
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
    assert!(html.contains("On 2020-03-01, 1 site made 12 recordings") && html.contains("for 1 class and detected 1: "), "{html}");
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
    facts.scientific = names.iter().map(|n| ((*n).to_owned(), (*n).to_owned())).collect();
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
