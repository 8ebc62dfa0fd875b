//! Queries on two small tables, with the answers of DuckDB.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::{
    array::{Array, Date32Array, Float32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array},
    util::display::{ArrayFormatter, FormatOptions},
};
use datafusion::{
    execution::SessionStateBuilder,
    prelude::{SessionConfig, SessionContext},
    sql::{parser::Statement as DFStatement, sqlparser::ast::Statement, sqlparser::parser::Parser},
};

use super::*;

/// `t`: id, site, n, score, day, at, big. `u`: id, site, w. Both have nulls.
fn context() -> SessionContext {
    let config =
        SessionConfig::new().with_target_partitions(1).set_str("datafusion.sql_parser.default_null_ordering", "nulls_last");
    let mut state = SessionStateBuilder::new().with_config(config).with_default_features().build();
    for planner in planners() {
        datafusion::execution::FunctionRegistry::register_expr_planner(&mut state, planner).unwrap();
    }
    let context = SessionContext::new_with_state(state);
    crate::functions::register(&context);
    let day = 86_400_000_000_i64;
    let t = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as Arc<dyn Array>),
        ("site", Arc::new(StringArray::from(vec![Some("a"), Some("b"), Some("b"), None]))),
        ("n", Arc::new(Int64Array::from(vec![Some(7), Some(-7), None, Some(2)]))),
        ("score", Arc::new(Float32Array::from(vec![Some(0.1), Some(0.9), Some(2.5), None]))),
        ("day", Arc::new(Date32Array::from(vec![Some(18262), Some(18264), Some(18264), None]))),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![Some(18262 * day), Some(18263 * day + day / 2), None, None]))),
        ("big", Arc::new(UInt64Array::from(vec![1, 2, 3, 4]))),
    ]);
    let u = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![Some(1), Some(3), Some(5), None])) as Arc<dyn Array>),
        ("site", Arc::new(StringArray::from(vec![Some("a"), Some("c"), Some("c"), None]))),
        ("w", Arc::new(Int64Array::from(vec![Some(10), Some(20), None, Some(40)]))),
    ]);
    context.register_batch("t", t.unwrap()).unwrap();
    context.register_batch("u", u.unwrap()).unwrap();
    context
}

fn columns(table: &str) -> Option<Vec<String>> {
    let names: &[&str] = match table {
        "t" => &["id", "site", "n", "score", "day", "at", "big"],
        "u" => &["id", "site", "w"],
        _ => return None,
    };
    Some(names.iter().map(|&n| n.to_owned()).collect())
}

/// The rows of an answer, as `a|b;c|d`, or the error.
pub(super) fn answer(sql: &str) -> Result<String, String> {
    let statement = Parser::new(&Grammar).try_with_sql(sql).and_then(|mut p| p.parse_statement()).map_err(|e| e.to_string())?;
    let Statement::Query(mut query) = statement else { return Err("no query".to_owned()) };
    let context = context();
    let state = context.state();
    adapt(&mut query, &columns, &|name| state.aggregate_functions().contains_key(name)).map_err(|e| e.to_string())?;
    let shown = query.to_string();
    let run = async {
        let statement = DFStatement::Statement(Box::new(Statement::Query(query)));
        let plan = context.state().statement_to_plan(statement).await?;
        context.execute_logical_plan(plan).await?.collect().await
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let batches = runtime.block_on(run).map_err(|e| format!("{e} in {shown}"))?;
    let options = FormatOptions::default().with_null("-");
    let mut rows = Vec::new();
    for batch in &batches {
        let cells: Vec<_> = batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &options).unwrap()).collect();
        rows.extend((0..batch.num_rows()).map(|i| cells.iter().map(|c| c.value(i).to_string()).collect::<Vec<_>>().join("|")));
    }
    Ok(rows.join(";"))
}

