//! The parsed statement: that it only reads, which tables it names, and what the columns of its answer are called.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    DescribeAlias, Expr, Ident, ObjectName, Query as Ast, SelectItem, SetExpr, Statement as AnyStatement, TableFactor, Visitor,
};
use datafusion::sql::sqlparser::parser::{Parser, ParserError, ParserOptions};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::QueryError;
use crate::dialect::Grammar;
use crate::walk::{Break, outcome, walk};

/// Maximum length of a query in bytes: its syntax tree, which is as deep as its longest chain of operators, must fit the stack.
const LONGEST: usize = 256 << 10;
/// Maximum depth of nested parentheses and subqueries.
const DEEPEST: usize = 200;

/// A statement that may run.
#[derive(Debug)]
pub(crate) enum Statement {
    /// `SHOW TABLES`.
    ShowTables,
    /// `DESCRIBE` of this table.
    Describe(String),
    /// A query, or `EXPLAIN` of one.
    Query(Box<Query>),
}

/// A query and the names in it, each once, in the order of their first use.
#[derive(Debug)]
pub(crate) struct Query {
    /// The tree. Names are in lower case, so that they are found without regard to case.
    pub tree: Box<Ast>,
    /// What is asked of it in place of its rows.
    pub explain: Option<Explain>,
    /// The tables that it names in FROM, JOIN and TABLE. A name that WITH defines is none where that holds.
    pub relations: Vec<String>,
    /// What the columns of the answer are called.
    pub titles: Vec<Title>,
}

/// What may be asked of a query in place of its rows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Explain {
    /// `EXPLAIN`: its plan; with `analyze` the query runs, and the plan has figures.
    Plan { analyze: bool, verbose: bool },
    /// `DESCRIBE`: its columns.
    Columns,
}

/// What a column of the answer is called.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Title {
    /// As in the query: its alias, its column, or the text of what is computed.
    Said(String),
    /// Any number of columns, each as in the table.
    Star,
}

impl Statement {
    /// Reads one statement.
    ///
    /// # Errors
    /// [`QueryError::Syntax`], [`QueryError::Refused`].
    pub(crate) fn parse(sql: &str) -> Result<Self, QueryError> {
        if sql.len() > LONGEST {
            return Err(QueryError::Syntax { detail: format!("expected at most {LONGEST} bytes, found {}", sql.len()) });
        }
        let syntax = |error: ParserError| QueryError::Syntax { detail: place(error) };
        let tokens = Tokenizer::new(&Grammar, sql).tokenize_with_location().map_err(|e| syntax(e.into()))?;
        let (tokens, quoted) = in_lower_case(tokens);
        let options = ParserOptions { trailing_commas: true, ..ParserOptions::default() };
        let mut parser =
            Parser::new(&Grammar).with_options(options).with_recursion_limit(DEEPEST).with_tokens_with_locations(tokens);
        let mut statements = parser.parse_statements().map_err(syntax)?;
        if statements.len() != 1 {
            return Err(QueryError::Syntax { detail: format!("expected one statement, found {}", statements.len()) });
        }
        let (tree, explain) = match statements.remove(0) {
            AnyStatement::ShowTables { show_options, .. } if show_options.filter_position.is_none() => {
                return Ok(Self::ShowTables);
            }
            AnyStatement::ShowTables { .. } => {
                let detail = "SHOW TABLES with a filter".to_owned();
                return Err(QueryError::Unsupported { detail, hint: Some("write SHOW TABLES".to_owned()) });
            }
            AnyStatement::ExplainTable { table_name, .. } => return Ok(Self::Describe(plain(&table_name))),
            AnyStatement::Query(tree) => (tree, None),
            AnyStatement::Explain { statement, analyze, verbose, describe_alias, .. } => match *statement {
                AnyStatement::Query(tree) if describe_alias == DescribeAlias::Explain => {
                    (tree, Some(Explain::Plan { analyze, verbose }))
                }
                AnyStatement::Query(tree) => (tree, Some(Explain::Columns)),
                other => return Err(refused(&other)),
            },
            other => return Err(refused(&other)),
        };
        let mut names = Names::default();
        outcome(walk(&*tree, &mut names))?;
        let titles = if explain.is_some() { vec![Title::Star] } else { titles(&tree.body, &quoted) };
        Ok(Self::Query(Box::new(Query { tree, explain, relations: names.relations, titles })))
    }
}

