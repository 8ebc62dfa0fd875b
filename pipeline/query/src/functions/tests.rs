//! What functions answer together with the rest of SQL: groups, filters, partitions, frames, types and errors.

use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::Result;
use datafusion::prelude::{SessionConfig, SessionContext};

/// The rows of a query, cells separated by spaces. Partitions of two rows make aggregates merge their states.
pub(super) fn rows(query: &str) -> std::result::Result<Vec<String>, String> {
    tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(answer(query)).map_err(|error| error.to_string())
}

async fn answer(query: &str) -> Result<Vec<String>> {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(3).with_batch_size(2));
    super::register(&context);
    let rows = "(1, 'a', 'n'), (2, 'b', 'n'), (10, NULL, 'n'), (20, 'b', 's')";
    // That of the documents, and one with more.
    for (table, more) in [("t", ""), ("u", ", (NULL, 'c', 's'), (7, 'c', 's')")] {
        let create = format!("CREATE TABLE {table} AS SELECT * FROM (VALUES {rows}{more}) AS v(x, y, site)");
        context.sql(&create).await?.collect().await?;
    }
    let batches = context.sql(query).await?.collect().await?;
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            rows.push(columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(" "));
        }
    }
    Ok(rows)
}

fn rows_of(query: &str) -> Vec<String> {
    rows(query).unwrap_or_else(|error| panic!("{query}: {error}"))
}

fn row(expressions: &str) -> String {
    rows_of(&format!("SELECT {expressions}")).join("\n")
}

fn error(expressions: &str) -> String {
    rows(&format!("SELECT {expressions}")).expect_err(expressions)
}

#[test]
fn aggregates_answer_by_group() {
    let query = "SELECT site, median(x), quantile_disc(x, 0.5), mode(y), arg_max(y, x), arg_min(y, x), count_if(x > 5), mad(x), \
                 entropy(y), string_agg(y ORDER BY y) FROM u GROUP BY site ORDER BY site";
    assert_eq!(rows(query).unwrap(), ["n 2.0 2 a b a 1 1.0 1.0 a,b", "s 13.5 7 c b c 2 6.5 0.9182958340544896 b,c,c"]);
}

#[test]
fn aggregates_of_no_rows_are_null() {
    let answers = "median(x), quantile_cont(x, [0.5]), mode(y), arg_max(x, y), count_if(x > 5), entropy(x), product(x), db_mean(x), histogram(x)";
    assert_eq!(row(&format!("{answers} FROM u WHERE x > 99")), "NULL NULL NULL NULL 0 0.0 NULL NULL NULL");
}

#[test]
fn histograms_are_in_the_order_of_the_values() {
    let query = "SELECT site, histogram(x), histogram(y) FROM u GROUP BY site ORDER BY site";
    let expected = [
        "n [{key: 1, value: 1}, {key: 2, value: 1}, {key: 10, value: 1}] [{key: a, value: 1}, {key: b, value: 1}]",
        "s [{key: 7, value: 1}, {key: 20, value: 1}] [{key: b, value: 1}, {key: c, value: 2}]",
    ];
    assert_eq!(rows_of(query), expected);
}

#[test]
fn aggregates_take_filter_distinct_and_within_group() {
    assert_eq!(row("median(x) FILTER (WHERE site = 'n'), arg_max(y, x) FILTER (WHERE site = 'n') FROM u"), "2.0 b");
    assert_eq!(row("quantile_cont(DISTINCT v, 0.5), median(v) FROM (VALUES (1), (1), (1), (20)) AS v(v)"), "10.5 1.0");
    let within = "percentile_cont(0.25) WITHIN GROUP (ORDER BY x DESC), percentile_disc(0.25) WITHIN GROUP (ORDER BY x DESC), \
                  mode() WITHIN GROUP (ORDER BY y) FROM u WHERE x <> 7";
    assert_eq!(row(within), "12.5 20 b");
    let both = "percentile_disc(0.2) WITHIN GROUP (ORDER BY x DESC), percentile_disc(0.2) WITHIN GROUP (ORDER BY x) FROM u";
    assert_eq!(row(both), "20 1");
}

