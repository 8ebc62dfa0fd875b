//! What SQL can say over a run: each line is a promise of the README, and fails when an upgrade of the engine breaks it.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashSet;

use chorus_query::Format;
use common::{Run, written};

/// Asserts that each query gives these lines of CSV.
fn check(queries: &[(&str, &[&str])]) {
    let run = Run::small();
    for (sql, rows) in queries {
        assert_eq!(run.rows(sql), *rows, "{sql}");
    }
}

#[test]
fn rows_are_filtered_ordered_and_limited() {
    check(&[
        ("SELECT recording_id FROM recordings WHERE duration_s > 20 ORDER BY recording_id DESC", &["b", "a"]),
        ("SELECT recording_id FROM recordings WHERE duration_s IS NULL", &["c"]),
        ("SELECT recording_id FROM recordings WHERE duration_s IS NOT NULL ORDER BY duration_s LIMIT 1 OFFSET 1", &["b"]),
        ("SELECT duration_s FROM recordings ORDER BY duration_s DESC NULLS LAST", &["60.5", "30.0", "10.0", "\"\""]),
        ("SELECT duration_s FROM recordings ORDER BY duration_s NULLS FIRST LIMIT 2", &["\"\"", "10.0"]),
        ("SELECT recording_id FROM recordings WHERE duration_s BETWEEN 20 AND 40 AND status IN ('ok', 'repaired')", &["b"]),
        ("SELECT recording_id FROM recordings WHERE path LIKE 'a.%' OR path ILIKE 'B.W_V' ORDER BY 1", &["a", "b"]),
        ("SELECT recording_id FROM recordings WHERE path NOT LIKE '%a%a%' AND path ~ '[a-c].wav' ORDER BY 1", &["b", "c"]),
        ("SELECT DISTINCT site FROM predictions ORDER BY site", &["POND01", "Rivière du Nord/2"]),
        ("SELECT * EXCLUDE (about) FROM (SELECT 1 AS one, 2 AS about) t", &["1"]),
    ]);
}

#[test]
fn tests_of_truth_are_columns_like_others() {
    // Of four recordings, two are longer than 20 s, one is shorter, and of one nobody knows.
    check(&[
        ("SELECT DISTINCT (duration_s > 20) IS TRUE AS b FROM recordings ORDER BY b", &["false", "true"]),
        (
            "SELECT DISTINCT status, (duration_s > 20) IS NOT TRUE AS b FROM recordings WHERE recording_id = 'c'",
            &["rejected,true"],
        ),
        (
            "SELECT b, COUNT(*) FROM (SELECT (duration_s > 20) IS FALSE AS b FROM recordings) t GROUP BY b ORDER BY b",
            &["false,3", "true,1"],
        ),
        (
            "SELECT b, COUNT(*) FROM (SELECT (duration_s > 20) IS NOT FALSE AS b FROM recordings) t GROUP BY b ORDER BY b",
            &["false,1", "true,3"],
        ),
        (
            "SELECT b, COUNT(*) FROM (SELECT (duration_s > 20) IS UNKNOWN AS b FROM recordings) t GROUP BY b ORDER BY b",
            &["false,3", "true,1"],
        ),
        ("SELECT DISTINCT NOT ((duration_s > 20) IS NOT UNKNOWN) AS b FROM recordings ORDER BY b", &["false", "true"]),
        (
            "SELECT DISTINCT duration_s IS NOT NULL AS a, duration_s IS DISTINCT FROM 30 AS b, duration_s IS NULL AS c FROM recordings ORDER BY a, b",
            &["false,true,true", "true,false,false", "true,true,false"],
        ),
        (
            "SELECT DISTINCT (duration_s > 20) IS TRUE FROM recordings GROUP BY (duration_s > 20) IS TRUE ORDER BY 1",
            &["false", "true"],
        ),
        (
            "SELECT DISTINCT b FROM (SELECT (duration_s > 20) IS TRUE AS b, COUNT(*) AS n FROM recordings GROUP BY 1) t ORDER BY b",
            &["false", "true"],
        ),
        (
            "SELECT (duration_s > 20) IS FALSE AS b FROM recordings UNION SELECT (duration_s > 20) IS NOT FALSE FROM recordings ORDER BY b",
            &["false", "true"],
        ),
        (
            "SELECT b, COUNT(*) FROM (SELECT (duration_s > 20) IS TRUE AS b FROM recordings) t GROUP BY ROLLUP (b) ORDER BY b NULLS LAST",
            &["false,2", "true,2", ",4"],
        ),
        ("SELECT COUNT(DISTINCT (duration_s > 20) IS TRUE), BOOL_OR((duration_s > 20) IS UNKNOWN) FROM recordings", &["2,true"]),
        ("SELECT DISTINCT status FROM recordings WHERE (duration_s > 20) IS NOT TRUE ORDER BY status", &["ok", "rejected"]),
        ("SELECT DISTINCT (SELECT (MAX(r.duration_s) > 20) IS TRUE FROM recordings r) AS b FROM recordings", &["true"]),
    ]);
}

