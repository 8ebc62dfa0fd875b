//! What the code table says of a class: its names, its keys in taxonomies, its synonyms.
//!
//! | column | content |
//! |---|---|
//! | `scientific_name`, `english` | names |
//! | `name_LANGUAGE` | the common name in another language, by its code of ISO 639-3 (`spa`) or 639-1 (`es`) |
//! | `gbif_key`, `ebird_code` | keys, or the addresses of the taxon's pages |
//! | `synonyms` | other texts of labels, separated by `\|` |

use std::collections::{BTreeMap, BTreeSet};

use chorus_card::{Card, Names, Taxa};

use crate::error::LabelsError;
use crate::strict_csv::{StrictCsv, StrictRow};
use crate::text::cleaned;

/// How columns of common names begin.
const NAME_IN: &str = "name_";
/// What separates synonyms.
const SYNONYMS: char = '|';
/// The longest code of eBird has this many characters, and some more.
const LONGEST_CODE: usize = 16;

/// Languages by their codes of ISO 639-1 and 639-3: those in which field guides are likely to be written.
const LANGUAGES: [(&str, &str); 40] = [
    ("af", "afr"),
    ("am", "amh"),
    ("ar", "ara"),
    ("bg", "bul"),
    ("bn", "ben"),
    ("ca", "cat"),
    ("cs", "ces"),
    ("da", "dan"),
    ("de", "deu"),
    ("el", "ell"),
    ("en", "eng"),
    ("es", "spa"),
    ("et", "est"),
    ("eu", "eus"),
    ("fa", "fas"),
    ("fi", "fin"),
    ("fr", "fra"),
    ("gn", "grn"),
    ("he", "heb"),
    ("hi", "hin"),
    ("hr", "hrv"),
    ("hu", "hun"),
    ("id", "ind"),
    ("it", "ita"),
    ("ja", "jpn"),
    ("ko", "kor"),
    ("lt", "lit"),
    ("lv", "lav"),
    ("ms", "msa"),
    ("nl", "nld"),
    ("no", "nor"),
    ("pl", "pol"),
    ("pt", "por"),
    ("qu", "que"),
    ("ru", "rus"),
    ("sv", "swe"),
    ("sw", "swa"),
    ("th", "tha"),
    ("tr", "tur"),
    ("zh", "zho"),
];

/// What is known of a class.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taxon {
    /// Genus and species.
    pub scientific_name: Option<String>,
    /// Common name.
    pub english: Option<String>,
    /// Key in GBIF's backbone.
    pub gbif_key: Option<u64>,
    /// Species code of eBird.
    pub ebird_code: Option<String>,
    /// Other texts of labels that count for the class.
    pub synonyms: BTreeSet<String>,
    /// Common names in other languages, by codes of ISO 639-3.
    pub names: BTreeMap<String, String>,
}

impl Taxon {
    /// Adds what another row says of the class. The row of the code with the name of the class wins, then the first that says something.
    /// Gives back what the rows say differently of keys.
    pub(crate) fn add(&mut self, class: &str, other: Self, is_own: bool) -> Vec<String> {
        let (first, second) = if is_own { (other, std::mem::take(self)) } else { (std::mem::take(self), other) };
        let mut contradictions = Vec::new();
        let mut differ = |key: &str, first: Option<String>, second: Option<String>| {
            if let Some((first, second)) = first.zip(second).filter(|(first, second)| first != second) {
                contradictions.push(format!(
                    "rows of the class {class} give different values of {key}: {first} and {second}; the first counts"
                ));
            }
        };
        let text = |key: Option<u64>| key.map(|key| key.to_string());
        differ("gbif_key", text(first.gbif_key), text(second.gbif_key));
        differ("ebird_code", first.ebird_code.clone(), second.ebird_code.clone());
        let mut names = second.names;
        names.extend(first.names);
        *self = Self {
            scientific_name: first.scientific_name.or(second.scientific_name),
            english: first.english.or(second.english),
            gbif_key: first.gbif_key.or(second.gbif_key),
            ebird_code: first.ebird_code.or(second.ebird_code),
            synonyms: first.synonyms.into_iter().chain(second.synonyms).collect(),
            names,
        };
        contradictions
    }
}

