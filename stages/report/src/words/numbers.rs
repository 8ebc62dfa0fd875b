//! Numbers, shares and lengths of time as a language writes them.

use super::Words;

const HOUR_S: f64 = 3600.0;

/// What stands where there is no value.
pub(crate) const NONE: &str = "–";

impl Words {
    /// A whole number, its digits in groups of three.
    pub(crate) fn number(&self, n: u64) -> String {
        let digits = n.to_string();
        let least: usize = self.word("number.group_from").parse().unwrap_or(4);
        if digits.len() < least {
            return digits;
        }
        let mut text = String::new();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                text.push_str(self.word("number.group"));
            }
            text.push(digit);
        }
        text
    }

    /// A number with so many decimals.
    pub(crate) fn decimal(&self, value: f64, decimals: usize) -> String {
        self.point(format!("{value:.decimals$}"))
    }

    /// A number with as many decimals as it needs, at most so many.
    pub(crate) fn trimmed(&self, value: f64, decimals: usize) -> String {
        let text = format!("{value:.decimals$}");
        let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { text.as_str() };
        self.point(text.to_owned())
    }

    fn point(&self, text: String) -> String {
        match self.word("number.decimal") {
            "." => text,
            point => text.replace('.', point),
        }
    }

    /// A place on the earth, degrees. Where a comma is the point of numbers, a semicolon parts the two.
    pub(crate) fn degrees(&self, (latitude, longitude): (f64, f64)) -> String {
        let parting = if self.word("number.decimal") == "," { "; " } else { ", " };
        [self.decimal(latitude, 5), self.decimal(longitude, 5)].join(parting)
    }

    /// What parts a name from what is said of it.
    pub(crate) fn colon(&self) -> &str {
        self.word("colon")
    }

    /// Seconds as hours, with decimals while they matter: `1,234`, `12.5`, `0.25`.
    pub(crate) fn hours(&self, seconds: f64) -> String {
        match seconds / HOUR_S {
            h if h >= 99.95 => self.number(h.round() as u64),
            h if h >= 9.995 => self.trimmed(h, 1),
            h => self.trimmed(h, 2),
        }
    }

    /// Seconds with their unit, for a sentence: `1,234 hours`, `48 minutes`, `5 seconds`.
    pub(crate) fn length(&self, seconds: f64) -> String {
        match seconds {
            s if s >= 2.0 * HOUR_S => self.text("length.hours", &[("n", &self.hours(s))]),
            s if s >= 120.0 => self.text("length.minutes", &[("n", &self.decimal(s / 60.0, 0))]),
            s => self.text("length.seconds", &[("n", &self.trimmed(s, 1))]),
        }
    }

    /// A share in per cent. What is not zero never reads as zero.
    pub(crate) fn share(&self, share: f64) -> String {
        let number = match share * 100.0 {
            0.0 => "0".to_owned(),
            p if p < 0.01 => format!("<{}", self.decimal(0.01, 2)),
            p if p < 1.0 => self.decimal(p, 2),
            p => self.decimal(p, 1),
        };
        self.text("number.percent", &[("n", &number)])
    }

    /// A score from 0 to 1, a dash where it is not defined.
    pub(crate) fn score(&self, value: Option<f64>) -> String {
        value.map_or_else(|| NONE.into(), |v| self.decimal(v, 2))
    }

    /// A time within a recording: `1:05.5`, `2:00:00`.
    pub(crate) fn within(&self, seconds: f64) -> String {
        let tenths = (seconds * 10.0).round() as u64;
        let (h, m, s, t) = (tenths / 36_000, tenths / 600 % 60, tenths / 10 % 60, tenths % 10);
        let tenth = if t > 0 { format!("{}{t}", self.word("number.decimal")) } else { String::new() };
        if h > 0 { format!("{h}:{m:02}:{s:02}{tenth}") } else { format!("{m}:{s:02}{tenth}") }
    }

    /// How many files could not be read, or in part only; empty when there are none.
    pub(crate) fn damage(&self, rejected: u64, repaired: u64) -> String {
        match (rejected, repaired) {
            (0, 0) => String::new(),
            (rejected, 0) => self.count("damage.rejected", rejected),
            (0, repaired) => self.count("damage.repaired", repaired),
            (rejected, repaired) => {
                let first = self.count("damage.rejected", rejected);
                format!("{first} {}", self.count("damage.repaired", repaired))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let w = Words::of("en");
        assert_eq!([0, 12, 999, 1_000, 1_234_567].map(|n| w.number(n)), ["0", "12", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.0, 90.0, 3_600.0, 35_982.0, 36_000.0, 45_000.0, 359_900.0, 4_442_400.0].map(|s| w.hours(s)),
            ["0", "0.03", "1", "10", "10", "12.5", "100", "1,234"]
        );
        assert_eq!([3.0, 59.96, 2_880.0, 7_200.0].map(|s| w.length(s)), ["3 seconds", "60 seconds", "48 minutes", "2 hours"]);
        assert_eq!([0.0, 1e-9, 0.0004, 0.123, 1.0].map(|s| w.share(s)), ["0 %", "<0.01 %", "0.04 %", "12.3 %", "100.0 %"]);
        assert_eq!([0.0, 65.5, 59.96, 7_200.0].map(|s| w.within(s)), ["0:00", "1:05.5", "1:00", "2:00:00"]);
        assert_eq!((w.damage(0, 0), w.damage(1, 0)), (String::new(), "1 file could not be read.".into()));
        assert_eq!((w.score(None), w.score(Some(0.126))), ("–".into(), "0.13".into()));
        assert_eq!((w.trimmed(20.0, 0), w.trimmed(2.50, 2)), ("20".into(), "2.5".into()));
    }

    #[test]
    fn each_language_has_its_own_commas() {
        let written = |code: &str| {
            let w = Words::of(code);
            [w.number(1_234), w.number(12_345), w.decimal(0.5, 2), w.share(0.123)]
        };
        assert_eq!(written("de"), ["1.234", "12.345", "0,50", "12,3\u{a0}%"]);
        assert_eq!(written("es"), ["1234", "12\u{202f}345", "0,50", "12,3\u{a0}%"]);
        assert_eq!(written("pt"), ["1.234", "12.345", "0,50", "12,3%"]);
        assert_eq!(written("fr"), ["1\u{202f}234", "12\u{202f}345", "0,50", "12,3\u{202f}%"]);
        let place = |code: &str| Words::of(code).degrees((-1.5, 102.123_456));
        assert_eq!([place("en"), place("de")], ["-1.50000, 102.12346", "-1,50000; 102,12346"]);
        assert_eq!(["en", "fr"].map(|code| Words::of(code).colon().to_owned()), [": ", "\u{a0}: "]);
        assert_eq!(
            ["en", "de", "es", "pt", "fr"].map(|code| Words::of(code).within(65.5)),
            ["1:05.5", "1:05,5", "1:05,5", "1:05,5", "1:05,5"]
        );
    }
}
