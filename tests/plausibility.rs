//! Where and when classes are to be expected, and what the code table says of them: told of detections, and never deciding what is
//! detected.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::{Survey, text};

/// A threshold under which the tiny network detects something of several classes.
const THRESHOLD: &str = "detect.threshold=0.25";

/// Number in the second line of an answer.
fn number(answer: &str) -> u64 {
    answer.lines().nth(1).unwrap().parse().unwrap()
}

#[test]
fn detections_are_told_by_place_and_month_and_stay_as_they_are() {
    let survey = Survey::made();
    survey.run_with(&["--set", THRESHOLD]);
    let before = common::contents(&survey.run().join("tables/detections"), "");
    let classes = survey.ask("SELECT class, COUNT(*) AS n FROM detections GROUP BY class ORDER BY n DESC");
    let most = classes.lines().nth(1).unwrap().split(',').next().unwrap().to_owned();
    let of =
        |wanted: &str| number(&survey.ask(&format!("SELECT COUNT(*) AS n FROM detections WHERE class = '{most}' AND {wanted}")));
    // The survey is of January and February 2025.
    let (ponds, marshes) = (of("site = 'POND01'"), of("site = 'MARSH02'"));
    let in_january = of("site = 'POND01' AND date = DATE '2025-01-30'");
    let write =
        |rows: &str| fs::write(survey.folder().join("expected.csv"), format!("class,site,months,expected\n{rows}")).unwrap();
    write(&format!("{most},POND01,2,yes\n{most},POND01,1,0.25\nNessie,,,no\n"));
    let table = format!("plausibility.table={}", survey.folder().join("expected.csv").display());
    let sets = ["--set", THRESHOLD, "--set", &table];
    let said = survey.run_with(&sets);
    assert!(said.contains("neither as a class nor as a scientific name: nessie"), "{said}");
    common::assert_same(&common::contents(&survey.run().join("tables/detections"), ""), &before, "detections");
    let ask = |wanted: &str| {
        let sql = format!("SELECT COUNT(*) AS n FROM plausibility WHERE class = '{most}' AND {wanted}");
        number(&survey.ask(&sql))
    };
    assert_eq!(ask("site = 'POND01' AND plausible"), ponds);
    assert!(ask("expected = 0.25") >= in_january, "at night of the 30th it is January");
    assert_eq!(ask("site = 'MARSH02' AND expected = 0 AND NOT plausible"), marshes);
    assert_eq!(
        number(&survey.ask(&format!("SELECT COUNT(*) AS n FROM plausibility WHERE class <> '{most}' AND expected IS NOT NULL"))),
        0
    );
    assert_eq!(number(&survey.ask("SELECT COUNT(*) AS n FROM implausible")), marshes);
    let rows = |table: &str| number(&survey.ask(&format!("SELECT COUNT(*) AS n FROM {table}")));
    assert_eq!(rows("plausibility"), rows("detections"));
    // Report and export tell of it.
    let page = fs::read_to_string(survey.run().join("report/index.html")).unwrap();
    assert!(page.contains("Where and when nobody expects it"));
    assert_eq!(page.contains("Implausible detections"), marshes > 0);
    let output = survey.chorus(&[&["export", "csv", "-o", "csv"], &sets[..]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut reader = csv::Reader::from_path(survey.folder().join("csv/detections.csv")).unwrap();
    let told: Vec<BTreeMap<String, String>> = reader.deserialize().map(|row| row.unwrap()).collect();
    let no = told.iter().filter(|row| row["plausible"] == "false").count() as u64;
    assert_eq!((no, told.iter().filter(|row| row["class"] != most).all(|row| row["expected"].is_empty())), (marshes, true));
    // The content of the file counts, and makes nothing stale but what is made of it.
    assert!(survey.to_make(&sets).is_empty());
    write(&format!("{most},,,no\n"));
    let stale = survey.to_make(&sets);
    assert!(
        stale.contains_key("detect-plausibility") && !stale.contains_key("detect") && !stale.contains_key("predict"),
        "{stale:?}"
    );
    survey.run_with(&sets);
    assert_eq!(number(&survey.ask("SELECT COUNT(*) AS n FROM implausible")), of("TRUE"));
    write(&format!("{most},,13,no\n"));
    let refused = survey.chorus(&[&["run"], &sets[..]].concat());
    let said = text(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("plausibility.table") && said.contains("expected.csv:2"), "{said}");
}

#[test]
fn keys_of_taxonomies_train_nothing_anew_and_reach_the_exports() {
    let survey = Survey::made();
    let table = survey.archive().join("species.csv");
    let before = fs::read_to_string(&table).unwrap();
    let mut lines = before.lines();
    let header = lines.next().unwrap();
    let with_keys: Vec<String> = std::iter::once(format!("{header},gbif_key,ebird_code,name_es,synonyms"))
        .chain(lines.enumerate().map(|(i, line)| format!("{line},{},spec{i},Rana {i},an old name {i}", 1000 + i)))
        .collect();
    fs::write(&table, with_keys.join("\n") + "\n").unwrap();
    let made = survey.made_by(|survey| drop(survey.run_with(&["--set", THRESHOLD])));
    assert!(made.contains_key("annotate-classes") && !made.contains_key("train"), "{made:?}");
    let taxa =
        survey.ask("SELECT COUNT(*) AS n FROM taxa WHERE gbif_key >= 1000 AND ebird_code LIKE 'spec%' AND names LIKE '%spa%'");
    assert_eq!(number(&taxa), number(&survey.ask("SELECT COUNT(*) AS n FROM classes")));
    for format in ["camtrap-dp", "darwin-core", "csv"] {
        let output = survey.chorus(&["export", format, "-o", format, "--set", THRESHOLD]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let package = fs::read(survey.folder().join("camtrap-dp/datapackage.json")).unwrap();
    let package: serde_json::Value = serde_json::from_slice(&package).unwrap();
    let taxa = package["taxonomic"].as_array().unwrap();
    let is_keyed = |taxon: &serde_json::Value| {
        let id = taxon["taxonID"].as_str().is_some_and(|id| id.starts_with("https://www.gbif.org/species/1"));
        id && taxon["vernacularNames"]["spa"].as_str().is_some_and(|name| name.starts_with("Rana "))
    };
    assert!(!taxa.is_empty() && taxa.iter().all(is_keyed), "{taxa:?}");
    let occurrences = fs::read_to_string(survey.folder().join("darwin-core/occurrence.csv")).unwrap();
    assert!(occurrences.lines().skip(1).all(|line| line.contains("https://ebird.org/species/spec")), "{occurrences}");
    // The model brings them along: where it is judged by a code table without them, and where nothing is labelled.
    fs::write(&table, &before).unwrap();
    let model = format!("model.path={}", survey.run().join("model").display());
    for (run, more) in [("judged", "report.clips=0"), ("applied", "annotate.format=none")] {
        let place = format!("run.path={run}");
        let sets = [model.as_str(), place.as_str(), THRESHOLD, "report.language=es", more];
        let sets: Vec<&str> = sets.into_iter().flat_map(|set| ["--set", set]).collect();
        survey.run_with(&sets);
        let page = fs::read_to_string(survey.folder().join(run).join("report/index.html")).unwrap();
        assert!(page.contains("<bdi>Rana ") && page.contains("spec0"), "{run}: {page}");
        let folder = format!("{run}-dp");
        let output = survey.chorus(&[&["export", "camtrap-dp", "-o", folder.as_str()], &sets[..]].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let package = fs::read(survey.folder().join(folder).join("datapackage.json")).unwrap();
        let package: serde_json::Value = serde_json::from_slice(&package).unwrap();
        let taxa = package["taxonomic"].as_array().unwrap();
        assert!(!taxa.is_empty() && taxa.iter().all(is_keyed), "{run}: {taxa:?}");
    }
    // Two classes of one taxon are told, and a key that cannot be one is refused.
    let header = "code,scientific_name,gbif_key";
    let rows = |key: &str| before.lines().skip(1).map(|line| format!("{line},{key}\n")).collect::<String>();
    assert_eq!(before.lines().next().unwrap(), "code,scientific_name", "the test writes these columns");
    fs::write(&table, format!("{header}\n{}", rows("7"))).unwrap();
    let said = survey.run_with(&["annotate", "--with-upstream"]);
    assert!(said.contains("species.csv: ") && said.contains("have the same gbif_key, 7"), "{said}");
    fs::write(&table, format!("{header}\n{}", rows("frog"))).unwrap();
    let refused = survey.chorus(&["run", "annotate", "--with-upstream"]);
    let said = text(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("gbif_key frog") && said.contains("species.csv:2"), "{said}");
}
