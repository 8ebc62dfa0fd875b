//! Keys that are not declared beside their stages yet.

mod labels;
mod learning;

use chorus_keys::{Base, Declarations, Range, Word};

/// The values that a key takes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Bool,
    /// Both ends included.
    Int(i64, i64),
    /// Both ends included.
    Float(f64, f64),
    Text,
    Choice(&'static [&'static str]),
    Texts,
    /// A list of so many numbers.
    Floats(usize, f64, f64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Key {
    name: &'static str,
    kind: Kind,
    nullable: bool,
    unit: &'static str,
    default: &'static str,
    about: &'static str,
}

impl From<Key> for chorus_keys::Key {
    fn from(Key { name, kind, nullable, unit, default, about }: Key) -> Self {
        use chorus_keys::Kind as Made;
        let word = |&name: &&'static str| Word { name, about: "" };
        let whole = |min: i64, max: i64| if max == ANY { Range::from(min..) } else { Range::from(min..=max) };
        let number = |min: f64, max: f64| if max == f64::MAX { Range::from(min..) } else { Range::from(min..=max) };
        let kind = match kind {
            Kind::Bool => Made::Bool,
            Kind::Int(min, max) => Made::Integer(whole(min, max)),
            Kind::Float(min, max) => Made::Number(number(min, max)),
            Kind::Text => Made::Text,
            Kind::Choice(words) => Made::Choice(words.iter().map(word).collect()),
            Kind::Texts => Made::List(Box::new(Made::Text), None),
            Kind::Floats(n, min, max) => Made::List(Box::new(Made::Number(number(min, max))), Some(n)),
        };
        let base = match name {
            "train.initial_weights" | "model.ensemble" => Base::Current,
            name if super::combine::WITHIN_ARCHIVE.contains(&name) => Base::Within("archive.path"),
            _ => Base::None,
        };
        Self { name, kind, nullable, unit, default, example: None, before: None, base, about }
    }
}

const fn key(name: &'static str, kind: Kind, unit: &'static str, default: &'static str, about: &'static str) -> Key {
    Key { name, kind, nullable: false, unit, default, about }
}

const fn optional(name: &'static str, kind: Kind, unit: &'static str, about: &'static str) -> Key {
    Key { name, kind, nullable: true, unit, default: "null", about }
}

const ANY: i64 = i64::MAX;
const SEED: Kind = Kind::Int(0, ANY);
const FRACTION: Kind = Kind::Float(0.0, 1.0);
const POSITIVE: f64 = 1e-9;

/// All of them, with the checks between them.
pub fn undeclared() -> Declarations {
    let keys = [labels::LABELS, learning::LEARNING].concat();
    keys.into_iter()
        .fold(Declarations::default(), |all, key| all.key(key.into()))
        .check(super::combine::problems)
        .purpose(super::combine::lacks_purpose)
}