#[test]
fn groups_are_counted_and_summed_up() {
    check(&[
        ("SELECT COUNT(*) FROM predictions", &["10"]),
        (
            "SELECT COUNT(*), COUNT(start_utc), COUNT(DISTINCT site), MIN(score), MAX(score) FROM predictions",
            &["10,8,2,0.0,0.875"],
        ),
        ("SELECT site, COUNT(*) AS n FROM predictions GROUP BY site ORDER BY n DESC", &["POND01,6", "Rivière du Nord/2,4"]),
        ("SELECT site, COUNT(*) FROM predictions GROUP BY site HAVING COUNT(*) > 4", &["POND01,6"]),
        // A sum of whole numbers beside distinct values.
        (
            "SELECT file_bytes, COUNT(DISTINCT recording_id), SUM(file_bytes) FROM recordings GROUP BY file_bytes \
             HAVING SUM(file_bytes) > 0",
            &["1000000,4,4000000"],
        ),
        ("SELECT site, COUNT(*) AS n FROM predictions GROUP BY site ORDER BY COUNT(*) DESC LIMIT 1", &["POND01,6"]),
        ("SELECT class, MAX(score) AS score FROM predictions GROUP BY class ORDER BY MAX(score) DESC LIMIT 1", &["FROG,0.875"]),
        ("SELECT site, COUNT(*) FROM predictions GROUP BY site ORDER BY COUNT(*)", &["Rivière du Nord/2,4", "POND01,6"]),
        (
            "SELECT class, COUNT(*) FILTER (WHERE score >= 0.5) FROM predictions GROUP BY class ORDER BY class",
            &["FROG,4", "TOAD,2"],
        ),
        (
            "SELECT class, SUM(CASE WHEN score >= 0.5 THEN 1 ELSE 0 END) FROM predictions GROUP BY 1 ORDER BY 1",
            &["FROG,4", "TOAD,2"],
        ),
        (
            "SELECT class, ROUND(AVG(score), 2), SUM(end_s - start_s) FROM predictions GROUP BY class ORDER BY class",
            &["FROG,0.6,15.0", "TOAD,0.37,15.0"],
        ),
        (
            "SELECT MEDIAN(score), QUANTILE_CONT(score, 0.25), ROUND(STDDEV(score), 3) FROM predictions WHERE class = 'FROG'",
            &["0.625,0.5,0.24"],
        ),
        ("SELECT UPPER(site), COUNT(*) FROM recordings GROUP BY UPPER(site) ORDER BY 1", &["POND01,2", "RIVIÈRE DU NORD/2,2"]),
        ("SELECT STRING_AGG(class, '+') FROM predictions WHERE recording_id = 'b'", &["FROG+TOAD"]),
        ("SELECT ARRAY_AGG(class) FROM predictions WHERE recording_id = 'b'", &["\"[\"\"FROG\"\",\"\"TOAD\"\"]\""]),
    ]);
}

