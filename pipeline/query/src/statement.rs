//! A statement before it runs: whether it only reads, which tables it names, and what its columns are called.

use std::ops::ControlFlow;

use sqlparser::ast::{self, Expr, Ident, ObjectName, SelectItem, SetExpr, Statement as Ast, TableFactor, Visit, Visitor};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserOptions};

use crate::QueryError;

/// A statement that may run.
#[derive(Debug, PartialEq)]
pub(crate) enum Statement {
    /// `SHOW TABLES`.
    ShowTables,
    /// A query, or `EXPLAIN` of one.
    Query(Query),
}

/// A query and the names in it, each once, in the order of their first use.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Query {
    /// The text, every column of the answer with a name.
    pub sql: String,
    /// What FROM, JOIN and TABLE name: tables of the run and names from WITH.
    pub relations: Vec<String>,
    /// What WITH defines.
    pub with: Vec<String>,
}

impl Statement {
    /// Reads one statement with polars' own dialect and options.
    ///
    /// # Errors
    /// [`QueryError::Syntax`], [`QueryError::Refused`].
    pub(crate) fn parse(sql: &str) -> Result<Self, QueryError> {
        let options = ParserOptions { trailing_commas: true, ..ParserOptions::default() };
        let parser = Parser::new(&GenericDialect).with_options(options);
        let mut statements = parser
            .try_with_sql(sql)
            .and_then(|mut p| p.parse_statements())
            .map_err(|e| QueryError::Syntax { detail: e.to_string() })?;
        let [statement] = statements.as_mut_slice() else {
            return Err(QueryError::Syntax { detail: format!("expected one statement, found {}", statements.len()) });
        };
        let mut query = Query::default();
        match statement {
            Ast::ShowTables { .. } => return Ok(Self::ShowTables),
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

/// Names the statement by its first word: its text can be long.
fn refused(statement: &Ast) -> QueryError {
    let text = statement.to_string();
    QueryError::Refused { what: text.split_whitespace().next().unwrap_or("this statement").to_owned() }
}

/// Calls computed columns of the answer by their text, `COUNT(*)` and `MAX(score)`, where AS gives them no name. polars would
/// call the first `len` and the second `score`, and so refuse `SELECT MIN(score), MAX(score)`.
fn name_columns(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => select.projection.iter_mut().for_each(name_column),
        SetExpr::SetOperation { left, right, .. } => {
            name_columns(left);
            name_columns(right);
        }
        SetExpr::Query(query) => name_columns(&mut query.body),
        _ => {}
    }
}

fn name_column(item: &mut SelectItem) {
    let SelectItem::UnnamedExpr(expr) = item else { return };
    let several = |f: &ast::Function| ["columns", "unnest"].contains(&f.name.to_string().to_lowercase().as_str());
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => {}
        Expr::Function(function) if several(function) => {}
        expr => {
            let alias = Ident::with_quote('"', expr.to_string());
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        }
    }
}

impl Query {
    fn read(&mut self, query: &mut ast::Query) -> Result<(), QueryError> {
        if let ControlFlow::Break(error) = query.visit(self) {
            return Err(*error);
        }
        name_columns(&mut query.body);
        Ok(())
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
        let parts: Vec<&str> = relation.0.iter().filter_map(|p| p.as_ident()).map(|i| i.value.as_str()).collect();
        self.relation(parts.join("."));
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(sql: &str) -> Query {
        match Statement::parse(sql).unwrap() {
            Statement::Query(query) => query,
            Statement::ShowTables => panic!("{sql}"),
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
        assert_eq!(query("TABLE a UNION ALL (TABLE b)").relations, ["a", "b"]);
        assert_eq!(query("EXPLAIN SELECT * FROM a;").relations, ["a"]);
        assert_eq!(query("SELECT 'FROM x' -- FROM y\n FROM a /* FROM z */").relations, ["a"]);
    }

    #[test]
    fn computed_columns_get_their_text_as_name() {
        for (sql, named) in [
            ("SELECT site, a.date, * FROM a", "SELECT site, a.date, * FROM a"),
            ("select count(*), MAX(x) AS m from a", "SELECT count(*) AS \"count(*)\", MAX(x) AS m FROM a"),
            ("SELECT \"a b\" || 'c' FROM a", "SELECT \"a b\" || 'c' AS \"\"\"a b\"\" || 'c'\" FROM a"),
            (
                "WITH w AS (SELECT 1 + 1 FROM a) (SELECT 1 + 1 FROM w) UNION SELECT x FROM a",
                "WITH w AS (SELECT 1 + 1 FROM a) (SELECT 1 + 1 AS \"1 + 1\" FROM w) UNION SELECT x FROM a",
            ),
            ("EXPLAIN SELECT -x FROM a", "EXPLAIN SELECT -x AS \"-x\" FROM a"),
            ("SELECT COLUMNS('x') FROM a", "SELECT COLUMNS('x') FROM a"),
        ] {
            assert_eq!(query(sql).sql, named);
        }
    }

    #[test]
    fn show_tables_is_known() {
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
            error("SELECT FROM WHERE"),
            "the query cannot be understood: sql parser error: Expected: an expression, found: EOF at Line: 1, Column: 18"
        );
        assert!(error("SELCT 1").contains("Line: 1, Column: 1"), "{}", error("SELCT 1"));
        assert_eq!(error(""), "the query cannot be understood: expected one statement, found 0");
        assert_eq!(error("SELECT 1; SELECT 2"), "the query cannot be understood: expected one statement, found 2");
        let nested = format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(error(&nested).contains("recursion limit"), "{}", error(&nested));
    }
}