impl Taxon {
    /// The same with what a given model says where the code table says nothing. A model that means another taxon by the class says nothing of
    /// it.
    pub(crate) fn or(self, given: Option<&Self>) -> Self {
        fn differ<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
            one.is_some() && other.is_some() && one != other
        }
        let is_same = |given: &&Self| {
            let names_differ = differ(&self.scientific_name, &given.scientific_name);
            !names_differ && !differ(&self.gbif_key, &given.gbif_key) && !differ(&self.ebird_code, &given.ebird_code)
        };
        let Some(given) = given.filter(is_same).cloned() else { return self };
        let mut names = given.names;
        names.extend(self.names);
        Self {
            scientific_name: self.scientific_name.or(given.scientific_name),
            english: self.english.or(given.english),
            gbif_key: self.gbif_key.or(given.gbif_key),
            ebird_code: self.ebird_code.or(given.ebird_code),
            synonyms: self.synonyms,
            names,
        }
    }
}

/// What a model knows of its classes: the names on its card, and the file beside it.
pub(crate) fn of_model(card: Card, taxa: Taxa) -> BTreeMap<String, Taxon> {
    let mut known: BTreeMap<String, Taxon> = BTreeMap::new();
    for (class, Names { scientific_name, english }) in card.names {
        known.insert(class, Taxon { scientific_name, english, ..Taxon::default() });
    }
    for (class, chorus_card::Taxon { gbif_key, ebird_code, names }) in taxa.classes {
        let taxon = known.entry(class).or_default();
        (taxon.gbif_key, taxon.ebird_code, taxon.names) = (gbif_key, ebird_code, names);
    }
    known
}

/// What goes into a model's folder beside the names on its card.
pub(crate) fn for_model<'a>(taxa: impl Iterator<Item = (&'a String, &'a Taxon)>) -> Taxa {
    let of = |(class, taxon): (&String, &Taxon)| {
        let Taxon { gbif_key, ebird_code, names, .. } = taxon.clone();
        (class.clone(), chorus_card::Taxon { gbif_key, ebird_code, names })
    };
    let classes = taxa.map(of).filter(|(_, taxon)| *taxon != chorus_card::Taxon::default());
    Taxa { classes: classes.collect() }
}

/// Classes that share a key or a name, which may be meant (a song and a call) or not.
pub(crate) fn duplicates(classes: &BTreeMap<String, Taxon>) -> Vec<String> {
    type Of = fn(&Taxon) -> Option<String>;
    let columns: [(&str, Of); 3] = [
        ("gbif_key", |taxon| taxon.gbif_key.map(|key| key.to_string())),
        ("ebird_code", |taxon| taxon.ebird_code.clone()),
        ("scientific_name", |taxon| taxon.scientific_name.clone()),
    ];
    let mut told = Vec::new();
    for (column, of) in columns {
        let mut by_value: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (class, value) in classes.iter().filter_map(|(class, taxon)| Some((class, of(taxon)?))) {
            by_value.entry(value).or_default().push(class);
        }
        let several = by_value.into_iter().filter(|(_, classes)| classes.len() > 1);
        told.extend(several.map(|(value, classes)| format!("{} have the same {column}, {value}", classes.join(", "))));
    }
    told
}