#[test]
fn tables_are_joined() {
    check(&[
        (
            "SELECT r.recording_id, s.subset FROM recordings r LEFT JOIN splits s USING (recording_id) WHERE r.site = 'POND01' ORDER BY 1",
            &["a,train", "b,test"],
        ),
        (
            "SELECT p.recording_id, MAX(p.score) AS best FROM predictions p JOIN splits s ON p.recording_id = s.recording_id \
             WHERE s.subset = 'train' GROUP BY p.recording_id ORDER BY best",
            &["a,0.75", "c,0.85"],
        ),
        (
            "SELECT s.recording_id, COUNT(*) FROM predictions p JOIN splits s ON p.recording_id = s.recording_id GROUP BY s.recording_id ORDER BY s.recording_id LIMIT 1",
            &["a,4"],
        ),
        ("SELECT COUNT(*) FROM predictions p, splits s WHERE p.recording_id = s.recording_id AND s.subset = 'test'", &["2"]),
        (
            "SELECT s.recording_id FROM splits s LEFT JOIN features f ON f.site = s.subset WHERE f.site IS NULL ORDER BY 1",
            &["a", "b", "c", "d"],
        ),
        ("SELECT recording_id FROM recordings r ANTI JOIN predictions p ON r.recording_id = p.recording_id", &[]),
        (
            "SELECT recording_id FROM splits s WHERE EXISTS (SELECT 1 FROM predictions p WHERE p.recording_id = s.recording_id AND p.score > 0.8) ORDER BY 1",
            &["b", "c"],
        ),
        (
            "SELECT recording_id FROM splits WHERE recording_id IN (SELECT recording_id FROM predictions WHERE score > 0.8) ORDER BY 1",
            &["b", "c"],
        ),
        (
            "SELECT recording_id FROM splits WHERE recording_id NOT IN (SELECT recording_id FROM predictions WHERE score > 0.8) ORDER BY 1",
            &["a", "d"],
        ),
    ]);
}

#[test]
fn queries_are_built_from_queries() {
    check(&[
        (
            "WITH best AS (SELECT recording_id, MAX(score) AS best FROM predictions GROUP BY recording_id), \
             good AS (SELECT * FROM best WHERE best > 0.7) SELECT * FROM good ORDER BY recording_id",
            &["a,0.75", "b,0.875", "c,0.85"],
        ),
        (
            "WITH top AS (SELECT MAX(score) AS top FROM predictions) SELECT segment_id, class FROM predictions CROSS JOIN top WHERE score = top",
            &["b-000000,FROG"],
        ),
        ("SELECT site FROM recordings UNION SELECT site FROM predictions ORDER BY site", &["POND01", "Rivière du Nord/2"]),
        (
            "SELECT 'recordings' AS what, COUNT(*) AS n FROM recordings UNION ALL SELECT 'splits', COUNT(subset) FROM splits WHERE subset = 'test' ORDER BY n",
            &["splits,1", "recordings,4"],
        ),
        ("SELECT COUNT(*) FROM (SELECT site FROM recordings UNION ALL SELECT site FROM predictions) t", &["14"]),
        ("SELECT subset FROM splits EXCEPT SELECT 'train' AS subset ORDER BY subset", &["test", "unused"]),
        ("SELECT subset FROM splits INTERSECT SELECT 'train' AS subset", &["train"]),
        ("SELECT n FROM (SELECT COUNT(*) AS n FROM splits) t", &["4"]),
        ("SELECT 1 + 1", &["2"]),
    ]);
}