/// Names in quotes become lower case, as the engine does it with all others. Gives those that had other letters, by their place.
fn in_lower_case(mut tokens: Vec<TokenWithSpan>) -> (Vec<TokenWithSpan>, HashMap<Location, String>) {
    let mut quoted = HashMap::new();
    for token in &mut tokens {
        if let Token::Word(word) = &mut token.token
            && word.quote_style.is_some()
            && word.value.chars().any(char::is_uppercase)
        {
            let lower = word.value.to_lowercase();
            quoted.insert(token.span.start, std::mem::replace(&mut word.value, lower));
        }
    }
    (tokens, quoted)
}

/// What the parser found, and where.
fn place(error: ParserError) -> String {
    match error {
        ParserError::TokenizerError(detail) | ParserError::ParserError(detail) => detail,
        ParserError::RecursionLimitExceeded => "the query is nested too deeply".into(),
    }
}

/// A name without its quotes, in lower case.
fn plain(name: &ObjectName) -> String {
    let parts: Vec<String> = name.0.iter().filter_map(|p| p.as_ident()).map(|i| i.value.to_lowercase()).collect();
    parts.join(".")
}

/// Names the statement by its first word: its text can be long.
fn refused(statement: &AnyStatement) -> QueryError {
    let text = statement.to_string();
    QueryError::Refused { what: text.split_whitespace().next().unwrap_or("this statement").to_owned() }
}

/// What the columns of the first SELECT of a query are called: those of its answer.
fn titles(body: &SetExpr, quoted: &HashMap<Location, String>) -> Vec<Title> {
    let said = |name: &Ident| Title::Said(quoted.get(&name.span.start).unwrap_or(&name.value).clone());
    match body {
        SetExpr::Select(select) if !select.projection.is_empty() => {
            let title = |item: &SelectItem| match item {
                SelectItem::ExprWithAlias { alias, .. } => said(alias),
                SelectItem::UnnamedExpr(Expr::Identifier(column)) => Title::Said(column.value.to_lowercase()),
                SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
                    Title::Said(parts.last().map(|column| column.value.to_lowercase()).unwrap_or_default())
                }
                SelectItem::UnnamedExpr(expr) => Title::Said(expr.to_string()),
                _ => Title::Star,
            };
            select.projection.iter().map(title).collect()
        }
        SetExpr::Query(query) => titles(&query.body, quoted),
        SetExpr::SetOperation { left, .. } => titles(left, quoted),
        _ => vec![Title::Star],
    }
}

/// The names of an answer's columns, given those of the engine. A star stands for as many as the others leave over.
pub(crate) fn named(titles: &[Title], columns: &[String]) -> Vec<String> {
    let mut names = columns.to_vec();
    let put = |name: &mut String, title: &Title| {
        if let Title::Said(said) = title {
            name.clone_from(said);
        }
    };
    let first_star = titles.iter().position(|title| *title == Title::Star);
    if first_star.is_none() && titles.len() != columns.len() {
        return names;
    }
    let before = &titles[..first_star.unwrap_or(titles.len())];
    names.iter_mut().zip(before).for_each(|(name, title)| put(name, title));
    if first_star.is_some() {
        let after = titles.iter().rev().take_while(|title| **title != Title::Star);
        names.iter_mut().rev().zip(after).for_each(|(name, title)| put(name, title));
    }
    names
}

