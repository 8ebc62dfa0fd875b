//! Checks of a statement before it runs: whether it only reads, and which tables it names.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use chorus_tables::PARTITIONS;
use sqlparser::ast::{self, ObjectName, SelectItem, SetExpr, Statement as Ast, TableFactor, Visit, Visitor};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserError, ParserOptions};

use crate::rewrite::rewrite;
use crate::{QueryError, pitfalls};

/// Maximum length of a query in bytes. Its syntax tree, which is as deep as its longest chain of operators, must fit the stack.
const LONGEST: usize = 256 << 10;

/// A statement that may run.
#[derive(Debug, PartialEq)]
pub(crate) enum Statement {
    /// `SHOW TABLES`.
    ShowTables,
    /// `DESCRIBE` of this table.
    Describe(String),
    /// A query, or `EXPLAIN` of one.
    Query(Query),
}

/// A query and the names in it, each once, in the order of their first use.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Query {
    /// The text, every column of the answer with a name.
    pub sql: String,
    /// The names in FROM, JOIN and TABLE: tables of the run and names from WITH.
    pub relations: Vec<String>,
    /// The names that WITH defines.
    pub with: Vec<String>,
    /// Whether it reads columns besides those of its filter. Then the filter's columns are read first, and the others only for
    /// rows that pass.
    pub filters_first: bool,
}

impl Statement {
    /// Reads one statement with polars' own dialect and options.
    ///
    /// # Errors
    /// [`QueryError::Syntax`], [`QueryError::Refused`], [`QueryError::Misread`].
    pub(crate) fn parse(sql: &str) -> Result<Self, QueryError> {
        if sql.len() > LONGEST {
            return Err(QueryError::Syntax { detail: format!("expected at most {LONGEST} bytes, found {}", sql.len()) });
        }
        let options = ParserOptions { trailing_commas: true, ..ParserOptions::default() };
        let parser = Parser::new(&GenericDialect).with_options(options);
        let mut statements = parser
            .try_with_sql(sql)
            .and_then(|mut p| p.parse_statements())
            .map_err(|e| QueryError::Syntax { detail: place(e) })?;
        let [statement] = statements.as_mut_slice() else {
            return Err(QueryError::Syntax { detail: format!("expected one statement, found {}", statements.len()) });
        };
        let mut query = Query::default();
        match statement {
            Ast::ShowTables { .. } => return Ok(Self::ShowTables),
            Ast::ExplainTable { table_name, .. } => return Ok(Self::Describe(plain(table_name))),
            Ast::Query(body) => query.read(body)?,
            Ast::Explain { statement, .. } => match &mut **statement {
                Ast::Query(body) => query.read(body)?,
                other => return Err(refused(other)),
            },
            other => return Err(refused(other)),
        }
        query.sql = statement.to_string();
        Ok(Self::Query(query))
    }
}

/// What the parser found, and where.
fn place(error: ParserError) -> String {
    match error {
        ParserError::TokenizerError(detail) | ParserError::ParserError(detail) => detail,
        ParserError::RecursionLimitExceeded => "the query is nested too deeply".into(),
    }
}

/// A name without its quotes.
fn plain(name: &ObjectName) -> String {
    let parts: Vec<&str> = name.0.iter().filter_map(|p| p.as_ident()).map(|i| i.value.as_str()).collect();
    parts.join(".")
}

/// Names the statement by its first word: its text can be long.
fn refused(statement: &Ast) -> QueryError {
    let text = statement.to_string();
    QueryError::Refused { what: text.split_whitespace().next().unwrap_or("this statement").to_owned() }
}

impl Query {
    fn read(&mut self, query: &mut ast::Query) -> Result<(), QueryError> {
        if let ControlFlow::Break(error) = query.visit(self) {
            return Err(*error);
        }
        self.filters_first = has_more_to_read(query);
        rewrite(query);
        pitfalls::refuse(query)
    }

    fn relation(&mut self, name: String) {
        if !self.relations.contains(&name) {
            self.relations.push(name);
        }
    }

    /// `TABLE name` stands in the tree as plain text, which the visitor does not report.
    fn table_commands(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Table(table) => self.relation(table.table_name.clone().unwrap_or_default()),
            SetExpr::SetOperation { left, right, .. } => {
                self.table_commands(left);
                self.table_commands(right);
            }
            _ => {}
        }
    }
}

/// Whether a query reads columns that its WHERE does not. False only for one SELECT from one table whose every column is in WHERE
/// or in the path.
fn has_more_to_read(query: &ast::Query) -> bool {
    let SetExpr::Select(select) = &*query.body else { return true };
    let (Some(filter), [from]) = (&select.selection, select.from.as_slice()) else { return true };
    let is_plain = query.with.is_none() && from.joins.is_empty() && matches!(from.relation, TableFactor::Table { .. });
    let stars = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
    if !is_plain || select.projection.iter().any(stars) {
        return true;
    }
    let (mut filtered, mut read) = (Columns::default(), Columns::default());
    let _ = (filter.visit(&mut filtered), query.visit(&mut read));
    // Those of ORDER BY and HAVING that name a column of the answer count as columns that are read: filtering first does no harm.
    read.0.iter().any(|name| !filtered.0.contains(name) && !PARTITIONS.contains(&name.as_str()))
}

/// The names of columns in an expression or a query.
#[derive(Default)]
struct Columns(BTreeSet<String>);