#[test]
fn windows_look_at_neighbouring_rows() {
    check(&[
        (
            "SELECT recording_id, ROW_NUMBER() OVER (PARTITION BY class ORDER BY score DESC) AS n FROM predictions WHERE class = 'FROG' ORDER BY n LIMIT 2",
            &["b,1", "a,2"],
        ),
        (
            "SELECT class, ROW_NUMBER() OVER (PARTITION BY recording_id ORDER BY -score, class) AS n FROM predictions WHERE recording_id = 'b' ORDER BY n",
            &["FROG,1", "TOAD,2"],
        ),
        ("SELECT RANK() OVER (ORDER BY subset) AS n FROM splits ORDER BY n", &["1", "2", "2", "4"]),
        (
            "SELECT segment_id, LAG(score) OVER (PARTITION BY class ORDER BY segment_id) AS before FROM predictions WHERE class = 'FROG' ORDER BY segment_id LIMIT 3",
            &["a-000000,", "a-000001,0.75", "b-000000,0.25"],
        ),
        (
            "SELECT segment_id, SUM(score) OVER (PARTITION BY class ORDER BY segment_id) AS so_far FROM predictions WHERE class = 'FROG' ORDER BY segment_id LIMIT 2",
            &["a-000000,0.75", "a-000001,1.0"],
        ),
        (
            "SELECT class, score FROM predictions QUALIFY ROW_NUMBER() OVER (PARTITION BY class ORDER BY score DESC) = 1 ORDER BY class",
            &["FROG,0.875", "TOAD,0.85"],
        ),
    ]);
}

#[test]
fn dates_and_times_are_compared_and_taken_apart() {
    check(&[
        ("SELECT recording_id FROM recordings WHERE date >= '2020-03-02'", &["b"]),
        ("SELECT recording_id FROM recordings WHERE date = DATE '2020-03-02'", &["b"]),
        ("SELECT recording_id FROM recordings WHERE date IN ('2020-03-02', '2020-03-05')", &["b"]),
        ("SELECT recording_id FROM recordings WHERE date BETWEEN '2020-03-02' AND '2020-03-05'", &["b"]),
        ("SELECT recording_id FROM recordings WHERE start_utc < '2020-03-01T06:00:00'", &["a"]),
        ("SELECT recording_id FROM recordings WHERE start_local >= '2020-03-02 12:00:00'", &["b"]),
        (
            "SELECT EXTRACT(hour FROM start_utc), EXTRACT(hour FROM start_local), EXTRACT(doy FROM date) FROM recordings ORDER BY recording_id",
            &["5,0,61", "23,18,62", "21,16,61", ",,"],
        ),
        (
            "SELECT STRFTIME(start_local, '%Y-%m-%d %H:00') FROM recordings ORDER BY recording_id LIMIT 2",
            &["2020-03-01 00:00", "2020-03-02 18:00"],
        ),
        (
            "SELECT start_utc + INTERVAL '90 minutes', start_local - INTERVAL '1 day' FROM recordings WHERE recording_id = 'a'",
            &["2020-03-01T06:30:00Z,2020-02-29T00:00:00"],
        ),
        ("SELECT MAX(start_utc) - MIN(start_utc) FROM recordings", &["P1DT18H"]),
        ("SELECT CAST(start_utc AS DATE) FROM recordings WHERE recording_id = 'b'", &["2020-03-02"]),
    ]);
}

