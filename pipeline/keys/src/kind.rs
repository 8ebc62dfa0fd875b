//! Which values a key takes.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::path::PathBuf;

use serde_yaml::Value;

/// The values that a key takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number in a range.
    Integer(Range),
    /// A number in a range.
    Number(Range),
    /// Any text that is not blank.
    Text,
    /// One of these words.
    Choice(Vec<Word>),
    /// This word, or a whole number in a range.
    WordOrInteger(Word, Range),
    /// A name or a list of names; a whole number is a name too.
    Names,
    /// A list, of this length where one is given.
    List(Box<Self>, Option<usize>),
    /// A mapping from names of the reader's own to such values.
    Mapping(Box<Self>),
}

/// A word that a key takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As it is written in a configuration.
    pub name: &'static str,
    /// Meaning.
    pub about: &'static str,
}

/// Lower and upper end of the numbers that a key takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The lower end.
    pub min: Bound<f64>,
    /// The upper end.
    pub max: Bound<f64>,
}

/// The numbers greater than `min`.
pub fn above(min: f64) -> Range {
    Range { min: Bound::Excluded(min), max: Bound::Unbounded }
}

impl Range {
    /// All numbers.
    pub const ALL: Self = Self { min: Bound::Unbounded, max: Bound::Unbounded };

    /// The same with this number as the greatest.
    #[must_use]
    pub fn up_to(self, max: f64) -> Self {
        Self { max: Bound::Included(max), ..self }
    }

    /// The same without this number and all greater ones.
    #[must_use]
    pub fn below(self, max: f64) -> Self {
        Self { max: Bound::Excluded(max), ..self }
    }

    /// The same without negative numbers.
    fn not_negative(self) -> Self {
        match self.min {
            Bound::Unbounded => Self { min: Bound::Included(0.0), ..self },
            _ => self,
        }
    }

    /// The same without numbers that a type cannot hold.
    fn at_most(self, max: f64) -> Self {
        match self.max {
            Bound::Unbounded => self.up_to(max),
            _ => self,
        }
    }

    /// Whether a number is in the range. Infinity and NaN are in none.
    pub fn contains(&self, x: f64) -> bool {
        let over = match self.min {
            Bound::Included(min) => x >= min,
            Bound::Excluded(min) => x > min,
            Bound::Unbounded => true,
        };
        let under = match self.max {
            Bound::Included(max) => x <= max,
            Bound::Excluded(max) => x < max,
            Bound::Unbounded => true,
        };
        x.is_finite() && over && under
    }
}

macro_rules! ranges {
    ($($number:ty),*) => {$(
        impl From<std::ops::RangeInclusive<$number>> for Range {
            fn from(range: std::ops::RangeInclusive<$number>) -> Self {
                Self { min: Bound::Included(*range.start() as f64), max: Bound::Included(*range.end() as f64) }
            }
        }
        impl From<std::ops::Range<$number>> for Range {
            fn from(range: std::ops::Range<$number>) -> Self {
                Self { min: Bound::Included(range.start as f64), max: Bound::Excluded(range.end as f64) }
            }
        }
        impl From<std::ops::RangeFrom<$number>> for Range {
            fn from(range: std::ops::RangeFrom<$number>) -> Self {
                Self { min: Bound::Included(range.start as f64), max: Bound::Unbounded }
            }
        }
    )*};
}
ranges!(f64, i64);

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let min = match self.min {
            Bound::Included(min) => Some(format!("from {min}")),
            Bound::Excluded(min) => Some(format!("greater than {min}")),
            Bound::Unbounded => None,
        };
        let max = match (self.max, &min) {
            (Bound::Included(max), Some(_)) if matches!(self.min, Bound::Included(_)) => Some(format!("to {max}")),
            (Bound::Included(max), Some(_)) => Some(format!("and at most {max}")),
            (Bound::Included(max), None) => Some(format!("up to {max}")),
            (Bound::Excluded(max), Some(_)) => Some(format!("and less than {max}")),
            (Bound::Excluded(max), None) => Some(format!("less than {max}")),
            (Bound::Unbounded, _) => None,
        };
        let parts: Vec<String> = min.into_iter().chain(max).collect();
        f.write_str(&parts.join(" "))
    }
}

