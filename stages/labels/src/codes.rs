//! The code table: which class a label's code counts for, if any, and what is known of the classes.
//!
//! A CSV file with the column `code`, and optionally `class` and the columns of [`taxon`](crate::taxon). An empty `class` drops the code;
//! without the column each code is its own class. Codes are compared exactly. A synonym is one more code of its row. For a code that the
//! table lacks, the reason names a similar one.

use std::collections::BTreeMap;

use crate::error::LabelsError;
use crate::strict_csv::StrictCsv;
use crate::taxon::{Taxon, TaxonColumns, duplicates};
use crate::text::{cleaned, file_name};

/// The code table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodeTable {
    /// Name of the file, for messages.
    name: String,
    /// Class by code; `None` where the table drops it.
    class_of: BTreeMap<String, Option<String>>,
    /// The same by synonym.
    synonyms: BTreeMap<String, Option<String>>,
    /// What is known of each class.
    classes: BTreeMap<String, Taxon>,
    /// What rows of one class say differently.
    contradictions: Vec<String>,
}

impl CodeTable {
    /// Reads a code table. `bytes` is the content of `path`.
    ///
    /// # Errors
    /// There is no column `code`, or a column of the table occurs twice; a code is empty, or occurs twice; a synonym is the code or the
    /// synonym of another class; a key of a taxonomy or the language of a column of names cannot be one.
    pub fn read(path: &str, bytes: &[u8]) -> Result<Self, LabelsError> {
        let mut table = StrictCsv::open(path, bytes)?;
        let code = table.column("code")?;
        let (class, taxa) = (table.find("class")?, TaxonColumns::of(path, &table)?);
        let mut codes = Self { name: file_name(path).to_owned(), ..Self::default() };
        let mut lines: BTreeMap<String, u64> = BTreeMap::new();
        let mut synonyms: Vec<(String, Option<String>, u64)> = Vec::new();
        while let Some(row) = table.next_row()? {
            let field = |column: Option<usize>| column.map(|column| row.field(column)).filter(|text| !text.is_empty());
            let code = cleaned(&row.filled(code)?);
            if let Some(line) = lines.insert(code.clone(), row.line) {
                return Err(row.error(format!("code {code} again"), format!("each code once (it is on line {line})")));
            }
            let counts_for = if class.is_some() { field(class).map(|class| cleaned(&class)) } else { Some(code.clone()) };
            let taxon = taxa.read(&row)?;
            synonyms.extend(taxon.synonyms.iter().map(|synonym| (synonym.clone(), counts_for.clone(), row.line)));
            if let Some(class) = &counts_for {
                let known = codes.classes.entry(class.clone()).or_default();
                codes.contradictions.extend(known.add(class, taxon, *class == code));
            }
            codes.class_of.insert(code, counts_for);
        }
        for (synonym, class, line) in synonyms {
            let other = codes.class_of.get(&synonym).or_else(|| codes.synonyms.get(&synonym));
            if other.is_some_and(|other| *other != class) {
                return Err(LabelsError::Csv {
                    path: path.to_owned(),
                    line,
                    found: format!("the synonym {synonym}, which is also a code or a synonym of another class"),
                    expected: "each synonym for one class".to_owned(),
                });
            }
            codes.synonyms.insert(synonym, class);
        }
        Ok(codes)
    }

    /// The classes with what is known of them.
    pub fn classes(&self) -> &BTreeMap<String, Taxon> {
        &self.classes
    }

    /// What in the table looks like a mistake and may be meant: two classes of one taxon, rows of one class that say different things.
    pub fn doubts(&self) -> Vec<String> {
        self.contradictions
            .iter()
            .cloned()
            .chain(duplicates(&self.classes))
            .map(|doubt| format!("{}: {doubt}", self.name))
            .collect()
    }

    /// Whether the table has a code, also where it drops it.
    pub(crate) fn has(&self, code: &str) -> bool {
        self.class_of.contains_key(code) || self.synonyms.contains_key(code)
    }

    /// The codes and their synonyms, also those that it drops.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.class_of.keys().chain(self.synonyms.keys())
    }

    /// The class of a code.
    ///
    /// # Errors
    /// Why the code has none.
    pub fn class(&self, code: &str) -> Result<&str, String> {
        match self.class_of.get(code).or_else(|| self.synonyms.get(code)) {
            Some(Some(class)) => Ok(class),
            Some(None) => Err(format!("{code} is dropped by {}", self.name)),
            None => Err(format!("{code} is not in {}{}", self.name, near(code, self.class_of.keys()))),
        }
    }
}

/// Characters by which the lengths of two similar codes may differ: one, and one more where lower case is longer.
const LENGTHS_APART: usize = 2;