#[test]
fn values_are_computed_and_cast() {
    check(&[
        (
            "SELECT CASE WHEN duration_s > 50 THEN 'long' WHEN duration_s IS NULL THEN 'none' ELSE 'short' END FROM recordings ORDER BY recording_id",
            &["long", "short", "none", "short"],
        ),
        ("SELECT COALESCE(duration_s, 0.0), NULLIF(site, 'POND01') FROM recordings ORDER BY recording_id LIMIT 1", &["60.5,"]),
        (
            "SELECT CAST(duration_s AS INTEGER), CAST(file_bytes AS VARCHAR), score::DOUBLE FROM recordings JOIN predictions USING (recording_id) WHERE class = 'TOAD' AND recording_id = 'b'",
            &["30,1000000,0.375"],
        ),
        (
            "SELECT UPPER(site), LENGTH(site), SUBSTR(site, 1, 4), REPLACE(site, 'POND', 'P'), CONCAT(site, '/', path), site || '-' || path, SPLIT_PART(path, '.', 2) \
             FROM recordings WHERE recording_id = 'a'",
            &["POND01,6,POND,P01,POND01/a.wav,POND01-a.wav,wav"],
        ),
        ("SELECT ROUND(10 / 4.0, 1), 7 % 3, POW(2, 10), ABS(-1), FLOOR(1.5), LOG10(100)", &["2.5,1,1024.0,1,1.0,2.0"]),
    ]);
}

/// Each was answered wrongly, or refused, by an engine of before.
#[test]
fn answers_are_those_of_duckdb() {
    check(&[
        ("SELECT COUNT(*) FILTER (WHERE score > 0.8) - COUNT(*) FILTER (WHERE score < 0.8) FROM predictions", &["-6"]),
        (
            "SELECT class, COUNT(*) - LAG(COUNT(*)) OVER w AS more FROM predictions WHERE score < 0.8 GROUP BY class WINDOW w AS (ORDER BY class DESC) ORDER BY class",
            &["FROG,0", "TOAD,"],
        ),
        (
            "SELECT LAST_VALUE(score) OVER (ORDER BY segment_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM predictions WHERE class = 'FROG' LIMIT 1",
            &["0.5"],
        ),
        ("SELECT COUNT(*) AS n, QUANTILE_CONT(score, 0.5) AS q FROM predictions ORDER BY n", &["10,0.5"]),
        ("SELECT duration_s FROM recordings ORDER BY duration_s DESC LIMIT 1", &["60.5"]),
        ("SELECT DISTINCT FIRST_VALUE(duration_s) OVER (ORDER BY duration_s DESC) FROM recordings", &["60.5"]),
        ("SELECT array_agg(duration_s ORDER BY duration_s DESC) FROM recordings", &["\"[60.5,30.0,10.0,null]\""]),
        ("SELECT -7 % 3, 7 / 2, 7 // 2, -7 // 2, 1 // 0, ROUND(2.5), ROUND(-2.5)", &["-1,3.5,3,-3,,3.0,-3.0"]),
        ("SELECT recording_id FROM recordings r WHERE duration_s = (SELECT MAX(duration_s) FROM recordings)", &["a"]),
        (
            "SELECT recording_id, (SELECT MAX(score) FROM predictions p WHERE p.recording_id = s.recording_id) FROM splits s ORDER BY 1",
            &["a,0.75", "b,0.875", "c,0.85", "d,0.5"],
        ),
        (
            "SELECT site, COUNT(*) FROM predictions GROUP BY ROLLUP (site) ORDER BY site",
            &["POND01,6", "Rivière du Nord/2,4", ",10"],
        ),
        ("SELECT recording_id FROM splits WHERE recording_id = 'a' OR recording_id NOT IN (SELECT NULL)", &["a"]),
        ("SELECT 3 >= ALL (SELECT x FROM (VALUES (1), (2)) t(x)), 3 >= ALL (SELECT 1 WHERE FALSE)", &["true,true"]),
        ("SELECT x FROM (VALUES (1), (1), (1)) t(x) EXCEPT ALL SELECT 1", &["1", "1"]),
        (
            "SELECT DATE '2020-03-01' + INTERVAL '36 hours', DATE '2020-03-01' + 1, DATE '2020-03-03' - DATE '2020-03-01'",
            &["2020-03-02T12:00:00,2020-03-02,2"],
        ),
        ("SELECT date_trunc('hour', start_utc) FROM recordings WHERE recording_id = 'a'", &["2020-03-01T05:00:00Z"]),
        ("SELECT start_utc AT TIME ZONE 'America/Toronto' FROM recordings WHERE recording_id = 'a'", &["2020-03-01T00:00:00"]),
        ("SELECT night(start_local) FROM recordings WHERE recording_id = 'a'", &["2020-02-29"]),
        (
            "SELECT COUNT(*) FROM (SELECT recording_id, unnest(list(score)) AS s FROM predictions GROUP BY recording_id) u JOIN splits USING (recording_id)",
            &["10"],
        ),
        (
            "SELECT recording_id, unnest(list(DISTINCT class)) AS c FROM predictions GROUP BY recording_id ORDER BY recording_id, c DESC LIMIT 3",
            &["a,TOAD", "a,FROG", "b,TOAD"],
        ),
        (
            "SELECT d, COUNT(*) OVER (ORDER BY d RANGE BETWEEN 3 PRECEDING AND CURRENT ROW) AS n \
             FROM (VALUES (DATE '2020-01-01'), (DATE '2020-01-04'), (DATE '2020-01-09')) t(d) ORDER BY d",
            &["2020-01-01,1", "2020-01-04,2", "2020-01-09,1"],
        ),
        (
            "SELECT COUNT(*) FROM predictions a RIGHT JOIN splits b ON a.recording_id = b.recording_id AND a.score > 0.8 WHERE a.recording_id IS NULL",
            &["2"],
        ),
        (
            "SELECT MIN(score) FILTER (WHERE score < 2), MIN(class) FILTER (WHERE recording_id = 'c' AND class = 'TOAD') FROM predictions",
            &["0.0,TOAD"],
        ),
        (
            "SELECT class FROM predictions p QUALIFY ROW_NUMBER() OVER (PARTITION BY p.class ORDER BY p.class DESC NULLS LAST) <= 2 ORDER BY class",
            &["FROG", "FROG", "TOAD", "TOAD"],
        ),
        (
            "SELECT score FROM predictions QUALIFY ROW_NUMBER() OVER (PARTITION BY class ORDER BY score DESC) <= 1 ORDER BY 1",
            &["0.85", "0.875"],
        ),
        ("SELECT k FROM (VALUES (1)) a(k) FULL JOIN (VALUES (2)) b(k) USING (k) ORDER BY k", &["1", "2"]),
    ]);
}