/// The names of tables, and the refusal of what does more than read.
#[derive(Default)]
struct Names {
    relations: Vec<String>,
    /// The names that WITH defines at this place.
    with: Vec<String>,
    /// How many names were defined outside of each open query.
    outside: Vec<usize>,
    /// The queries of WITH that were visited already, each with the names that it may use.
    done: HashSet<*const Ast>,
    /// The query among these that is passed over now.
    passed: Option<*const Ast>,
}

impl Names {
    fn relation(&mut self, name: String) {
        if self.passed.is_none() && !self.with.contains(&name) && !self.relations.contains(&name) {
            self.relations.push(name);
        }
    }

    /// `TABLE name` stands in the tree as plain text, which the visitor does not report.
    fn table_commands(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Table(table) => self.relation(table.table_name.clone().unwrap_or_default().to_lowercase()),
            SetExpr::SetOperation { left, right, .. } => {
                self.table_commands(left);
                self.table_commands(right);
            }
            _ => {}
        }
    }
}

impl Visitor for Names {
    type Break = Break;

    fn pre_visit_query(&mut self, query: &Ast) -> ControlFlow<Break> {
        if self.passed.is_some() {
            return ControlFlow::Continue(());
        }
        if self.done.contains(&std::ptr::from_ref(query)) {
            self.passed = Some(query);
            return ControlFlow::Continue(());
        }
        self.outside.push(self.with.len());
        for with in query.with.iter() {
            for defined in &with.cte_tables {
                let name = defined.alias.name.value.to_lowercase();
                // Without RECURSIVE, a query may read a table of the name that it defines.
                self.with.extend(with.recursive.then(|| name.clone()));
                walk(&*defined.query, self)?;
                self.done.insert(std::ptr::from_ref(&*defined.query));
                self.with.push(name);
            }
        }
        self.table_commands(&query.body);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Ast) -> ControlFlow<Break> {
        match self.passed {
            Some(passed) if std::ptr::eq(passed, query) => self.passed = None,
            Some(_) => {}
            None => self.with.truncate(self.outside.pop().unwrap_or_default()),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_statement(&mut self, statement: &AnyStatement) -> ControlFlow<Break> {
        // A query may hold others: `WITH x AS (…) DELETE …`.
        match statement {
            AnyStatement::Query(_) => ControlFlow::Continue(()),
            other => ControlFlow::Break(Some(Box::new(refused(other)))),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Break> {
        // `read_parquet('…')` and its kin reach files outside of the run.
        match factor {
            TableFactor::Table { name, args: Some(_), .. } if !GENERATORS.contains(&plain(name).as_str()) => {
                ControlFlow::Break(Some(Box::new(QueryError::Refused { what: format!("the table function `{name}`") })))
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Break> {
        let name = plain(relation);
        if !GENERATORS.contains(&name.as_str()) {
            self.relation(name);
        }
        ControlFlow::Continue(())
    }
}

/// Table functions that read nothing. `unnest` is one of the parser's own.
const GENERATORS: [&str; 2] = ["generate_series", "range"];

#[cfg(test)]
mod tests {
    use super::*;

    fn query(sql: &str) -> Query {
        match Statement::parse(sql).unwrap() {
            Statement::Query(query) => *query,
            other => panic!("{sql}: {other:?}"),
        }
    }

    fn error(sql: &str) -> String {
        Statement::parse(sql).unwrap_err().to_string()
    }

    #[test]
    fn names_are_found_wherever_they_stand() {
        let sql = "WITH w AS (SELECT * FROM a) SELECT * FROM w JOIN B USING (x) WHERE y IN (SELECT y FROM c) \
                   UNION ALL SELECT * FROM (SELECT * FROM \"D\" d2, a) t";
        assert_eq!(query(sql).relations, ["a", "b", "c", "d"]);
        assert_eq!(query("SELECT * FROM a UNION ALL TABLE b").relations, ["b", "a"]);
        assert_eq!(query("EXPLAIN SELECT * FROM a;").relations, ["a"]);
        assert_eq!(query("SELECT 'FROM x' -- FROM y\n FROM a /* FROM z */").relations, ["a"]);
        assert!(query("SELECT * FROM range(3)").relations.is_empty());
    }

    #[test]
    fn a_name_of_with_is_no_table_where_it_holds() {
        for (sql, relations) in [
            ("WITH a AS (SELECT 1) SELECT * FROM a", &[][..]),
            ("WITH a AS (SELECT * FROM a) SELECT * FROM a", &["a"]),
            ("WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT * FROM a) SELECT * FROM a", &[]),
            ("WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM a, b", &["b"]),
            ("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) x, a", &["a"]),
            ("WITH a AS (WITH b AS (SELECT * FROM c) SELECT * FROM b) SELECT * FROM a WHERE x IN (SELECT x FROM b)", &["c", "b"]),
            ("WITH a AS (SELECT 1) SELECT (SELECT MAX(x) FROM a) FROM (SELECT * FROM a) t", &[]),
        ] {
            assert_eq!(query(sql).relations, relations, "{sql}");
        }
    }

    #[test]
    fn columns_are_called_as_the_query_says() {
        let names = |sql: &str, columns: &[&str]| {
            named(&query(sql).titles, &columns.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(names("SELECT Site, COUNT(*), MAX(x) AS Best FROM a", &["site", "c", "m"]), ["site", "COUNT(*)", "Best"]);
        assert_eq!(names("SELECT 1 AS \"Ein S\"", &["ein s"]), ["Ein S"]);
        assert_eq!(names("SELECT 1 AS A, *, 2 AS B FROM t", &["a", "x", "y", "b"]), ["A", "x", "y", "B"]);
        assert_eq!(names("SELECT 1 AS A UNION ALL SELECT 2 AS c", &["a"]), ["A"]);
        assert_eq!(names("(SELECT 1 AS A)", &["a"]), ["A"]);
        assert_eq!(names("VALUES (1, 2)", &["column1", "column2"]), ["column1", "column2"]);
    }

    #[test]
    fn questions_about_tables_are_known() {
        assert!(matches!(Statement::parse("DESCRIBE a").unwrap(), Statement::Describe(name) if name == "a"));
        assert!(matches!(Statement::parse("desc \"A b\"").unwrap(), Statement::Describe(name) if name == "a b"));
        assert!(matches!(Statement::parse("show tables;").unwrap(), Statement::ShowTables));
        assert!(error("SHOW TABLES LIKE 'd%'").contains("SHOW TABLES with a filter"), "{}", error("SHOW TABLES LIKE 'd%'"));
        assert!(matches!(query("DESCRIBE SELECT 1").explain, Some(Explain::Columns)));
        assert!(matches!(query("EXPLAIN ANALYZE SELECT 1").explain, Some(Explain::Plan { analyze: true, .. })));
    }

    #[test]
    fn whatever_does_more_than_read_is_refused_by_name() {
        for (sql, what) in [
            ("CREATE TABLE x AS SELECT * FROM a", "CREATE is refused"),
            ("CREATE EXTERNAL TABLE x STORED AS PARQUET LOCATION '/etc'", "CREATE is refused"),
            ("DROP TABLE a", "DROP is refused"),
            ("DELETE FROM a", "DELETE is refused"),
            ("INSERT INTO a VALUES (1)", "INSERT is refused"),
            ("INSERT INTO a SELECT * FROM b", "INSERT is refused"),
            ("UPDATE a SET x = 1", "UPDATE is refused"),
            ("TRUNCATE TABLE a", "TRUNCATE is refused"),
            ("COPY a TO 'a.csv'", "COPY is refused"),
            ("SET datafusion.execution.batch_size = 1", "SET is refused"),
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