impl Visitor for Columns {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &ast::Expr) -> ControlFlow<()> {
        match expr {
            ast::Expr::Identifier(name) => drop(self.0.insert(name.value.clone())),
            ast::Expr::CompoundIdentifier(parts) => self.0.extend(parts.last().map(|name| name.value.clone())),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Visitor for Query {
    type Break = Box<QueryError>;

    fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<Self::Break> {
        self.with.extend(query.with.iter().flat_map(|w| &w.cte_tables).map(|c| c.alias.name.value.clone()));
        self.table_commands(&query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_statement(&mut self, statement: &Ast) -> ControlFlow<Self::Break> {
        // A query may hold others: `WITH x AS (…) DELETE …`.
        if matches!(statement, Ast::Query(_)) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(Box::new(refused(statement)))
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        // `read_parquet('…')` and its kin reach files outside of the run.
        match factor {
            TableFactor::Table { name, args: Some(_), .. } => {
                ControlFlow::Break(Box::new(QueryError::Refused { what: format!("the table function `{name}`") }))
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Self::Break> {
        self.relation(plain(relation));
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(sql: &str) -> Query {
        match Statement::parse(sql).unwrap() {
            Statement::Query(query) => query,
            other => panic!("{sql}: {other:?}"),
        }
    }

    fn error(sql: &str) -> String {
        Statement::parse(sql).unwrap_err().to_string()
    }

    #[test]
    fn names_are_found_wherever_they_stand() {
        let sql = "WITH w AS (SELECT * FROM a) SELECT * FROM w JOIN b USING (x) WHERE y IN (SELECT y FROM c) \
                   UNION ALL SELECT * FROM (SELECT * FROM \"D\" d2, a) t";
        assert_eq!(query(sql).relations, ["a", "w", "b", "c", "D"]);
        assert_eq!(query(sql).with, ["w"]);
        assert_eq!(query("SELECT * FROM a UNION ALL TABLE b").relations, ["b", "a"]);
        assert_eq!(query("EXPLAIN SELECT * FROM a;").relations, ["a"]);
        assert_eq!(query("SELECT 'FROM x' -- FROM y\n FROM a /* FROM z */").relations, ["a"]);
    }

    #[test]
    fn filtering_first_spares_nothing_where_all_columns_are_in_the_filter() {
        for (sql, first) in [
            (
                "SELECT date, COUNT(*) AS n, MAX(score) AS best FROM p WHERE site = 'A' AND class = 'X' AND score >= 0.9 GROUP BY date ORDER BY date",
                false,
            ),
            ("SELECT COUNT(*) FROM p WHERE p.score > 0.5", false),
            ("SELECT * FROM p WHERE score > 0.5", true),
            ("SELECT segment_id FROM p WHERE score > 0.5", true),
            ("SELECT score FROM p ORDER BY score DESC LIMIT 20", true),
            ("SELECT p.score FROM p JOIN q ON p.id = q.id WHERE p.score > 0.5 AND p.id > 3 AND q.id < 5", true),
            ("SELECT score FROM p WHERE score > 0.5 UNION ALL SELECT score FROM q", true),
        ] {
            assert_eq!(query(sql).filters_first, first, "{sql}");
        }
    }

    #[test]
    fn questions_about_tables_are_known() {
        assert_eq!(Statement::parse("DESCRIBE a").unwrap(), Statement::Describe("a".into()));
        assert_eq!(Statement::parse("desc \"A b\"").unwrap(), Statement::Describe("A b".into()));
        assert_eq!(Statement::parse("show tables;").unwrap(), Statement::ShowTables);
    }

    #[test]
    fn whatever_does_more_than_read_is_refused_by_name() {
        for (sql, what) in [
            ("CREATE TABLE x AS SELECT * FROM a", "CREATE is refused"),
            ("DROP TABLE a", "DROP is refused"),
            ("DELETE FROM a", "DELETE is refused"),
            ("INSERT INTO a VALUES (1)", "INSERT is refused"),
            ("INSERT INTO a SELECT * FROM b", "INSERT is refused"),
            ("UPDATE a SET x = 1", "UPDATE is refused"),
            ("TRUNCATE TABLE a", "TRUNCATE is refused"),
            ("COPY a TO 'a.csv'", "COPY is refused"),
            ("EXPLAIN DROP TABLE a", "DROP is refused"),
            ("WITH w AS (SELECT 1) DELETE FROM a", "DELETE is refused"),
            ("WITH w AS (SELECT 1) INSERT INTO a SELECT * FROM w", "INSERT is refused"),
            ("SELECT * FROM read_parquet('/etc/x.parquet')", "the table function `read_parquet` is refused"),
            ("SELECT * FROM a WHERE x IN (SELECT x FROM Read_CSV('x'))", "the table function `Read_CSV` is refused"),
            ("WITH read_parquet AS (SELECT 1) SELECT * FROM read_parquet('x')", "the table function `read_parquet` is refused"),
        ] {
            assert!(error(sql).starts_with(what), "{sql}: {}", error(sql));
        }
    }

    #[test]
    fn what_is_not_sql_is_told_with_its_place() {
        assert_eq!(
            error("SELECT x FRM a WHERE"),
            "the query is not valid SQL: Expected: end of statement, found: a at Line: 1, Column: 14"
        );
        assert!(error("SELCT 1").contains("Line: 1, Column: 1"), "{}", error("SELCT 1"));
        assert_eq!(error(""), "the query is not valid SQL: expected one statement, found 0");
        assert_eq!(error("SELECT 1; SELECT 2"), "the query is not valid SQL: expected one statement, found 2");
        let long = format!("SELECT {}", "1, ".repeat(LONGEST));
        assert!(error(&long).contains("expected at most 262144 bytes"), "{}", error(&long));
        let nested = format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(error(&nested).ends_with("the query is nested too deeply"), "{}", error(&nested));
    }
}