/// `; did you mean X?`, where a known code differs in case or by one character; else an empty text.
pub(crate) fn near<'a>(code: &str, known: impl Iterator<Item = &'a String>) -> String {
    let (code, length) = (code.to_lowercase(), code.chars().count());
    let allowed = usize::from(length > 3);
    let distance = |other: &str| strsim::damerau_levenshtein(&code, &other.to_lowercase());
    // Comparing two codes takes time and memory of the product of their lengths, and most differ in length anyway.
    let known = known.filter(|other| other.chars().count().abs_diff(length) <= LENGTHS_APART);
    let nearest = known.map(|other| (distance(other), other)).min();
    nearest.filter(|(distance, _)| *distance <= allowed).map_or_else(String::new, |(_, other)| format!("; did you mean {other}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<CodeTable, String> {
        CodeTable::read("a/codes.csv", text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_species_list_is_a_code_table() {
        let text = "\u{feff}Scientific_Name,code, english ,order\r\nBoana faber,BOAFAB,Smith frog,1\r\nHyla x,HYLXUS,,2\r\n";
        let found = read(text).unwrap();
        assert_eq!(found.class("BOAFAB"), Ok("BOAFAB"));
        let names = |class: &str| found.classes()[class].clone();
        assert_eq!(names("BOAFAB").scientific_name.as_deref(), Some("Boana faber"));
        assert_eq!((names("BOAFAB").english.as_deref(), names("HYLXUS").english), (Some("Smith frog"), None));
        let latin1 = CodeTable::read("x", b"code,scientific_name\nA,Gr\xE4s\n").unwrap();
        assert_eq!(latin1.classes()["A"].scientific_name.as_deref(), Some("Gräs"));
    }

    #[test]
    fn codes_are_mapped_merged_and_dropped() {
        let found =
            read("code,class,scientific_name\nBOFAB,BOAFAB,Boana x\nBOAFAB,BOAFAB,Boana faber\nfrog,BOAFAB,\nUND,,\n").unwrap();
        for code in ["BOFAB", "BOAFAB", "frog"] {
            assert_eq!(found.class(code), Ok("BOAFAB"));
        }
        assert_eq!(read("code,class\nra\u{303},Ra\u{303}\n").unwrap().class("r\u{e3}"), Ok("R\u{e3}"), "in any form of accents");
        assert_eq!(found.class("UND").unwrap_err(), "UND is dropped by codes.csv");
        assert_eq!(found.class("boafab").unwrap_err(), "boafab is not in codes.csv; did you mean BOAFAB?");
        assert_eq!(found.class("SPHSUR").unwrap_err(), "SPHSUR is not in codes.csv");
        assert_eq!(found.class("BOAFABX").unwrap_err(), "BOAFABX is not in codes.csv; did you mean BOAFAB?");
        assert_eq!(found.classes().len(), 1);
        assert_eq!(found.classes()["BOAFAB"].scientific_name.as_deref(), Some("Boana faber"));
    }

    #[test]
    fn a_synonym_is_a_code_of_its_class_and_of_no_other() {
        let text =
            "code,class,synonyms\nBOAFAB,BOAFAB,Hyla faber | Hypsiboas faber\nfaber,BOAFAB,Hyla faber|BOAFAB\nUND,,unknown\n";
        let found = read(text).unwrap();
        assert_eq!((found.class("Hyla faber"), found.class("Hypsiboas faber")), (Ok("BOAFAB"), Ok("BOAFAB")));
        assert_eq!(found.class("unknown").unwrap_err(), "unknown is dropped by codes.csv");
        assert_eq!(
            found.classes()["BOAFAB"].synonyms.iter().cloned().collect::<Vec<_>>(),
            ["BOAFAB", "Hyla faber", "Hypsiboas faber"]
        );
        for wrong in ["code,synonyms\nA,B\nB,\n", "code,synonyms\nA,x\nB,x\n"] {
            let error = read(wrong).unwrap_err();
            assert!(
                error.contains("a/codes.csv:") && error.contains("the synonym") && error.contains("for one class"),
                "{error}"
            );
        }
    }

    #[test]
    fn classes_of_one_taxon_and_rows_that_disagree_are_told() {
        let text = "code,class,scientific_name,gbif_key\nSONG,SONG,Hyla x,12\nCALL,CALL,Hyla x,\nC2,CALL,,13\nC3,CALL,,14\nT,T,Bufo y,12\n";
        let expected = [
            "codes.csv: rows of the class CALL give different values of gbif_key: 13 and 14; the first counts",
            "codes.csv: SONG, T have the same gbif_key, 12",
            "codes.csv: CALL, SONG have the same scientific_name, Hyla x",
        ];
        assert_eq!(read(text).unwrap().doubts(), expected);
        assert!(read("code,scientific_name\nA,Hyla x\nB,Hyla y\n").unwrap().doubts().is_empty());
    }

    #[test]
    fn errors_name_file_line_found_and_expected() {
        for (found, parts) in [
            (read("name,class\nA,b\n").unwrap_err(), ["a/codes.csv:1:", "columns name, class", "a column code"]),
            (read("code,scientific_name\n,b\n").unwrap_err(), ["a/codes.csv:2:", "an empty code", "a code in"]),
            (read("code,scientific_name\nA,b\nA,c\n").unwrap_err(), [":3:", "code A again", "line 2"]),
            (read("code,scientific_name\nA\n").unwrap_err(), [":2:", "found 1 field,", "2 fields"]),
            (read("code,class,Class\nA,b,c\n").unwrap_err(), ["a/codes.csv:1:", "2 columns class", "one of them"]),
            (read("").unwrap_err(), [":1:", "columns ", "a column code"]),
        ] {
            assert!(parts.iter().all(|part| found.contains(part)), "{found}");
        }
    }
}
