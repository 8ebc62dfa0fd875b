//! What each function takes and answers, with an example that the tests run.

/// A function, for the table in the documents.
#[derive(Debug)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its arguments, as a call writes them between the parentheses.
    pub(crate) arguments: &'static str,
    /// What it answers, and its other names.
    pub(crate) about: &'static str,
    /// A call, without SELECT.
    pub(crate) example: &'static str,
    /// The example's answer as text; `NULL` for null.
    pub(crate) answer: &'static str,
}

const fn f(
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    example: &'static str,
    answer: &'static str,
) -> Function {
    Function { name, arguments, about, example, answer }
}

/// Every function of this module.
pub(crate) fn documented() -> &'static [Function] {
    FUNCTIONS
}

static FUNCTIONS: &[Function] = &[
    // Dates.
    f(
        "year",
        "t",
        "The year. Also `quarter`, `month`, `day`, `hour`, `minute` and `second`, all of which take intervals too, and `week` (ISO) and `isoyear`.",
        "year(DATE '2025-03-16')",
        "2025",
    ),
    f(
        "dayofweek",
        "t",
        "The day of the week, 0 on Sunday. Also `weekday`; `isodow` is 1 on Monday and 7 on Sunday.",
        "dayofweek(DATE '2025-03-16')",
        "0",
    ),
    f("dayofyear", "t", "The day of the year, from 1.", "dayofyear(DATE '2025-03-16')", "75"),
    f(
        "dayname",
        "t",
        "The English name of the day of the week; `monthname` is that of the month.",
        "dayname(DATE '2025-03-16')",
        "Sunday",
    ),
    f("yearweek", "t", "The ISO year and week, as one number.", "yearweek(DATE '2024-12-30')", "202501"),
    f("decade", "t", "The year without its last digit.", "decade(DATE '2025-03-16')", "202"),
    f("century", "t", "The century; the 21st began in 2001.", "century(DATE '2000-12-31')", "20"),
    f(
        "epoch",
        "t",
        "The seconds since 1970-01-01 UTC, or those of an interval, with their fraction. `epoch_ms` and `epoch_us` are integers.",
        "epoch(TIMESTAMP '2025-03-07 09:04:05.125')",
        "1741338245.125",
    ),
    f(
        "epoch_ms",
        "n",
        "The time of so many milliseconds since 1970-01-01 UTC.",
        "epoch_ms(1740787200000)",
        "2025-03-01T00:00:00",
    ),
    f(
        "strftime",
        "t, format",
        "The text of a time, by a format of C. The arguments come in either order.",
        "strftime(TIMESTAMP '2025-03-07 09:04:05', '%d.%m.%Y %H:%M')",
        "07.03.2025 09:04",
    ),
    f(
        "strptime",
        "text, format",
        "The time that a text tells; an error where it does not match. `try_strptime` gives null there.",
        "strptime('7/3/2025 9:04', '%d/%m/%Y %H:%M')",
        "2025-03-07T09:04:00",
    ),
    f(
        "date_diff",
        "unit, a, b",
        "How many times the unit begins between a and b; weeks are seven days. Also `datediff`.",
        "date_diff('hour', TIMESTAMP '2025-01-05 10:59:00', TIMESTAMP '2025-01-05 11:01:00')",
        "1",
    ),
    f(
        "date_sub",
        "unit, a, b",
        "How many whole units lie between a and b. Also `datesub`.",
        "date_sub('hour', TIMESTAMP '2025-01-05 10:59:00', TIMESTAMP '2025-01-05 11:01:00')",
        "0",
    ),
    f(
        "date_add",
        "t, interval",
        "The time after an interval. Also `date_add(unit, count, t)`, and `dateadd`.",
        "date_add(DATE '2025-01-31', INTERVAL '1 month')",
        "2025-02-28T00:00:00",
    ),
    f("last_day", "t", "The last date of the month.", "last_day(DATE '2025-02-11')", "2025-02-28"),
    f(
        "make_timestamp",
        "year, month, day, hour, minute, seconds",
        "The time of these parts. With one argument, the time of so many microseconds since 1970-01-01 UTC.",
        "make_timestamp(2025, 1, 2, 3, 4, 5.5)",
        "2025-01-02T03:04:05.500",
    ),
    f(
        "to_hours",
        "n",
        "An interval of so many hours. Also `to_years`, `to_months`, `to_weeks`, `to_days`, `to_minutes`, `to_microseconds`, and `to_seconds` and `to_milliseconds`, which take fractions.",
        "TIMESTAMP '2025-01-02 03:04:05' + to_hours(2)",
        "2025-01-02T05:04:05",
    ),
    f(
        "age",
        "a, b",
        "The interval from b to a, in whole months and days of the calendar, and the rest as hours.",
        "age(DATE '2025-03-16', DATE '2024-01-31')",
        "13 mons 16 days",
    ),
    f(
        "time_bucket",
        "interval, t",
        "The start of the interval that a time is in. Weeks start on Monday. A third argument is a time that buckets are counted from.",
        "time_bucket(INTERVAL '15 minutes', TIMESTAMP '2025-03-17 12:44:00')",
        "2025-03-17T12:30:00",
    ),
    f(
        "night",
        "t",
        "The date on which the night began: nights go from noon to noon. Give local time.",
        "night(TIMESTAMP '2025-03-17 03:30:00')",
        "2025-03-16",
    ),
    f(
        "minutes_from_sunset",
        "t, latitude, longitude",
        "Minutes after the nearest sunset, negative before it. Give UTC. Null where the sun does not set within a day.",
        "round(minutes_from_sunset(TIMESTAMP '2025-03-20 18:30:00', 48.85, 2.35))",
        "26.0",
    ),
    f(
        "minutes_from_sunrise",
        "t, latitude, longitude",
        "The same from the nearest sunrise.",
        "round(minutes_from_sunrise(TIMESTAMP '2025-03-20 06:00:00', 48.85, 2.35))",
        "7.0",
    ),
    // Numbers.
    f(
        "dbfs",
        "x",
        "Decibels of an amplitude, full scale 1: 20 log10(x). Zero gives minus infinity, less than zero null.",
        "dbfs(0.1)",
        "-20.0",
    ),
    f("from_dbfs", "db", "The amplitude of decibels: 10^(db/20).", "from_dbfs(-20)", "0.1"),
    f("even", "x", "The next even number away from zero.", "even(2.1)", "4.0"),
    f("sign", "x", "-1, 0 or 1.", "sign(-2.5)", "-1"),
    f("isinf", "x", "Whether a number is infinite. Also `isfinite`.", "isinf(dbfs(0))", "true"),
    f("if", "condition, a, b", "a where the condition is true, else b.", "if(1 > 2, 'a', 'b')", "b"),
    f("ifnull", "a, b", "b where a is null, else a.", "ifnull(NULL, 3)", "3"),
    f("mod", "a, b", "The remainder of a by b, with the sign of a; null by zero.", "mod(-5, 3)", "-2"),
    f("ceiling", "x", "The smallest whole number that is not below x. DataFusion has `ceil`.", "ceiling(1.2)", "2.0"),
    // Texts.
    f("regexp_matches", "text, pattern", "Whether a pattern occurs in a text.", "regexp_matches('Parus major', 'us')", "true"),
    f(
        "regexp_full_match",
        "text, pattern",
        "Whether a pattern is the whole text.",
        "regexp_full_match('Parus major', 'Parus')",
        "false",
    ),
    f(
        "regexp_extract",
        "text, pattern, group",
        "The first match, or its group where one is given. Empty where there is none.",
        "regexp_extract('S4_20250317_063000.wav', '_([0-9]{8})_', 1)",
        "20250317",
    ),
    f(
        "string_split",
        "text, separator",
        "The parts of a text between separators, as a list. An empty separator gives the characters. Also `str_split` and `split`.",
        "string_split('a_b_c', '_')",
        "[a, b, c]",
    ),
    f("typeof", "x", "The type of a value, by the name that DuckDB has for it.", "typeof(1.5 > 1)", "BOOLEAN"),
    f("len", "x", "The characters of a text or the elements of a list.", "len('Ñandú')", "5"),
    f(
        "prefix",
        "text, start",
        "Whether a text begins with `start`. `suffix(text, end)` is whether it ends with `end`.",
        "prefix('Parus major', 'Par')",
        "true",
    ),
    f("list_value", "a, b, ...", "A list of values. Also `list_pack`.", "list_value(1, 2)", "[1, 2]"),
    f("regexp_extract_all", "text, pattern", "Every match, as a list.", "regexp_extract_all('a1b22', '[0-9]+')", "[1, 22]"),
    f(
        "regexp_split_to_array",
        "text, pattern",
        "The parts of a text between the matches, as a list. Also `string_split_regex`.",
        "regexp_split_to_array('a1b22c', '[0-9]+')",
        "[a, b, c]",
    ),
    f("strlen", "text", "The bytes of a text.", "strlen('Ñandú')", "7"),
    f("list_min", "list", "The smallest element. DataFusion has `list_max`.", "list_min([2, 1])", "1"),
    // Aggregates.
    f("median", "x", "The middle value, or the mean of the two in the middle. Of dates, a timestamp.", "median(x) FROM t", "6.0"),
    f(
        "quantile_cont",
        "x, q",
        "The exact quantile, interpolated where it falls between two values. q: 0 to 1, or a list of such. Also `percentile_cont(q) WITHIN GROUP (ORDER BY x)` and `approx_quantile`.",
        "quantile_cont(x, [0.25, 0.9]) FROM t",
        "[1.75, 17.0]",
    ),
    f(
        "quantile_disc",
        "x, q",
        "The smallest value such that at least the fraction q of the values are not larger. Also `quantile` and `percentile_disc(q) WITHIN GROUP (ORDER BY x)`.",
        "quantile_disc(x, 0.5) FROM t",
        "2",
    ),
    f("mode", "x", "The value that occurs most often; of several, the smallest.", "mode(y) FROM t", "b"),
    f(
        "arg_max",
        "x, by",
        "x in the row where `by` is largest; rows where either is null are left out. Also `max_by`; `arg_min` and `min_by` for the smallest.",
        "arg_max(y, x) FROM t",
        "b",
    ),
    f("count_if", "condition", "How many rows a condition is true in.", "count_if(x > 5) FROM t", "2"),
    f("mad", "x", "The median of the distances from the median.", "mad(x) FROM t", "4.5"),
    f("skewness", "x", "The skewness of a sample; null for fewer than three values.", "round(skewness(x), 6) FROM t", "0.977882"),
    f(
        "kurtosis",
        "x",
        "The excess kurtosis of a sample; null for fewer than four values.",
        "round(kurtosis(x), 6) FROM t",
        "-0.563934",
    ),
    f("entropy", "x", "Shannon's entropy of how often each value occurs, bits.", "entropy(x) FROM t", "2.0"),
    f(
        "histogram",
        "x",
        "How often each value occurs, as a list of pairs `key` and `value` in the order of the keys.",
        "histogram(y) FROM t",
        "[{key: a, value: 1}, {key: b, value: 2}]",
    ),
    f("product", "x", "The product.", "product(x) FROM t", "400.0"),
    f("geomean", "x", "The geometric mean.", "round(geomean(x), 6) FROM t", "4.472136"),
    f(
        "db_mean",
        "db",
        "The mean of decibels by their energy: 10 log10(mean(10^(db/10))). Minus infinity is no energy.",
        "round(db_mean(db), 6) FROM (VALUES (0), (-10)) AS levels(db)",
        "-2.596373",
    ),
    f(
        "string_agg",
        "x, separator",
        "The values as one text, with a comma between them where no separator is given. Also `group_concat` and `listagg`.",
        "string_agg(x ORDER BY x) FROM t",
        "1,2,10,20",
    ),
    f("list", "x", "The values as a list.", "list(x ORDER BY x DESC) FROM t", "[20, 10, 2, 1]"),
    f(
        "first",
        "x",
        "The first value, of rows in the order that ORDER BY gives. Also `last`.",
        "first(x ORDER BY x DESC) FROM t",
        "20",
    ),
    f("variance", "x", "The variance of a sample.", "round(variance(x), 6) FROM t", "77.583333"),
    f("favg", "x", "The mean.", "favg(x) FROM t", "8.25"),
    f("fsum", "x", "The sum as a DOUBLE. Also `kahan_sum` and `sumkahan`.", "fsum(x) FROM t", "33.0"),
    f("approx_count_distinct", "x", "About how many different values there are.", "approx_count_distinct(y) FROM t", "2"),
    f("every", "condition", "Whether a condition is true in all rows.", "every(x > 0) FROM t", "true"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::tests::rows;

    const BEGIN: &str = "<!-- functions: begin -->\n";
    const END: &str = "<!-- functions: end -->\n";
    const WIDTH: usize = 110;

    #[test]
    fn each_example_answers_as_documented() {
        let wrong = documented().iter().filter_map(|Function { name, example, answer, .. }| {
            assert!(example.contains(name), "{example} does not show {name}");
            let found = rows(&format!("SELECT {example}")).map_or_else(|error| error, |rows| rows.join(", "));
            (found != *answer).then(|| format!("{example}: {found}, and not {answer}"))
        });
        let wrong: Vec<_> = wrong.collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// A paragraph for each function, in lines of [`WIDTH`] columns.
    fn table() -> String {
        let mut text = String::from("\n");
        for Function { name, arguments, about, example, answer } in documented() {
            let mut line = String::from("-");
            let first = format!("`{name}({arguments})`: {about}");
            // The example is not broken.
            let example = format!("`{example}`");
            let answer = format!("`{answer}`.");
            for word in first.split(' ').chain([example.as_str(), "is", &answer]) {
                if line.chars().count() + 1 + word.chars().count() > WIDTH {
                    text.extend([line.as_str(), "\n"]);
                    line = String::from(" ");
                }
                line.extend([" ", word]);
            }
            text.extend([line.as_str(), "\n"]);
        }
        text.push('\n');
        text
    }

    #[test]
    fn the_document_has_the_table_of_functions() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/querying.md");
        let document = std::fs::read_to_string(&path).unwrap();
        let parts = document.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?)));
        let (before, (found, after)) =
            parts.unwrap_or_else(|| panic!("docs/querying.md lacks the lines {BEGIN}and {END}: write them under ## Functions"));
        if std::env::var_os("CHORUS_BLESS").is_some() {
            std::fs::write(&path, [before, BEGIN, &table(), END, after].concat()).unwrap();
        } else {
            assert_eq!(found, table(), "docs/querying.md is not current: run this test with CHORUS_BLESS=1");
        }
    }
}
