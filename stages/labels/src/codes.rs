//! The code table: which class a label's code counts for, if any, and the classes' names.
//!
//! A CSV file with the column `code`, and optionally `class`, `scientific_name` and `english`. An empty `class` drops the code;
//! without the column each code is its own class. Codes are compared exactly. For a code that the table lacks, the reason names a
//! similar one.

use std::collections::BTreeMap;

use crate::error::LabelsError;
use crate::strict_csv::StrictCsv;
use crate::text::{composed, file_name};

/// The names of a class.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClassNames {
    /// Genus and species.
    pub scientific_name: Option<String>,
    /// Common name.
    pub english: Option<String>,
}

/// The code table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodeTable {
    /// Name of the file, for messages.
    name: String,
    /// Class by code; `None` where the table drops it.
    class_of: BTreeMap<String, Option<String>>,
    /// Names of each class.
    classes: BTreeMap<String, ClassNames>,
}

impl CodeTable {
    /// Reads a code table. `bytes` is the content of `path`.
    ///
    /// # Errors
    /// There is no column `code`, or a column of the table occurs twice; a code is empty, or occurs twice.
    pub fn read(path: &str, bytes: &[u8]) -> Result<Self, LabelsError> {
        let mut table = StrictCsv::open(path, bytes)?;
        let code = table.column("code")?;
        let (class, scientific_name, english) = (table.find("class")?, table.find("scientific_name")?, table.find("english")?);
        let mut codes = Self { name: file_name(path).to_owned(), ..Self::default() };
        let mut lines: BTreeMap<String, u64> = BTreeMap::new();
        while let Some(row) = table.next_row()? {
            let field = |column: Option<usize>| column.map(|column| row.field(column)).filter(|text| !text.is_empty());
            let code = composed(&row.filled(code)?).into_owned();
            if let Some(line) = lines.insert(code.clone(), row.line) {
                return Err(row.error(format!("code {code} again"), format!("each code once (it is on line {line})")));
            }
            let counts_for =
                if class.is_some() { field(class).map(|class| composed(&class).into_owned()) } else { Some(code.clone()) };
            if let Some(class) = &counts_for {
                let names = ClassNames { scientific_name: field(scientific_name), english: field(english) };
                codes.name_class(class, names, *class == code);
            }
            codes.class_of.insert(code, counts_for);
        }
        Ok(codes)
    }

    /// Names a class. Several codes may share it: the code with the name of the class wins, then the first that has names.
    fn name_class(&mut self, class: &str, names: ClassNames, is_own: bool) {
        let known = self.classes.entry(class.to_owned()).or_default();
        let (first, second) = if is_own { (names, known.clone()) } else { (known.clone(), names) };
        known.scientific_name = first.scientific_name.or(second.scientific_name);
        known.english = first.english.or(second.english);
    }

    /// The classes with their names.
    pub fn classes(&self) -> &BTreeMap<String, ClassNames> {
        &self.classes
    }

    /// The class of a code.
    ///
    /// # Errors
    /// Why the code has none.
    pub fn class(&self, code: &str) -> Result<&str, String> {
        match self.class_of.get(code) {
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