#[test]
fn the_first_rows_of_groups_are_those_of_a_sort() {
    let run = Run::small();
    // 97 groups, values that repeat, and some that are missing.
    let (rows, groups, values) = (300_000_i64, 97, 5_003);
    let value = |i: i64| (i % 11 != 0).then_some(i * 7_919 % values);
    let table = format!(
        "(SELECT value % {groups} AS g, CASE WHEN value % 11 <> 0 THEN value * 7919 % {values} END AS v FROM range({rows})) AS t"
    );
    for (order, nulls_first, descending) in [("v DESC", false, true), ("v", false, false), ("v DESC NULLS FIRST", true, true)] {
        let mut of_group: Vec<Vec<Option<i64>>> = vec![Vec::new(); groups as usize];
        (0..rows).for_each(|i| of_group[(i % groups) as usize].push(value(i)));
        let (mut first, mut tied) = ((0, 0), (0, 0));
        for values in &mut of_group {
            values.sort_by_key(|v| (v.is_none() != nulls_first, v.map(|v| if descending { -v } else { v })));
            let add = |sum: &mut (i64, i64), v: &Option<i64>| *sum = (sum.0 + 1, sum.1 + v.unwrap_or(0));
            values[..3].iter().for_each(|v| add(&mut first, v));
            values.iter().filter(|v| values[..3].contains(v)).for_each(|v| add(&mut tied, v));
        }
        for (function, (count, sum)) in [("ROW_NUMBER", first), ("RANK", tied)] {
            let sql = format!(
                "SELECT COUNT(*), COALESCE(SUM(v), 0), MAX(g) FROM (SELECT g, v FROM {table} \
                 QUALIFY {function}() OVER (PARTITION BY g ORDER BY {order}) <= 3) AS first"
            );
            assert_eq!(run.rows(&sql), [format!("{count},{sum},{}", groups - 1)], "{sql}");
            let plan = written(run.sql(&format!("EXPLAIN {sql}")).unwrap(), Format::Csv);
            assert!(plan.contains("Candidates: first=3"), "{plan}");
        }
    }
    let best = run.rows(&format!("SELECT SUM(g), SUM(best) FROM (SELECT g, MAX(v) AS best FROM {table} GROUP BY g) AS best"));
    for condition in ["n = 1", "1 = n", "n <= 1", "n < 2"] {
        let sql = format!(
            "SELECT SUM(g), SUM(v) FROM (SELECT g, v, ROW_NUMBER() OVER (PARTITION BY g ORDER BY v DESC) AS n FROM {table}) AS ranked \
             WHERE {condition}"
        );
        assert_eq!(run.rows(&sql), best, "{sql}");
        let plan = written(run.sql(&format!("EXPLAIN {sql}")).unwrap(), Format::Csv);
        assert!(plan.contains("Candidates: first=1"), "{plan}");
    }
    // What other functions see of the rows behind the first ones.
    let sql = "SELECT g, v, n, next FROM (SELECT g, v, ROW_NUMBER() OVER (PARTITION BY g ORDER BY v) AS n, \
               LEAD(v) OVER (PARTITION BY g ORDER BY v) AS next FROM (VALUES (1, 1), (1, 2), (1, 3), (2, 5)) AS t(g, v)) AS ranked \
               WHERE n <= 2 ORDER BY g, v";
    assert_eq!(run.rows(sql), ["1,1,1,2", "1,2,2,3", "2,5,1,"]);
}