#[test]
fn aggregates_move_over_frames() {
    let query = "SELECT x, median(x) OVER w, mode(x) OVER w, count_if(x > 1) OVER w, db_mean(x) OVER w > 0, max(x) OVER w FROM u \
                 WHERE x IS NOT NULL WINDOW w AS (ORDER BY x ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) ORDER BY x";
    let found = rows(query).unwrap();
    assert_eq!(found, ["1 1.0 1 0 true 1", "2 1.5 1 1 true 2", "7 4.5 2 2 true 7", "10 8.5 7 2 true 10", "20 15.0 10 2 true 20"]);
    let query = "SELECT arg_max(y, x) OVER w, min_by(y, x) OVER w, sum(x) OVER w, avg(x) OVER w FROM u \
                 WINDOW w AS (ORDER BY site, y, x ROWS 1 PRECEDING) ORDER BY site, y, x";
    let found = rows(query).unwrap();
    assert_eq!(found, ["a a 1 1.0", "b a 3 1.5", "b b 12 6.0", "b b 30 15.0", "b c 27 13.5", "c c 7 7.0"]);
    let query =
        "SELECT DISTINCT site, arg_max(y, x) OVER (PARTITION BY site), first(site) OVER (ORDER BY site) FROM u ORDER BY site";
    assert_eq!(rows(query).unwrap(), ["n b n", "s b n"]);
}

#[test]
fn frames_move_as_in_duckdb() {
    let query = |answers: &str| {
        let rows = "(1, 1.0), (2, 5.0), (3, 5.0), (4, NULL), (5, 1.0), (6, 7.0)";
        let window = "WINDOW w AS (ORDER BY i ROWS 2 PRECEDING)";
        rows_of(&format!("SELECT {answers} FROM (VALUES {rows}) AS v(i, x) {window} ORDER BY i"))
    };
    let found =
        query("arg_max(i, x) OVER w, arg_min(i, x) OVER w, median(x) OVER w, quantile_disc(x, 0.5) OVER w, mad(x) OVER w");
    let expected =
        ["1 1 1.0 1.0 0.0", "2 1 3.0 1.0 2.0", "2 1 5.0 5.0 0.0", "2 2 5.0 5.0 0.0", "3 5 3.0 1.0 2.0", "6 5 4.0 1.0 3.0"];
    assert_eq!(found, expected);
    // Of those that DuckDB moves too; functions under other names have to be there under their own.
    let found = query("sum(x) OVER w, count(x) OVER w, min(x) OVER w, max(x) OVER w, avg(x) OVER w, product(x) OVER w");
    let expected = [
        "1.0 1 1.0 1.0 1.0 1.0",
        "6.0 2 1.0 5.0 3.0 5.0",
        "11.0 3 1.0 5.0 3.6666666666666665 25.0",
        "10.0 2 5.0 5.0 5.0 25.0",
        "6.0 2 1.0 5.0 3.0 5.0",
        "8.0 2 1.0 7.0 4.0 7.0",
    ];
    assert_eq!(found, expected);
    let found = query("fsum(x) OVER w, favg(x) OVER w, round(variance(x) OVER w, 9)");
    let expected =
        ["1.0 1.0 NULL", "6.0 3.0 8.0", "11.0 3.6666666666666665 5.333333333", "10.0 5.0 0.0", "6.0 3.0 8.0", "8.0 4.0 18.0"];
    assert_eq!(found, expected);
}

#[test]
fn moments_are_those_of_duckdb() {
    let close = |expressions: &str, expected: &[f64]| {
        let found: Vec<f64> = row(expressions).split(' ').map(|number| number.parse().unwrap()).collect();
        let pairs = found.iter().zip(expected);
        assert!(
            pairs.clone().count() == expected.len() && pairs.clone().all(|(a, b)| (a - b).abs() <= 1e-9 * b.abs()),
            "{found:?}"
        );
    };
    let values = "FROM (VALUES (1.5), (2.25), (8.0), (0.125), (3.5), (1000.25)) AS v(x)";
    let expected = [2.44924871768694, 5.99907860930314, 11815.453125, 4.772453771283822];
    close(&format!("skewness(x), kurtosis(x), product(x), geomean(x) {values}"), &expected);
    let many = "FROM (SELECT sin(i * i) + i / 1000.0 AS x FROM generate_series(0, 999) AS s(i))";
    let expected = [0.006973943617965997, -1.1286018856828992, 0.0, 1.2295625526116767];
    close(&format!("skewness(x), kurtosis(x), product(x), geomean(x + 1) {many}"), &expected);
    assert_eq!(row("skewness(x), kurtosis(x) FROM (VALUES (0.1), (0.1), (0.1), (0.1)) AS v(x)"), "NaN NULL");
    assert_eq!(row("product(DISTINCT x), skewness(DISTINCT x) IS NULL FROM (VALUES (2.0), (2.0), (5.0)) AS v(x)"), "10.0 true");
    assert_eq!(row("fsum(x), fsum(DISTINCT x) FROM (VALUES (2), (2), (5), (NULL)) AS v(x)"), "9.0 7.0");
    assert_eq!(row("fsum(x) FROM t WHERE x > 99"), "NULL");
    // A large number leaves nothing behind in a frame.
    let rows = "(1, 1e300), (2, 0.5), (3, 0.25)";
    let query = format!(
        "SELECT product(x) OVER w, db_mean(x) OVER w < 1 FROM (VALUES {rows}) AS v(i, x) WINDOW w AS (ORDER BY i ROWS 1 PRECEDING) ORDER BY i"
    );
    assert_eq!(rows_of(&query)[2], "0.125 true");
}