/// The columns of a code table that say something of classes.
pub(crate) struct TaxonColumns {
    scientific_name: Option<usize>,
    english: Option<usize>,
    gbif_key: Option<usize>,
    ebird_code: Option<usize>,
    synonyms: Option<usize>,
    /// Columns of names, with the language of each.
    names: Vec<(usize, &'static str)>,
}

impl TaxonColumns {
    /// Those of a table.
    ///
    /// # Errors
    /// Several columns have the name, or are of one language; a language is not known.
    pub(crate) fn of(path: &str, table: &StrictCsv<'_>) -> Result<Self, LabelsError> {
        let wrong = |found: String, expected: String| LabelsError::Csv { path: path.to_owned(), line: 1, found, expected };
        let mut names: Vec<(usize, &'static str)> = Vec::new();
        for (column, name) in table.header().iter().enumerate() {
            let Some(code) = name.strip_prefix(NAME_IN) else { continue };
            let known = LANGUAGES.iter().find(|(two, three)| code == *two || code == *three);
            let Some((_, language)) = known else {
                let all = LANGUAGES.map(|(two, _)| two).join(", ");
                return Err(wrong(format!("a column {name}"), format!("a language by its code of ISO 639, one of {all}")));
            };
            if names.iter().any(|(_, other)| other == language) {
                return Err(wrong(format!("a second column of names in {language}"), "one of each language".to_owned()));
            }
            names.push((column, *language));
        }
        Ok(Self {
            scientific_name: table.find("scientific_name")?,
            english: table.find("english")?,
            gbif_key: table.find("gbif_key")?,
            ebird_code: table.find("ebird_code")?,
            synonyms: table.find("synonyms")?,
            names,
        })
    }

    /// What a row says.
    ///
    /// # Errors
    /// A key that cannot be one.
    pub(crate) fn read(&self, row: &StrictRow<'_>) -> Result<Taxon, LabelsError> {
        let field = |column: Option<usize>| column.map(|column| row.field(column)).filter(|text| !text.is_empty());
        let gbif_key = field(self.gbif_key).map(|text| {
            gbif_key(&text).ok_or_else(|| {
                row.error(
                    format!("gbif_key {text}"),
                    "a whole number above 0, as in https://www.gbif.org/species/2427091".to_owned(),
                )
            })
        });
        let ebird_code = field(self.ebird_code).map(|text| {
            ebird_code(&text).ok_or_else(|| {
                let expected = "lower-case letters and digits, as in https://ebird.org/species/grekis";
                row.error(format!("ebird_code {text}"), expected.to_owned())
            })
        });
        let synonyms = field(self.synonyms).unwrap_or_default();
        let synonyms = synonyms.split(SYNONYMS).map(str::trim).filter(|synonym| !synonym.is_empty());
        let name = |(column, language): &(usize, &'static str)| Some(((*language).to_owned(), field(Some(*column))?));
        Ok(Taxon {
            scientific_name: field(self.scientific_name),
            english: field(self.english),
            gbif_key: gbif_key.transpose()?,
            ebird_code: ebird_code.transpose()?,
            synonyms: synonyms.map(cleaned).collect(),
            names: self.names.iter().filter_map(name).collect(),
        })
    }
}

/// The last part of the address of a taxon's page, or the key itself.
fn last_part(text: &str) -> &str {
    text.trim_end_matches('/').rsplit('/').next().unwrap_or(text)
}

fn gbif_key(text: &str) -> Option<u64> {
    last_part(text).parse::<u64>().ok().filter(|key| (1..=i64::MAX as u64).contains(key))
}

fn ebird_code(text: &str) -> Option<String> {
    let code = last_part(text);
    let is_code = (2..=LONGEST_CODE).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    is_code.then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Taxon>, String> {
        let mut table = StrictCsv::open("t.csv", text.as_bytes()).map_err(|e| e.to_string())?;
        let columns = TaxonColumns::of("t.csv", &table).map_err(|e| e.to_string())?;
        let mut taxa = Vec::new();
        while let Some(row) = table.next_row().map_err(|e| e.to_string())? {
            taxa.push(columns.read(&row).map_err(|e| e.to_string())?);
        }
        Ok(taxa)
    }

    #[test]
    fn keys_are_numbers_codes_or_the_addresses_of_pages() {
        let taxa = read(
            "code,gbif_key,ebird_code,name_es,Name_POR\nA,2427091,grekis,Bienteveo,Bem-te-vi\n\
             B,https://www.gbif.org/species/2427091,https://ebird.org/species/grekis/,,\n",
        );
        let taxa = taxa.unwrap();
        let keys = |taxon: &Taxon| (taxon.gbif_key, taxon.ebird_code.clone());
        assert_eq!(keys(&taxa[0]), (Some(2_427_091), Some("grekis".to_owned())));
        assert_eq!(keys(&taxa[1]), keys(&taxa[0]));
        let names: Vec<(&str, &str)> = taxa[0].names.iter().map(|(language, name)| (language.as_str(), name.as_str())).collect();
        assert_eq!((names, taxa[1].names.len()), (vec![("por", "Bem-te-vi"), ("spa", "Bienteveo")], 0));
    }

    #[test]
    fn a_given_model_fills_what_the_code_table_leaves_open_where_both_mean_one_taxon() {
        let taxon = |name: &str, key: Option<u64>, language: &str| Taxon {
            scientific_name: (!name.is_empty()).then(|| name.to_owned()),
            gbif_key: key,
            names: [(language.to_owned(), format!("{name} {language}"))].into(),
            ..Taxon::default()
        };
        let given = taxon("Aus bus", Some(7), "spa");
        assert_eq!(Taxon::default().or(Some(&given)), given);
        assert_eq!(given.clone().or(None), given);
        let both = taxon("Aus bus", None, "por").or(Some(&given));
        assert_eq!((both.gbif_key, both.names.keys().cloned().collect::<Vec<_>>()), (Some(7), vec!["por".into(), "spa".into()]));
        assert_eq!(taxon("", None, "spa").or(Some(&given)).names["spa"], " spa", "the code table comes first");
        let other = taxon("Cus dus", None, "por");
        assert_eq!(other.clone().or(Some(&given)), other, "another species by the same code");
        let other = taxon("Aus bus", Some(8), "por");
        assert_eq!(other.clone().or(Some(&given)), other);
    }

    #[test]
    fn what_a_model_brings_is_what_went_into_its_folder() {
        let names = [("spa".to_owned(), "Rana".to_owned())];
        let frog = Taxon { gbif_key: Some(7), names: names.into(), synonyms: ["frog".to_owned()].into(), ..Taxon::default() };
        let (frog_code, owl_code) = ("FROG".to_owned(), "OWL".to_owned());
        let taxa = for_model([(&frog_code, &frog), (&owl_code, &Taxon::default())].into_iter());
        assert_eq!(taxa.classes.keys().collect::<Vec<_>>(), ["FROG"], "of the other nothing is known");
        let mut card = chorus_card::testing::card(serde_yaml::Mapping::new());
        card.names = [(owl_code, Names { scientific_name: Some("Strix".into()), english: None })].into();
        let known = of_model(card, taxa);
        assert_eq!((known["FROG"].gbif_key, known["FROG"].names["spa"].as_str()), (Some(7), "Rana"));
        assert_eq!((known["OWL"].scientific_name.as_deref(), known.len()), (Some("Strix"), 2));
    }

    #[test]
    fn what_cannot_be_a_key_or_a_language_is_refused() {
        for (text, parts) in [
            ("code,gbif_key\nA,2.5\n", ["t.csv:2:", "gbif_key 2.5", "whole number"]),
            ("code,gbif_key\nA,0\n", ["t.csv:2:", "gbif_key 0", "above 0"]),
            ("code,ebird_code\nA,Great Kiskadee\n", ["t.csv:2:", "ebird_code Great Kiskadee", "lower-case"]),
            ("code,name_xx\nA,b\n", ["t.csv:1:", "a column name_xx", "ISO 639"]),
            ("code,name_es,name_spa\nA,b,c\n", ["t.csv:1:", "a second column of names in spa", "one of each"]),
        ] {
            let error = read(text).unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
        assert!(LANGUAGES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