#[test]
fn rows_that_repeat_the_row_before_count_once() {
    let run = Run::small();
    // Ten rows of each window, windows that come again at the end, and some without a name.
    let table = "(SELECT CASE WHEN value % 70 >= 10 THEN 'the name of window ' || (value % 250000 - value % 10) END AS w, value % 2 AS g FROM range(300000)) AS t";
    let named: HashSet<i64> = (0..300_000).filter(|i| i % 70 >= 10).map(|i| i % 250_000 - i % 10).collect();
    for (sql, wanted) in [
        (format!("SELECT COUNT(DISTINCT w) FROM {table}"), vec![named.len().to_string()]),
        (format!("SELECT COUNT(*) FROM (SELECT DISTINCT w FROM {table}) AS d"), vec![(named.len() + 1).to_string()]),
        (format!("SELECT COUNT(*) FROM (SELECT w FROM {table} GROUP BY w) AS d"), vec![(named.len() + 1).to_string()]),
        (
            format!("SELECT g, COUNT(DISTINCT w) FROM {table} GROUP BY g ORDER BY g"),
            vec![format!("0,{}", named.len()), format!("1,{}", named.len())],
        ),
    ] {
        assert_eq!(run.rows(&sql), wanted, "{sql}");
        let plan = written(run.sql(&format!("EXPLAIN {sql}")).unwrap(), Format::Csv);
        assert!(plan.contains("WithoutRepeats"), "{plan}");
    }
    // What counts each row sees all of them; lists and several sets of groups are left to the engine.
    for sql in [
        format!("SELECT w, COUNT(*) FROM {table} GROUP BY w"),
        format!("SELECT w FROM {table} GROUP BY ROLLUP (w)"),
        "SELECT DISTINCT [value % 2] AS l FROM range(10) AS t".to_owned(),
    ] {
        let plan = written(run.sql(&format!("EXPLAIN {sql}")).unwrap(), Format::Csv);
        assert!(!plan.contains("WithoutRepeats"), "{plan}");
    }
    assert_eq!(run.rows("SELECT DISTINCT [value % 2] AS l FROM range(10) AS t").len(), 2);
}