#[test]
fn spans_have_parts() {
    let span = "(TIMESTAMP '2025-03-03 05:06:07.125' - TIMESTAMP '2025-03-01 01:01:01')";
    let parts = format!("year({span}), month({span}), day({span}), hour({span}), minute({span}), second({span}), epoch({span})");
    assert_eq!(row(&parts), "0 0 2 4 5 6 187506.125");
    let back = "(TIMESTAMP '2025-03-01' - TIMESTAMP '2025-03-03 05:06:07.125')";
    assert_eq!(row(&format!("day({back}), hour({back}), second({back}), epoch({back})")), "-2 -5 -7 -191167.125");
    let interval = "INTERVAL '25 months 40 days 30 hours'";
    let parts = format!("year({interval}), quarter({interval}), month({interval}), day({interval}), hour({interval})");
    assert_eq!(row(&parts), "2 1 1 40 30");
    assert_eq!(row("epoch_ms(INTERVAL '1 year'), epoch_us(INTERVAL '1 month 1 day 3 seconds')"), "31104000000 2678403000000");
    assert_eq!(row("epoch_ms(1740787200000), epoch_ms(-1)"), "2025-03-01T00:00:00 1969-12-31T23:59:59.999");
}

#[test]
fn spans_are_made() {
    let calls = [
        ("to_days(3)", "3 days"),
        ("to_hours(30)", "30 hours"),
        ("to_minutes(90)", "1 hours 30 mins"),
        ("to_seconds(1.5)", "1.500000000 secs"),
        ("to_weeks(2)", "14 days"),
        ("to_years(1)", "12 mons"),
        ("to_milliseconds(1500)", "1.500000000 secs"),
        ("age(TIMESTAMP '2025-03-01', TIMESTAMP '2024-01-31 05:00:00')", "13 mons 19 hours"),
        ("age(DATE '2001-04-10', DATE '1957-06-13')", "525 mons 27 days"),
        ("age(TIMESTAMP '2025-03-31 01:00:00', TIMESTAMP '2025-02-28 05:00:00')", "1 mons 2 days 20 hours"),
        ("age(TIMESTAMP '2025-02-28 05:00:00', TIMESTAMP '2025-03-31 01:00:00')", "-1 mons -2 days -20 hours"),
        ("age(DATE '2024-03-01', DATE '2024-01-31')", "1 mons 1 days"),
        ("age(TIMESTAMP '2024-05-01', TIMESTAMP '2024-03-31 12:00:00')", "1 mons 12 hours"),
    ];
    for (call, expected) in calls {
        assert_eq!(row(call), expected, "{call}");
    }
}

#[test]
fn types_have_the_names_of_duckdb() {
    let types = [
        ("1", "BIGINT"),
        ("CAST(1.5 AS DOUBLE)", "DOUBLE"),
        ("CAST(1.5 AS REAL)", "FLOAT"),
        ("CAST(1 AS SMALLINT)", "SMALLINT"),
        ("'a'", "VARCHAR"),
        ("arrow_cast('a', 'Dictionary(Int32, Utf8)')", "VARCHAR"),
        ("DATE '2025-01-01'", "DATE"),
        ("TIMESTAMP '2025-01-01'", "TIMESTAMP"),
        ("arrow_cast(0, 'Timestamp(Second, Some(\"UTC\"))')", "TIMESTAMP WITH TIME ZONE"),
        ("1 > 2", "BOOLEAN"),
        ("INTERVAL '1 day'", "INTERVAL"),
        ("CAST(1.5 AS DECIMAL(10, 3))", "DECIMAL(10,3)"),
        ("[['a']]", "VARCHAR[][]"),
        ("named_struct('a', 1, 'b', 'x')", "STRUCT(a BIGINT, b VARCHAR)"),
        ("NULL", "\"NULL\""),
    ];
    for (value, expected) in types {
        assert_eq!(row(&format!("typeof({value})")), expected, "{value}");
    }
    assert_eq!(rows_of("SELECT typeof(x) FROM u"), ["BIGINT"; 6]);
}