impl Kind {
    /// Whether a value other than null is allowed.
    pub fn allows(&self, value: &Value) -> bool {
        match self {
            Self::Bool => value.is_bool(),
            Self::Integer(range) => is_integer(value, range),
            Self::Number(range) => value.as_f64().is_some_and(|x| range.contains(x)),
            Self::Text => is_word(value),
            Self::Choice(words) => value.as_str().is_some_and(|text| words.iter().any(|word| word.name == text)),
            Self::WordOrInteger(word, range) => value.as_str() == Some(word.name) || is_integer(value, range),
            Self::Names => match value.as_sequence() {
                Some(names) => !names.is_empty() && names.iter().all(is_name),
                None => is_name(value),
            },
            Self::List(of, length) => value.as_sequence().is_some_and(|items| {
                length.is_none_or(|length| items.len() == length) && items.iter().all(|item| of.allows_item(item))
            }),
            Self::Mapping(to) => {
                value.as_mapping().is_some_and(|map| map.iter().all(|(name, value)| is_word(name) && to.allows(value)))
            }
        }
    }

    /// The same for an item of a list, where a text may be empty.
    fn allows_item(&self, value: &Value) -> bool {
        if *self == Self::Text { value.is_string() } else { self.allows(value) }
    }

    /// The allowed values in words.
    pub fn allowed(&self) -> String {
        let of = |what: &str, range: &Range| format!("{what} {range}").trim_end().to_owned();
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Integer(range) => of("a whole number", range),
            Self::Number(range) => of("a number", range),
            Self::Text => "a text".to_owned(),
            Self::Choice(words) => format!("one of {}", words.iter().map(|word| word.name).collect::<Vec<_>>().join(", ")),
            Self::WordOrInteger(word, range) => format!("{}, or {}", word.name, of("a whole number", range)),
            Self::Names => "a name or a list of names".to_owned(),
            Self::List(item, length) => {
                let count = length.map_or_else(String::new, |n| format!("{n} "));
                format!("a list of {count}{}", item.plural())
            }
            Self::Mapping(to) => format!("names, each with {}", to.allowed()),
        }
    }

    fn plural(&self) -> String {
        let of = |what: &str, range: &Range| format!("{what} {range}").trim_end().to_owned();
        match self {
            Self::Integer(range) => of("whole numbers", range),
            Self::Number(range) => of("numbers", range),
            Self::Text => "texts".to_owned(),
            other => format!("items, each {}", other.allowed()),
        }
    }

    /// The words with their meanings, where it takes some.
    pub fn words(&self) -> &[Word] {
        match self {
            Self::Choice(words) => words,
            Self::WordOrInteger(word, _) => std::slice::from_ref(word),
            Self::List(of, _) | Self::Mapping(of) => of.words(),
            _ => &[],
        }
    }
}

fn is_integer(value: &Value, range: &Range) -> bool {
    value.as_i64().is_some_and(|x| range.contains(x as f64))
}

fn is_word(value: &Value) -> bool {
    value.as_str().is_some_and(|name| !name.trim().is_empty())
}

fn is_name(value: &Value) -> bool {
    value.as_u64().is_some() || is_word(value)
}

/// A type that a key can have: it says which values are allowed. [`crate::Choices`] derives it for an enum whose variants are words.
pub trait KeyType {
    /// Whether `null` is allowed too.
    const NULLABLE: bool = false;

    /// The allowed values. A type without numbers ignores the range.
    fn kind(range: Range) -> Kind;
}

impl KeyType for bool {
    fn kind(_: Range) -> Kind {
        Kind::Bool
    }
}