#[test]
fn means_of_neighbours_know_nothing_of_rows_that_left() {
    let run = Run::small();
    let table = "(VALUES ('a', 1, 1.0), ('a', 2, 1e300), ('a', 3, 'inf'::DOUBLE), ('a', 4, 2.0), ('a', 5, 4.0), ('a', 6, NULL), ('b', 1, 8.0)) AS t(g, i, v)";
    let over = "OVER (PARTITION BY g ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)";
    let explained = |sql: &str| written(run.sql(&format!("EXPLAIN {sql}")).unwrap(), Format::Csv);
    let sql =
        format!("SELECT g, i, AVG(v) {over} AS mean, SUM(v) {over} AS sum FROM {table} WHERE i > 2 OR g = 'b' ORDER BY g, i");
    assert_eq!(run.rows(&sql), ["a,3,inf,inf", "a,4,inf,inf", "a,5,3.0,6.0", "a,6,4.0,4.0", "b,1,8.0,8.0"]);
    assert!(explained(&sql).contains("Neighbours: "), "{}", explained(&sql));
    let sql =
        format!("SELECT i, SUM(v) {over} AS sum, COUNT(v) {over} AS n FROM {table} WHERE i IN (2, 4, 5) AND g = 'a' ORDER BY i");
    assert_eq!(run.rows(&sql), ["2,1e+300,1", "4,1e+300,2", "5,6.0,2"]);
    // Other frames, functions and partitions, and those with a condition, are the engine's.
    for (function, rows) in [
        ("SUM(v) OVER (PARTITION BY [g] ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)".to_owned(), ["2.0", "6.0", "4.0"]),
        (format!("AVG(v) FILTER (WHERE v < 4) {over}"), ["2.0", "2.0", "\"\""]),
        (format!("MAX(v) {over}"), ["2.0", "4.0", "4.0"]),
        ("SUM(v) OVER (PARTITION BY g ORDER BY i RANGE BETWEEN 1 PRECEDING AND CURRENT ROW)".to_owned(), ["2.0", "6.0", "4.0"]),
        (
            "AVG(i) OVER (PARTITION BY g ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)".to_owned(),
            ["4.0", "4.5", "5.0"],
        ),
    ] {
        let sql = format!("SELECT {function} AS f FROM {table} WHERE i > 3 ORDER BY i");
        assert_eq!(run.rows(&sql), rows, "{sql}");
        assert!(!explained(&sql).contains("Neighbours: "), "{}", explained(&sql));
    }
}

#[test]
fn computed_columns_are_called_by_their_text() {
    let run = Run::small();
    let answer =
        run.sql("SELECT site, MIN(score), MAX(score) AS best FROM predictions WHERE class = 'FROG' GROUP BY site").unwrap();
    assert_eq!(answer.columns(), ["site", "MIN(score)", "best"]);
    assert_eq!(written(answer, Format::Csv).lines().count(), 3);
}

#[test]
fn tables_are_shown_and_plans_explained() {
    let run = Run::small();
    assert!(run.rows("SHOW TABLES")[3].starts_with("predictions,predict,"), "{:?}", run.rows("SHOW TABLES"));
    assert_eq!(
        run.rows("DESCRIBE splits")[1],
        "group_id,utf8,,Group of the recording; all recordings of a group are in the same subset"
    );
    let columns = run.rows("DESCRIBE recordings");
    assert!(
        columns.iter().any(|c| c.starts_with("duration_s,f64,s,")) && columns[columns.len() - 1].starts_with("date,date32,,"),
        "{columns:?}"
    );
    let plan = written(run.sql("EXPLAIN SELECT score FROM predictions").unwrap(), Format::Csv);
    assert!(plan.contains("TableScan: predictions projection=[score]"), "{plan}");
}