#[test]
fn texts_are_split_as_in_duckdb() {
    let calls = "string_split('', 'A'), string_split('abc', ''), string_split('', ''), split('a,b,,c', ','), string_split('éa🦉', ''), \
                 string_split('a', NULL), string_split(NULL, 'a'), string_split(',a,', ',')";
    assert_eq!(row(calls), "[] [a, b, c] [] [a, b, , c] [é, a, 🦉] [a] NULL [, a, ]");
    assert_eq!(row("len(string_split('', 'A')), len(string_split('', '')), len(string_split(',a,', ','))"), "1 1 3");
}

#[test]
fn values_of_other_types_are_taken() {
    let types = ["TINYINT", "SMALLINT", "BIGINT", "INTEGER UNSIGNED", "FLOAT", "DOUBLE", "DECIMAL(10, 2)"];
    for name in types {
        assert_eq!(row(&format!("median(CAST(x AS {name})), db_mean(CAST(x AS {name})) > 10 FROM u")), "7.0 true", "{name}");
    }
    assert_eq!(row("quantile_disc(CAST(x AS FLOAT), 0.5), quantile_disc(CAST(x AS BIGINT), [0.0, 1.0]) FROM u"), "7.0 [1, 20]");
    assert_eq!(row("arrow_typeof(quantile_disc(CAST(x AS FLOAT), 0.5)) FROM u"), "Float32");
    let days = "FROM (VALUES (DATE '2025-01-01'), (DATE '2025-01-04')) AS d(d)";
    assert_eq!(row(&format!("median(d), quantile_disc(d, 0.5), mode(d) {days}")), "2025-01-02T12:00:00 2025-01-01 2025-01-01");
    assert_eq!(row("len(arrow_cast('abc', 'Utf8View')), len(arrow_cast('abc', 'LargeUtf8')), len([1, 2])"), "3 3 2");
    assert_eq!(row("hour(arrow_cast(TIMESTAMP '2025-07-01 10:00:00', 'Timestamp(Millisecond, Some(\"UTC\"))'))"), "10");
    let paris = "arrow_cast(arrow_cast(0, 'Timestamp(Second, Some(\"UTC\"))'), 'Timestamp(Second, Some(\"Europe/Paris\"))')";
    assert_eq!(row(&format!("hour({paris}), strftime({paris}, '%H:%M'), epoch({paris})")), "1 01:00 0.0");
}

#[test]
fn nulls_give_null() {
    let calls = "year(NULL), strftime(NULL, '%Y'), date_diff('day', NULL, DATE '2025-01-01'), regexp_extract(NULL, 'a'), len(NULL), \
                 dbfs(NULL), night(NULL), minutes_from_sunset(NULL, 1, 2), time_bucket(INTERVAL '1 day', NULL), sign(NULL)";
    assert_eq!(row(calls), ["NULL"; 10].join(" "));
}

#[test]
fn units_of_months_end_with_the_month() {
    let calls = "date_sub('month', DATE '2025-01-31', DATE '2025-02-28'), \
                 date_sub('month', TIMESTAMP '2025-02-28 12:00:00', TIMESTAMP '2025-01-31 13:00:00'), \
                 date_sub('month', DATE '2024-02-29', DATE '2024-01-31'), date_sub('quarter', DATE '2025-01-31', DATE '2025-04-30'), \
                 date_diff('week', DATE '2025-01-05', DATE '2025-01-06'), date_diff('weeks', DATE '2025-01-08', DATE '2025-01-01'), \
                 date_diff('century', DATE '1999-01-05', DATE '2001-01-06'), date_diff('month', DATE '2025-01-31', DATE '2025-02-01')";
    assert_eq!(row(calls), "1 0 -1 1 0 -1 1 1");
}

#[test]
fn buckets_are_those_of_duckdb() {
    let calls = "time_bucket(INTERVAL '7 days', TIMESTAMP '2025-03-19 12:00:00'), \
                 time_bucket(INTERVAL '5 months', TIMESTAMP '2025-03-17 12:44:00'), \
                 time_bucket(INTERVAL '1 day', TIMESTAMP '1999-03-17 12:44:00')";
    assert_eq!(row(calls), "2025-03-17T00:00:00 2025-01-01T00:00:00 1999-03-17T00:00:00");
}