pub(super) fn same(cases: &[(&str, &str)]) {
    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|&(sql, expected)| match answer(sql) {
            Ok(found) if found == expected => None,
            other => Some(format!("{sql}\n  expected {expected}\n  found    {other:?}")),
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn arithmetic() {
    same(&[
        ("SELECT 1 / 2, 1 / 0, -7 % 3, -7 // 2, 1 // 0, 1 % 0", "0.5|inf|-1|-3|-|-"),
        ("SELECT 2 ^ 3 ^ 2, -2 ^ 2, 2 ** 3, 5.5 // 2", "64.0|4.0|8.0|2.75"),
        ("SELECT big - 3 FROM t ORDER BY id", "-2;-1;0;1"),
        ("SELECT -big FROM t ORDER BY id LIMIT 1", "-1"),
        ("SELECT -n FROM t ORDER BY id", "-7;7;-;-2"),
        ("SELECT ROW_NUMBER() OVER (ORDER BY id) - 2 FROM t ORDER BY id", "-1;0;1;2"),
        ("SELECT SUM(n), SUM(big), AVG(n) FROM t", "2|10|0.6666666666666666"),
        ("SELECT n / id FROM t ORDER BY id", "7.0;-3.5;-;0.5"),
        ("SELECT SUM(n) / SUM(id) FROM t", "0.2"),
        ("SELECT id, SUM(n) OVER (ORDER BY id) FROM t ORDER BY id", "1|7;2|0;3|0;4|2"),
        ("SELECT site, SUM(COUNT(*)) OVER () FROM t GROUP BY site ORDER BY site", "a|4;b|4;-|4"),
        ("SELECT SUM(n > 0) FROM t", "2"),
        ("SELECT id FROM t ORDER BY (id - 2) / (id - 2) DESC, id", "2;1;3;4"),
        ("SELECT 0 / 0 = 0.0 / 0", "true"),
        ("SELECT SUM(score) > 3.4 FROM t", "true"),
    ]);
    for sql in [
        "SELECT 9223372036854775807 + id FROM t",
        "SELECT 9223372036854775807 * id FROM t",
        "SELECT SUM(9223372036854775807) FROM t",
        "SELECT -9223372036854775807 - id FROM t",
    ] {
        assert!(answer(sql).is_err(), "{sql}");
    }
}

#[test]
fn casts_and_comparisons() {
    same(&[
        ("SELECT CAST(score AS INTEGER) FROM t ORDER BY id", "0;1;2;-"),
        ("SELECT CAST(2.5 AS INT), (-0.6)::BIGINT, CAST('12' AS INT), TRY_CAST('x' AS INT), NULL::INT", "3|-1|12|-|-"),
        ("SELECT id FROM t WHERE score = 0.1", "1"),
        ("SELECT id FROM t WHERE score >= 0.9 ORDER BY id", "2;3"),
        ("SELECT id FROM t WHERE score BETWEEN 0.1 AND 0.9 ORDER BY id", "1;2"),
        ("SELECT id FROM t WHERE score NOT BETWEEN 0.1 AND 0.9 ORDER BY id", "3"),
        ("SELECT id FROM t WHERE score IN (0.1, 0.9) ORDER BY id", "1;2"),
        ("SELECT id FROM t WHERE score = -(-0.1) OR score = (SELECT 0.9) OR score = 1 + 1.5 ORDER BY id", "1;2;3"),
        ("SELECT id FROM t WHERE score = 0.9::DOUBLE OR score = 1.8 / 2", ""),
        ("SELECT id FROM t WHERE score IS NOT DISTINCT FROM 0.9", "2"),
        ("SELECT id FROM t WHERE score::DOUBLE = 0.9 OR 0.9::DOUBLE IS NOT DISTINCT FROM score", ""),
        ("SELECT id FROM t WHERE score = CASE WHEN id < 2 THEN 0.1 WHEN id > 2 THEN NULL ELSE 0.9 END ORDER BY id", "1;2"),
        ("SELECT id FROM t WHERE score = COALESCE(NULL, 0.9)", "2"),
        ("SELECT CASE score WHEN 0.1 THEN 'x' WHEN NULL THEN 'y' ELSE 'z' END FROM t ORDER BY id", "x;z;z;z"),
        ("SELECT id FROM t WHERE n IN ('07', '2') ORDER BY id", "1;4"),
        ("SELECT id, n IN (7, NULL), n NOT IN (7, 2) FROM t ORDER BY id", "1|true|false;2|-|true;3|-|-;4|-|false"),
        (
            "SELECT CONCAT(at, '/', score), CONCAT_WS('-', id, NULL, at) FROM t WHERE id = 1",
            "2020-01-01 00:00:00/0.1|1-2020-01-01 00:00:00",
        ),
        ("SELECT STRING_AGG(at, ', ' ORDER BY id) FROM t", "2020-01-01 00:00:00, 2020-01-02 12:00:00"),
        (
            "SELECT 1e20::VARCHAR, CAST(0.00001 AS VARCHAR), 100.0 || 'x', score::VARCHAR FROM t WHERE id = 1",
            "1e+20|0.00001|100.0x|0.1",
        ),
        ("SELECT id FROM t WHERE n = '7'", "1"),
        ("SELECT id FROM t WHERE day >= '2020-01-02' ORDER BY id", "2;3"),
        ("SELECT id FROM t WHERE '2020-01-02' <= day ORDER BY id", "2;3"),
        ("SELECT at::VARCHAR, at || 'x' FROM t ORDER BY id LIMIT 1", "2020-01-01 00:00:00|2020-01-01 00:00:00x"),
        ("SELECT id FROM t WHERE (id, site) IN ((1, 'a'), (2, 'x'))", "1"),
        (
            "SELECT site ~ 'a', 'abc' ~ 'b', 'abc' ~ 'a.*', 'abc' SIMILAR TO 'b', 'x' !~ 'x' FROM t WHERE id = 1",
            "true|false|true|false|false",
        ),
    ]);
    assert!(answer("SELECT id FROM t WHERE site > 5").unwrap_err().contains("cast"));
    assert!(answer("SELECT id FROM t WHERE n = 'x'").is_err());
}

#[test]
fn times() {
    same(&[
        (
            "SELECT day + INTERVAL '36 hours', day + 1, day - 1, 2 + day FROM t WHERE id = 1",
            "2020-01-02T12:00:00|2020-01-02|2019-12-31|2020-01-03",
        ),
        ("SELECT day - DATE '2019-12-31' FROM t ORDER BY id", "1;3;3;-"),
        ("SELECT day + INTERVAL 1 DAY FROM t WHERE id = 1", "2020-01-02T00:00:00"),
        ("SELECT DATE '2020-01-01' + id * INTERVAL '1 day' FROM t WHERE id = 3", "2020-01-04T00:00:00"),
        ("SELECT at + 2.5 * INTERVAL '1 hour' FROM t WHERE id = 1", "2020-01-01T02:30:00"),
        ("SELECT at - day > INTERVAL '11 hours', at - INTERVAL '1 hour' FROM t WHERE id = 2", "false|2020-01-02T11:00:00"),
        ("SELECT id FROM t WHERE at < '2020-01-02 12:01' AND at >= TIMESTAMP '2020-01-01 00:00' ORDER BY id", "1;2"),
        ("SELECT '2020-01-02 12:01'::TIMESTAMP", "2020-01-02T12:01:00"),
        (
            "SELECT id, COUNT(*) OVER (ORDER BY day RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW) FROM t ORDER BY id",
            "1|1;2|2;3|2;4|1",
        ),
        ("SELECT INTERVAL '36 hours' > INTERVAL '1 day', INTERVAL '30 days' = INTERVAL '1 month'", "true|true"),
        ("SELECT at AT TIME ZONE 'UTC' AT TIME ZONE 'America/Sao_Paulo' FROM t WHERE id = 1", "2019-12-31T21:00:00"),
        ("SELECT at AT TIME ZONE 'America/Sao_Paulo' FROM t WHERE id = 1", "2020-01-01T03:00:00Z"),
        ("SELECT EXTRACT(EPOCH FROM (at - day)), EXTRACT(EPOCH FROM day) FROM t WHERE id = 2", "-43200.0|1578009600.0"),
        ("SELECT EXTRACT(EPOCH FROM INTERVAL '1 day 0.5 seconds')", "86400.5"),
        (
            "SELECT EXTRACT(hour FROM at - TIMESTAMP '2019-12-31 07:15'), date_part('minute', at - TIMESTAMP '2019-12-31 07:15'), \
             date_part('day', at - TIMESTAMP '2019-12-31 07:15'), date_part('EPOCH', at - day) FROM t WHERE id = 2",
            "4|45|2|-43200.0",
        ),
        (
            "SELECT EXTRACT(epoch FROM INTERVAL '14 months'), EXTRACT(decade FROM day), date_part('century', at) FROM t WHERE id = 1",
            "36741600.0|202|21",
        ),
        ("SELECT EXTRACT(hour FROM INTERVAL '29 hours 70 minutes'), EXTRACT(hour FROM at) FROM t WHERE id = 2", "30|12"),
        (
            "SELECT (at - TIMESTAMP '2019-12-31 07:15')::VARCHAR, 'x' || (at - day), (at - at)::VARCHAR FROM t WHERE id = 2",
            "2 days 04:45:00|x-12:00:00|00:00:00",
        ),
        (
            "SELECT INTERVAL '14 months 3 days 4 hours 5 minutes 6.5 seconds'::VARCHAR, CAST(INTERVAL '-1 day' AS VARCHAR)",
            "1 year 2 months 3 days 04:05:06.5|-1 day",
        ),
        (
            "SELECT day + INTERVAL (id % 5) DAY, day - INTERVAL (0.5 + 1) SECOND FROM t WHERE id = 1",
            "2020-01-02T00:00:00|2019-12-31T23:59:58.500",
        ),
        (
            "SELECT day + INTERVAL (id + 0.6) DAY, day + INTERVAL '2' DAY FROM t WHERE id = 1",
            "2020-01-03T00:00:00|2020-01-03T00:00:00",
        ),
        ("SELECT id FROM t WHERE at IN ('2020-01-02 12:00', '2020-01-02 13:00')", "2"),
    ]);
}

#[test]
fn nulls_are_last() {
    same(&[
        ("SELECT id FROM t ORDER BY n", "2;4;1;3"),
        ("SELECT id FROM t ORDER BY n DESC", "1;4;2;3"),
        ("SELECT id FROM t ORDER BY n NULLS FIRST", "3;2;4;1"),
        ("SELECT id, ROW_NUMBER() OVER (ORDER BY n DESC) FROM t ORDER BY id", "1|1;2|3;3|4;4|2"),
        ("SELECT id, ROW_NUMBER() OVER w FROM t WINDOW w AS (ORDER BY n DESC) ORDER BY id", "1|1;2|3;3|4;4|2"),
        ("SELECT ARRAY_AGG(n ORDER BY n DESC) FROM t", "[7, 2, -7, -]"),
    ]);
}

#[test]
fn joins_merge_columns() {
    same(&[
        ("SELECT id, w FROM t FULL JOIN u USING (id) ORDER BY id", "1|10;2|-;3|20;4|-;5|-;-|40"),
        ("SELECT id FROM t RIGHT JOIN u USING (id) ORDER BY id", "1;3;5;-"),
        (
            "SELECT * FROM (SELECT id, n FROM t) AS z LEFT JOIN (SELECT id, w FROM u) AS a USING (id) ORDER BY id",
            "1|7|10;2|-7|-;3|-|20;4|2|-",
        ),
        (
            "SELECT * EXCLUDE (n) FROM (SELECT id, n FROM t) AS z FULL JOIN (SELECT id, w FROM u) AS a USING (id) ORDER BY id DESC",
            "5|-;4|-;3|20;2|-;1|10;-|40",
        ),
        ("SELECT id, COUNT(*) FROM t FULL JOIN u USING (id) GROUP BY id ORDER BY id", "1|1;2|1;3|1;4|1;5|1;-|1"),
        ("SELECT COUNT(*) FROM t NATURAL JOIN u", "1"),
        ("SELECT site, id, w FROM t NATURAL FULL JOIN u ORDER BY id, w", "a|1|10;b|2|-;c|3|20;b|3|-;-|4|-;c|5|-;-|-|40"),
        ("SELECT w FROM t FULL JOIN u USING (id) ORDER BY id + 0 DESC", "-;-;20;-;10;40"),
        ("SELECT t.id FROM t ANTI JOIN u USING (id) ORDER BY 1", "2;4"),
        ("SELECT id FROM t SEMI JOIN u USING (id) ORDER BY id", "1;3"),
        ("SELECT id, k FROM t NATURAL LEFT JOIN (SELECT id, COUNT(*) AS k FROM u GROUP BY id) ORDER BY id", "1|1;2|-;3|1;4|-"),
        ("SELECT id, x.w, y.w FROM t JOIN u x USING (id) JOIN u y USING (id) ORDER BY id", "1|10|10;3|20|20"),
    ]);
}

#[test]
fn subqueries_have_three_values() {
    same(&[
        ("SELECT id FROM t WHERE id >= ALL (SELECT id FROM t)", "4"),
        ("SELECT id FROM t WHERE id >= ALL (SELECT id FROM u)", ""),
        ("SELECT id FROM t WHERE id >= ALL (SELECT id FROM u WHERE id > 9) ORDER BY id", "1;2;3;4"),
        ("SELECT id FROM t WHERE id < ANY (SELECT id FROM u) ORDER BY id", "1;2;3;4"),
        ("SELECT id FROM t WHERE id > SOME (SELECT id FROM u WHERE id > 9)", ""),
        ("SELECT id, id > ALL (SELECT id FROM u) FROM t ORDER BY id", "1|false;2|false;3|false;4|false"),
        ("SELECT id, n > ALL (SELECT w - 20 FROM u) FROM t ORDER BY id", "1|false;2|false;3|-;4|false"),
        ("SELECT id, id + 5 > ALL (SELECT id FROM u) FROM t ORDER BY id", "1|-;2|-;3|-;4|-"),
        ("SELECT id FROM t WHERE id NOT IN (SELECT id FROM u)", ""),
        ("SELECT id FROM t WHERE t.site NOT IN (SELECT u.site FROM u WHERE u.site = t.site) ORDER BY id", "2;3;4"),
        ("SELECT id FROM t WHERE t.n NOT IN (SELECT u.w FROM u WHERE u.id = t.id AND u.site = t.site) ORDER BY id", "1;2;3;4"),
        ("SELECT id FROM t WHERE site = 'b' OR id NOT IN (SELECT id FROM u) ORDER BY id", "2;3"),
        ("SELECT id, id IN (SELECT id FROM u) FROM t ORDER BY id", "1|true;2|-;3|true;4|-"),
        ("SELECT id, n IN (SELECT id FROM u WHERE id > 9) FROM t ORDER BY id", "1|false;2|false;3|false;4|false"),
        ("SELECT id, n NOT IN (SELECT w FROM u WHERE w > 9) FROM t ORDER BY id", "1|true;2|true;3|-;4|true"),
        ("SELECT id, EXISTS (SELECT 1 FROM u WHERE u.id = t.id) FROM t ORDER BY id", "1|true;2|false;3|true;4|false"),
        ("SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id) OR n = 2 ORDER BY id", "1;3;4"),
        ("SELECT id, CASE WHEN id IN (SELECT id FROM u) THEN 'y' ELSE 'n' END FROM t ORDER BY id", "1|y;2|n;3|y;4|n"),
        ("SELECT id, (SELECT COUNT(*) FROM u WHERE u.id = t.id) FROM t ORDER BY id", "1|1;2|0;3|1;4|0"),
        ("SELECT id FROM t WHERE n = (SELECT MAX(n) FROM t AS x WHERE x.site = t.site) ORDER BY id", "1;2"),
        ("SELECT id FROM t WHERE id = 4 OR t.n + 3 IN (SELECT u.w FROM u WHERE u.id = t.id) ORDER BY id", "1;4"),
        ("SELECT id, (SELECT w FROM u WHERE u.site = t.site ORDER BY w DESC LIMIT 1) FROM t ORDER BY id", "1|10;2|-;3|-;4|-"),
        (
            "SELECT id, NOT EXISTS (SELECT * FROM u WHERE u.id = t.id LIMIT 1) AS x FROM t ORDER BY id",
            "1|false;2|true;3|false;4|true",
        ),
        ("SELECT site FROM t GROUP BY site HAVING COUNT(*) IN (SELECT 2) ORDER BY site", "b"),
        ("SELECT EXISTS (SELECT mad(n) FROM t WHERE n > 100), EXISTS (SELECT n FROM t WHERE n > 100)", "true|false"),
        ("SELECT id FROM t WHERE (id, site) IN (SELECT id, site FROM u) ORDER BY id", "1"),
        ("SELECT id FROM t WHERE (site, n) IN (SELECT site, MAX(n) FROM t GROUP BY site) AND id > 0 ORDER BY id", "1;2"),
    ]);
}

#[test]
fn sets_count_rows() {
    same(&[
        ("SELECT site FROM t EXCEPT ALL SELECT site FROM u ORDER BY site", "b;b"),
        ("SELECT site FROM u INTERSECT ALL SELECT site FROM u ORDER BY site", "a;c;c;-"),
        ("SELECT site FROM u EXCEPT ALL SELECT 'c' ORDER BY site", "a;c;-"),
        ("SELECT site FROM t EXCEPT SELECT site FROM u ORDER BY site", "b"),
        ("SELECT site FROM t INTERSECT SELECT site FROM u ORDER BY site", "a;-"),
        ("SELECT id, site FROM t UNION ALL BY NAME SELECT site, w FROM u ORDER BY ALL LIMIT 2", "1|a|-;2|b|-"),
        ("SELECT site FROM u UNION ALL BY NAME SELECT site, w FROM u ORDER BY ALL LIMIT 4", "a|10;a|-;c|20;c|-"),
    ]);
}

#[test]
fn shapes() {
    same(&[
        ("FROM u", "1|a|10;3|c|20;5|c|-;-|-|40"),
        ("FROM u SELECT id ORDER BY id LIMIT 1", "1"),
        ("SELECT site, site, COUNT(*), COUNT(*) FROM u GROUP BY site ORDER BY site", "a|a|1|1;c|c|2|2;-|-|1|1"),
        ("SELECT *, id FROM u ORDER BY id LIMIT 1", "1|a|10|1"),
        ("SELECT * FROM t JOIN u ON t.id = u.id JOIN u AS v ON v.id = t.id ORDER BY t.id LIMIT 0", ""),
        ("SELECT COUNT(*) FROM (SELECT * FROM u JOIN u AS v ON u.id = v.id)", "3"),
        ("SELECT site FROM (SELECT u.site, v.site FROM u JOIN u AS v ON u.id = v.id) ORDER BY site", "a;c;c"),
        ("SELECT id * 2 AS twice, twice + 1 FROM t WHERE twice > 4 ORDER BY twice", "6|7;8|9"),
        ("SELECT n AS id FROM t WHERE id = 1", "7"),
        ("SELECT site, COUNT(*) AS k, k * 2 FROM u GROUP BY ALL ORDER BY ALL", "a|1|2;c|2|4;-|1|2"),
        ("SELECT site || 'x' AS s, COUNT(*) FROM u GROUP BY ALL ORDER BY ALL DESC", "cx|2;ax|1;-|1"),
        ("SELECT site FROM t GROUP BY site HAVING COUNT(*) > 1", "b"),
        ("SELECT * EXCLUDE (id) FROM u ORDER BY w LIMIT 1", "a|10"),
        ("SELECT * REPLACE (w + 1 AS w) FROM u ORDER BY w LIMIT 1", "1|a|11"),
        ("SELECT * RENAME (w AS v) FROM u WHERE v = 10", "1|a|10"),
        ("SELECT DISTINCT ON (site) site, id FROM t ORDER BY site, id DESC", "a|1;b|3;-|4"),
        ("SELECT id FROM t QUALIFY ROW_NUMBER() OVER (PARTITION BY site ORDER BY id) = 1 ORDER BY id", "1;2;4"),
        ("SELECT id FROM t ORDER BY id DESC FETCH FIRST 2 ROWS ONLY", "4;3"),
        ("SELECT site, COUNT(*) FILTER (WHERE n > 0) FROM t GROUP BY site ORDER BY site", "a|1;b|0;-|1"),
        ("SELECT COUNT(DISTINCT (site, n)) FROM t", "4"),
        ("SELECT [1, 2, 3][1], [1, 2, 3][-1], [1, 2, 3][2:3]", "1|3|[2, 3]"),
        ("SELECT UNNEST([3, 1, 2]) AS k ORDER BY k", "1;2;3"),
        ("SELECT id, LAG(n) IGNORE NULLS OVER (ORDER BY id) FROM t ORDER BY id", "1|-;2|7;3|-7;4|-7"),
        (
            "SELECT id, COUNT(*) OVER (ORDER BY site GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t ORDER BY id",
            "1|1;2|3;3|3;4|3",
        ),
        ("SELECT id, SUM(id) OVER (ORDER BY id RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t ORDER BY id", "1|1;2|3;3|5;4|7"),
        ("SELECT site, COUNT(*) FROM u GROUP BY ROLLUP (site) ORDER BY site, 2", "a|1;c|2;-|1;-|4"),
        ("SELECT x.a FROM (VALUES (1), (2)) AS x(a) ORDER BY 1", "1;2"),
        ("WITH RECURSIVE r(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM r WHERE k < 3) SELECT k FROM r ORDER BY k", "1;2;3"),
        (
            "SELECT s.id, z.w FROM t AS s, LATERAL (SELECT w, u.id FROM u WHERE u.site = s.site ORDER BY w DESC LIMIT 1) AS z ORDER BY s.id",
            "1|10",
        ),
        (
            "SELECT s.id, z.w FROM t AS s LEFT JOIN LATERAL (SELECT w FROM u WHERE u.site = s.site ORDER BY w LIMIT 1) AS z ON TRUE ORDER BY s.id",
            "1|10;2|-;3|-;4|-",
        ),
        ("SELECT DISTINCT LOWER(site) FROM u ORDER BY LOWER(site) DESC", "c;a;-"),
        ("SELECT LOWER(site), COUNT(*) FROM u GROUP BY LOWER(site) ORDER BY COUNT(*) DESC, LOWER(site)", "c|2;a|1;-|1"),
        ("SELECT COUNT(*) FROM u ORDER BY COUNT(*)", "4"),
        ("SELECT NULLIF(score, 0.9), NULLIF(n, 7), NULLIF(site, NULL) FROM t ORDER BY id LIMIT 2", "0.1|-|a;-|-7|b"),
        ("SELECT u.w AS w, * FROM t JOIN u USING (id) ORDER BY id LIMIT 1", "10|1|a|7|0.1|2020-01-01|2020-01-01T00:00:00|1|a|10"),
        ("SELECT 1 AS site, u.site FROM t JOIN u USING (id) ORDER BY id", "1|a;1|c"),
        ("SELECT t.site AS site, u.site FROM t JOIN u USING (id) ORDER BY id", "a|a;b|c"),
        ("SELECT COUNT(pivot), (pivot + 1) FROM (SELECT 1 AS pivot, 2 AS asof, 3 AS sample) GROUP BY pivot", "1|2"),
        ("SELECT id FROM t ORDER BY -id LIMIT 1", "4"),
        ("SELECT site, COUNT(*) AS w FROM u GROUP BY site HAVING w = 2", "c|2"),
        ("SELECT site, COUNT(*) AS w FROM u GROUP BY site HAVING SUM(w) = 20 ORDER BY site", "c|2"),
        ("SELECT site_1 FROM (SELECT u.site, t.site FROM u JOIN t ON u.id = t.id) ORDER BY 1", "a;b"),
        ("SELECT w, w_1 FROM (SELECT t.*, u.w, u.w FROM u JOIN t ON u.id = t.id) ORDER BY 1", "10|10;20|20"),
        ("SELECT site_1, id_1 FROM (SELECT *, u.id FROM t JOIN u USING (id)) ORDER BY 1", "a|1;c|3"),
        ("SELECT id, w FROM (SELECT * FROM t SEMI JOIN u USING (id)) AS x JOIN u USING (id) ORDER BY id", "1|10;3|20"),
        ("SELECT site, SUM(w) FROM u GROUP BY site HAVING SUM(w) > 15 ORDER BY SUM(w) DESC", "-|40;c|20"),
        ("SELECT site ILIKE 'A', site LIKE NULL FROM t WHERE id = 1", "true|-"),
    ]);
}

#[test]
fn refusals_say_what_to_write() {
    for (sql, words) in [
        ("SELECT * FROM t AS x ASOF JOIN u ON t.id >= u.id", "ASOF JOIN is not known; join on all"),
        ("SELECT * FROM t asof left JOIN u ON t.id >= u.id", "QUALIFY"),
        ("SELECT * FROM t JOIN u", "ON or USING"),
        ("SELECT * FROM t AS x POSITIONAL JOIN u", "ROW_NUMBER"),
        ("SELECT * FROM t PIVOT (COUNT(id) FOR site IN ('a', 'b'))", "FILTER"),
        ("PIVOT t ON site USING COUNT(*)", "FILTER"),
        ("WITH p AS (UNPIVOT t ON id, n) SELECT * FROM p", "UNION ALL"),
        ("SELECT * FROM t TABLESAMPLE 10%", "RANDOM"),
        ("SELECT * FROM t USING SAMPLE 2", "RANDOM"),
        ("SELECT site, COUNT(*) IN (SELECT w FROM u) FROM t GROUP BY site", "WITH"),
        ("SELECT (SELECT w FROM u WHERE u.site = t.site) FROM t", "join"),
        ("SELECT (SELECT COUNT(*) FROM u WHERE u.id < t.id) FROM t", "GROUP BY"),
        ("SELECT EXISTS (SELECT 1 FROM u WHERE u.id < t.id) FROM t", "GROUP BY"),
        ("SELECT SUM(CASE WHEN id IN (SELECT id FROM u) THEN 1 END) FROM t", "WITH"),
        ("SELECT id IN (SELECT id FROM u) AS x, COUNT(*) FROM t GROUP BY 1", "group by this column"),
        ("SELECT id IN (SELECT id FROM u) AS x, COUNT(*) FROM t GROUP BY x", "group by this column"),
        ("SELECT id IN (SELECT id FROM u) AS x, COUNT(*) FROM t GROUP BY ALL", "group by this column"),
        ("SELECT COUNT(*) FROM t GROUP BY id IN (SELECT id FROM u)", "group by this column"),
        ("SELECT id FROM t WHERE (id, site) NOT IN (SELECT id, site FROM u)", "NOT EXISTS"),
        ("SELECT (id, site) IN (SELECT id, site FROM u) FROM t", "EXISTS"),
        ("SELECT id FROM t WHERE ROW_NUMBER() OVER (ORDER BY id) = 1", "QUALIFY"),
        ("SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS k FROM t WHERE k = 1", "QUALIFY"),
        ("SELECT id FROM t ORDER BY site COLLATE nocase", "LOWER"),
        ("SELECT id FROM t WHERE day = 2025-01-01", "'2025-01-01'"),
        ("SELECT id FROM t WHERE at > 20000", "'2025-01-01'"),
        ("SELECT id FROM t WHERE day IN (20178)", "'2025-01-01'"),
        ("SELECT EXTRACT(millisecond FROM at - day) FROM t", "epoch"),
        ("SELECT id FROM t WHERE day BETWEEN 20178 AND 20179", "'2025-01-01'"),
        ("SELECT id FROM t WHERE id IS DISTINCT FROM day", "'2025-01-01'"),
    ] {
        let found = answer(sql).unwrap_err();
        assert!(found.contains(words), "{sql}: {found}");
    }
}
