//! Numbers and times as people read them.

const HOUR_S: f64 = 3600.0;

/// What stands where there is no value.
pub(crate) const NONE: &str = "–";

/// A whole number with commas.
pub(crate) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with its noun, which takes an s in the plural.
pub(crate) fn count(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(n), if n == 1 { "" } else { "s" })
}

/// Seconds as hours, with decimals while they matter: `1,234`, `12.5`, `0.25`.
pub(crate) fn hours(seconds: f64) -> String {
    match seconds / HOUR_S {
        h if h >= 99.95 => number(h.round() as u64),
        h if h >= 9.995 => trimmed(format!("{h:.1}")),
        h => trimmed(format!("{h:.2}")),
    }
}

/// Seconds with their unit, for a sentence: `1,234 hours`, `48 minutes`, `5 seconds`.
pub(crate) fn length(seconds: f64) -> String {
    match seconds {
        s if s >= 2.0 * HOUR_S => format!("{} hours", hours(s)),
        s if s >= 120.0 => format!("{:.0} minutes", s / 60.0),
        s => format!("{} seconds", trimmed(format!("{s:.1}"))),
    }
}

/// A share in per cent. What is not zero never reads as zero.
pub(crate) fn share(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0 %".into(),
        p if p < 0.01 => "<0.01 %".into(),
        p if p < 1.0 => format!("{p:.2} %"),
        p => format!("{p:.1} %"),
    }
}

/// A score from 0 to 1, a dash where it is not defined.
pub(crate) fn score(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.into(), |v| format!("{v:.2}"))
}

/// A time within a recording: `1:05.5`, `2:00:00`.
pub(crate) fn within(seconds: f64) -> String {
    let tenths = (seconds * 10.0).round() as u64;
    let (h, m, s, t) = (tenths / 36_000, tenths / 600 % 60, tenths / 10 % 60, tenths % 10);
    let tenth = if t > 0 { format!(".{t}") } else { String::new() };
    if h > 0 { format!("{h}:{m:02}:{s:02}{tenth}") } else { format!("{m}:{s:02}{tenth}") }
}

fn trimmed(decimal: String) -> String {
    decimal.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// How many files could not be read, or in part only; empty when there are none.
pub(crate) fn damage(rejected: u64, repaired: u64) -> String {
    match (rejected, repaired) {
        (0, 0) => String::new(),
        (rejected, 0) => format!("{} could not be read.", count(rejected, "file")),
        (0, repaired) => format!("{} could be read in part only.", count(repaired, "file")),
        (rejected, repaired) => format!("{} could not be read, and {} in part only.", count(rejected, "file"), number(repaired)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 12, 999, 1_000, 1_234_567].map(number), ["0", "12", "999", "1,000", "1,234,567"]);
        assert_eq!(
            (count(1, "site"), count(0, "site"), count(2_000, "file")),
            ("1 site".into(), "0 sites".into(), "2,000 files".into())
        );
        assert_eq!(
            [0.0, 90.0, 3_600.0, 35_982.0, 36_000.0, 45_000.0, 359_900.0, 4_442_400.0].map(hours),
            ["0", "0.03", "1", "10", "10", "12.5", "100", "1,234"]
        );
        assert_eq!([3.0, 59.96, 2_880.0, 7_200.0].map(length), ["3 seconds", "60 seconds", "48 minutes", "2 hours"]);
        assert_eq!([0.0, 1e-9, 0.0004, 0.123, 1.0].map(share), ["0 %", "<0.01 %", "0.04 %", "12.3 %", "100.0 %"]);
        assert_eq!([0.0, 65.5, 59.96, 7_200.0].map(within), ["0:00", "1:05.5", "1:00", "2:00:00"]);
        assert_eq!((damage(0, 0), damage(1, 0)), (String::new(), "1 file could not be read.".into()));
        assert_eq!((score(None), score(Some(0.126))), ("–".into(), "0.13".into()));
    }
}