#[test]
fn formats_have_the_fields_of_duckdb() {
    let format = "%f %g|%-d %-m %-H %I %p|%a %A %b %B|%j %U %W %u %w %G %V|%y|%c|%x|%X|%%";
    let text = row(&format!("strftime(TIMESTAMP '2025-03-07 09:04:05.125', '{format}')"));
    let expected =
        "125000 125|7 3 9 09 AM|Fri Friday Mar March|066 09 09 5 5 2025 10|25|2025-03-07 09:04:05|2025-03-07|09:04:05|%";
    assert_eq!(text, expected);
    assert_eq!(row("strftime('%Y', DATE '2025-03-07'), try_strptime('x', '%Y')"), "2025 NULL");
    assert_eq!(row("strptime('2025-03-07 09:04:05.125', '%Y-%m-%d %H:%M:%S.%f')"), "2025-03-07T09:04:05.125");
    assert_eq!(row("strptime('20250317_063000', '%Y%m%d_%H%M%S')"), "2025-03-17T06:30:00");
}

#[test]
fn the_sun_that_does_not_set_gives_null() {
    assert_eq!(row("minutes_from_sunset(TIMESTAMP '2025-06-21 12:00:00', 78.22, 15.65)"), "NULL");
    assert!(error("minutes_from_sunset(TIMESTAMP '2025-06-21 12:00:00', 95, 0)").contains("latitude 95"));
}

#[test]
fn aggregates_of_nulls_are_null_and_nan_is_the_largest_number() {
    assert_eq!(row("mode(NULL), arg_max(NULL, 1), arg_max(1, NULL), median(NULL), entropy(NULL)"), "NULL NULL NULL NULL 0.0");
    assert_eq!(row("median(x) FROM (VALUES (0.0 / 0.0), (-CAST('NaN' AS DOUBLE)), (1.0), (2.0), (3.0)) AS v(x)"), "3.0");
    assert_eq!(row("db_mean(x) FROM (VALUES (dbfs(0)), (0.0)) AS v(x)"), "-3.010299956639812");
}

#[test]
fn intervals_have_seconds() {
    let calls = "epoch(TIMESTAMP '2025-03-16 00:01:00.5' - TIMESTAMP '2025-03-16 00:00:00'), epoch(INTERVAL '14 months')";
    assert_eq!(row(calls), "60.5 36741600.0");
}

#[test]
fn remainders_keep_the_type_and_are_null_by_zero() {
    assert_eq!(row("mod(5, 3), mod(-5, 3), mod(5.5, 3), mod(1, 0)"), "2 -2 2.5 NULL");
}

#[test]
fn a_branch_that_is_not_taken_is_not_computed() {
    assert_eq!(row("if(x > 100, 1 / (x - x), 0) FROM u WHERE x = 1"), "0");
}

#[test]
fn the_year_is_compared_with_the_column() {
    let plan = rows("EXPLAIN SELECT d FROM (VALUES (DATE '2025-01-01')) AS d(d) WHERE year(d) = 2025").unwrap().join("\n");
    assert!(plan.contains("2025-01-01") && !plan.contains("date_part"), "{plan}");
}

#[test]
fn wrong_arguments_are_named() {
    let cases = [
        ("date_diff('fortnight', now(), now())", "'fortnight' is not a unit of time: use microsecond"),
        ("strftime(DATE '2025-01-01', '%Q')", "'%Q' in the format '%Q' is not a field"),
        ("strptime('x', '%Y')", "'x' does not match the format '%Y'"),
        ("year(5)", "year(Int64) is not a form of this function: use year(date or timestamp)"),
        ("regexp_extract('a', '(')", "'(' is not a regular expression"),
        ("regexp_extract('a', 'a', 3)", "'a' has groups 0 to 0, and not 3"),
        ("quantile_cont(x, 1.5) FROM u", "the fraction 1.5 is not between 0 and 1"),
        ("quantile_cont(x, x) FROM u", "is not constant"),
        ("quantile_cont(y, 0.5) FROM u", "quantile_cont takes numbers, dates or timestamps"),
        ("skewness(y) FROM u", "skewness takes numbers"),
        ("make_timestamp(2025, 13, 1, 0, 0, 0)", "make_timestamp(2025, 13, 1, 0, 0, 0) is not a time"),
        ("time_bucket(INTERVAL '0 days', now())", "is not positive"),
        ("hour(5)", "use hour(date or timestamp) or hour(difference of timestamps) or hour(interval)"),
        ("to_days(3000000000)", "an interval has no room for 3000000000"),
        ("if(1 > 2, 'a')", "a condition and two values"),
    ];
    for (call, expected) in cases {
        let found = error(call);
        assert!(found.contains(expected), "{call}: {found}");
    }
}