macro_rules! number {
    ($make:expr, $($number:ty),*) => {$(
        impl KeyType for $number {
            fn kind(range: Range) -> Kind {
                $make(range)
            }
        }
    )*};
}
number!(Kind::Number, f32, f64);
number!(Kind::Integer, i64);
number!(|range: Range| Kind::Integer(range.not_negative()), u64, usize);
number!(|range: Range| Kind::Integer(range.not_negative().at_most(f64::from(u32::MAX))), u32);
number!(|range: Range| Kind::Integer(range.not_negative().at_most(f64::from(u16::MAX))), u16);

impl KeyType for String {
    fn kind(_: Range) -> Kind {
        Kind::Text
    }
}

impl KeyType for PathBuf {
    fn kind(_: Range) -> Kind {
        Kind::Text
    }
}

impl<T: KeyType> KeyType for Option<T> {
    const NULLABLE: bool = true;

    fn kind(range: Range) -> Kind {
        T::kind(range)
    }
}

impl<T: KeyType> KeyType for Vec<T> {
    fn kind(range: Range) -> Kind {
        Kind::List(Box::new(T::kind(range)), None)
    }
}

impl<T: KeyType, const N: usize> KeyType for [T; N] {
    fn kind(range: Range) -> Kind {
        Kind::List(Box::new(T::kind(range)), Some(N))
    }
}

impl<T: KeyType> KeyType for BTreeMap<String, T> {
    fn kind(range: Range) -> Kind {
        Kind::Mapping(Box::new(T::kind(range)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn allows(kind: &Kind, yaml: &str) -> bool {
        kind.allows(&serde_yaml::from_str(yaml).unwrap())
    }

    #[test]
    fn ranges_hold_their_ends_as_written() {
        let closed = f64::kind((0.5..=2.0).into());
        assert!(allows(&closed, "0.5") && allows(&closed, "2") && !allows(&closed, "2.1") && !allows(&closed, ".nan"));
        let open = f64::kind(above(0.0).below(1.0));
        assert!(allows(&open, "0.1") && !allows(&open, "0") && !allows(&open, "1"));
        assert!(!allows(&f64::kind((0.0..).into()), ".inf"));
        assert!(allows(&u64::kind((1..).into()), "1") && !allows(&u64::kind(Range::ALL), "-1"));
        assert!(!allows(&u16::kind(Range::ALL), "70000") && !allows(&u64::kind(Range::ALL), "1.5"));
    }

    #[test]
    fn ranges_are_told_in_words() {
        for (kind, wanted) in [
            (f64::kind((0.1..=600.0).into()), "a number from 0.1 to 600"),
            (f64::kind(above(0.0).up_to(10.0)), "a number greater than 0 and at most 10"),
            (f64::kind((0.0..1.0).into()), "a number from 0 and less than 1"),
            (usize::kind((1..).into()), "a whole number from 1"),
            (f64::kind(Range::ALL), "a number"),
            (<[f64; 2]>::kind((0.0..=20.0).into()), "a list of 2 numbers from 0 to 20"),
            (<Vec<String>>::kind(Range::ALL), "a list of texts"),
            (<BTreeMap<String, Vec<String>>>::kind(Range::ALL), "names, each with a list of texts"),
        ] {
            assert_eq!(kind.allowed(), wanted);
        }
    }

    #[test]
    fn lists_mappings_and_names_are_looked_into() {
        let pair = <[f64; 2]>::kind((0.0..=1.0).into());
        assert!(allows(&pair, "[0, 1]") && !allows(&pair, "[0, 2]") && !allows(&pair, "[0]") && !allows(&pair, "0"));
        let groups = <BTreeMap<String, Vec<String>>>::kind(Range::ALL);
        assert!(allows(&groups, "{a: [B]}") && !allows(&groups, "{a: B}") && !allows(&groups, "{1: [B]}"));
        assert!(allows(&Kind::Names, "3") && allows(&Kind::Names, "[A, 2]"));
        assert!(!allows(&Kind::Names, "[]") && !allows(&Kind::Names, "' '") && !allows(&Kind::Text, "' '"));
        let mix = Kind::WordOrInteger(Word { name: "mix", about: "" }, (1..=128).into());
        assert!(allows(&mix, "mix") && allows(&mix, "2") && !allows(&mix, "0") && !allows(&mix, "left"));
    }
}
