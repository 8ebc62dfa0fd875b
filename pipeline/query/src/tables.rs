//! The tables of runs, and queries over them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use chorus_engine::{RunTables, RunTablesError};
use chorus_tables::TableSchema;
use polars::prelude::{DataFrame, Engine, LazyFrame, UnionArgs, concat, lit};
use polars::sql::SQLContext;

use crate::error::nearest;
use crate::explain::explain;
use crate::guard::guard_deep;
use crate::names::{OWN_RUN, RUN};
use crate::params::{self, PARAMS, Param};
use crate::place::placed;
use crate::scan::{Named, scan};
use crate::statement::{Query, Statement};
use crate::{Answer, QueryError, VIEWS, View, describe};

/// The tables of one or several runs.
#[derive(Debug, Clone)]
pub struct Tables {
    runs: Vec<RunTables>,
    params: Vec<Param>,
}

/// What a name in a query means.
#[derive(Clone, Copy)]
enum Relation {
    Table(&'static TableSchema),
    View(&'static View),
    Params,
}

impl Tables {
    /// The tables of one run. Reads no file, and does not check whether tables are fresh.
    ///
    /// # Errors
    /// [`QueryError::Run`] when the folder is not that of a run.
    pub fn open(run: &Path) -> Result<Self, QueryError> {
        Ok(Self::of(vec![RunTables::open(run, |_| Vec::new())?]))
    }

    /// The tables of runs. With several runs, each table holds the rows of all runs and a column `run` with the name of the row's
    /// run. A run without a table adds no rows to it.
    pub fn of(runs: Vec<RunTables>) -> Self {
        Self { runs, params: Vec::new() }
    }

    /// The runs.
    pub fn runs(&self) -> &[RunTables] {
        &self.runs
    }

    /// The tables that a statement reads, directly or through views, each once.
    ///
    /// # Errors
    /// Those of [`Tables::sql`] for a statement that is not valid SQL, or that names an unknown table.
    pub fn reads(&self, sql: &str) -> Result<Vec<&'static str>, QueryError> {
        let read = || {
            let Statement::Query(query) = Statement::parse(sql)? else { return Ok(Vec::new()) };
            let mut tables = Vec::new();
            for name in &query.relations {
                match self.resolve(name, &query)? {
                    Some(Relation::Table(schema)) => tables.push(schema.name.as_str()),
                    Some(Relation::View(view)) => tables.extend(tables_of(view)?.iter().map(|schema| schema.name.as_str())),
                    Some(Relation::Params) | None => {}
                }
            }
            let mut seen = BTreeSet::new();
            tables.retain(|table| seen.insert(*table));
            Ok(tables)
        };
        guard_deep(read).map_err(|error| placed(error, sql))
    }

    /// Sets the values of the one-row table `params`.
    #[must_use]
    pub fn with_params(self, params: Vec<Param>) -> Self {
        Self { params, ..self }
    }

    /// Names of the existing tables, in the order in which a run makes them.
    pub fn names(&self) -> Vec<&'static str> {
        names(&self.present())
    }

    /// The tables that any run has.
    fn present(&self) -> Vec<&'static TableSchema> {
        let has = |t: &&TableSchema| self.runs.iter().any(|run| run.present().iter().any(|p| p.name == t.name));
        chorus_tables::all().iter().filter(has).collect()
    }

    /// Answers one SELECT (or WITH, `EXPLAIN SELECT`, `SHOW TABLES`, `DESCRIBE table`) in polars' dialect of SQL. Queries that
    /// polars is known to answer wrongly are refused.
    ///
    /// Only tables that the query names are opened, and only the columns and partitions that it needs. After their own columns,
    /// partitioned tables have `site` (text) and `date` (date; null where a recording's time is not known). With several runs,
    /// tables have a column `run`; a table's own column `run` is then called `own_run`. Views ([`VIEWS`]) and the one-row table
    /// `params` are used like tables. Rows have the order of ORDER BY, and no defined order without it.
    ///
    /// Differences between dialects: names are case-sensitive, and names that are keywords need double quotes (`"group"`). ORDER
    /// BY puts nulls last, and first with DESC. `/` of integers gives a fraction. ROUND rounds halves to the even digit. A
    /// running window counts rows of equal rank one by one. Computed columns without AS are named by their text, such as
    /// `COUNT(*)`.
    ///
    /// # Errors
    /// Every [`QueryError`] except those of [`Tables::open`] and of writing.
    pub fn sql(&self, sql: &str) -> Result<Answer, QueryError> {
        // polars' warnings are for its programmers, and would go to stderr.
        polars::error::set_warning_function(|_, _| ());
        let answer = guard_deep(|| {
            let params = Param::all(sql, &self.params)?;
            match Statement::parse(sql)? {
                Statement::ShowTables => Ok(describe::tables(&self.present())),
                Statement::Describe(name) => self.describe(&name, &params),
                Statement::Query(query) => self.run(&query, &params),
            }
        });
        answer.map(Answer::new).map_err(|error| placed(error, sql))
    }

    fn describe(&self, name: &str, params: &[Param]) -> Result<DataFrame, QueryError> {
        if let Relation::Table(schema) = self.relation(name)? {
            let made = self.present().iter().any(|t| t.name == name);
            return if made {
                Ok(describe::columns(schema, self.runs.len() > 1))
            } else {
                Err(self.runs[0].not_made(schema).into())
            };
        }
        let seen = RefCell::default();
        let mut frame = self.frame(self.relation(name)?, params, &seen, true)?;
        frame.collect_schema().map(|schema| describe::found(&schema)).map_err(|e| explain(&e, &seen.into_inner()))
    }

    fn run(&self, query: &Query, params: &[Param]) -> Result<DataFrame, QueryError> {
        let mut context = SQLContext::new();
        let seen = RefCell::default();
        for name in &query.relations {
            if let Some(relation) = self.resolve(name, query)? {
                context.register(name, self.frame(relation, params, &seen, query.filters_first)?);
            }
        }
        let answer = context.execute(&query.sql).and_then(|frame| frame.collect_with_engine(Engine::Streaming));
        answer.map(|result| result.unwrap_single()).map_err(|e| explain(&e, &seen.into_inner()))
    }

    /// What a name means; `None` when WITH defines it.
    fn resolve(&self, name: &str, query: &Query) -> Result<Option<Relation>, QueryError> {
        let in_with = query.with.iter().any(|w| w == name);
        let taken = self.names().contains(&name) || View::named(name).is_some() || name == PARAMS;
        match (taken, in_with) {
            (true, true) => Err(QueryError::Shadowed { name: name.to_owned() }),
            (false, true) => Ok(None),
            (_, false) => self.relation(name).map(Some),
        }
    }

    fn relation(&self, name: &str) -> Result<Relation, QueryError> {
        match chorus_tables::schema(name) {
            Ok(schema) => Ok(Relation::Table(schema)),
            Err(_) if name == PARAMS => Ok(Relation::Params),
            Err(_) => View::named(name).map(Relation::View).ok_or_else(|| self.no_such_table(name)),
        }
    }

    /// The rows of all runs. The tables that are read are added to `seen`.
    fn frame(
        &self,
        relation: Relation,
        params: &[Param],
        seen: &RefCell<Vec<Named>>,
        filters_first: bool,
    ) -> Result<LazyFrame, QueryError> {
        if matches!(relation, Relation::Params) {
            let none = QueryError::Param {
                found: PARAMS.into(),
                expected: "at least one value; give --param NAME=VALUE, or a line `-- param NAME = VALUE` in the query",
            };
            return if params.is_empty() { Err(none) } else { Ok(params::frame(params)) };
        }
        let mut frames = Vec::new();
        let mut missing = None;
        for run in &self.runs {
            match of_run(run, relation, seen, filters_first) {
                Ok(frame) if self.runs.len() == 1 => return Ok(frame),
                Ok(frame) => {
                    frames.push(frame.rename([RUN], [OWN_RUN], false).with_column(lit(run.name().to_owned()).alias(RUN)))
                }
                Err(error @ QueryError::Run(RunTablesError::NotMade { .. })) => missing = missing.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        if let (true, Some(error)) = (frames.is_empty(), missing) {
            return Err(error);
        }
        concat(frames, UnionArgs { maintain_order: true, ..UnionArgs::default() }).map_err(|e| explain(&e, &seen.borrow()))
    }

    fn no_such_table(&self, name: &str) -> QueryError {
        let known = self.names();
        let others = VIEWS.iter().map(|v| v.name).chain([PARAMS]).chain(chorus_tables::all().iter().map(|t| t.name.as_str()));
        // Tables that are not made yet are suggested too: the next error says how to make them.
        let nearest = nearest(name, known.iter().copied()).or_else(|| nearest(name, others));
        QueryError::UnknownTable { table: name.to_owned(), nearest, known: known.join(", ") }
    }
}

fn names(tables: &[&'static TableSchema]) -> Vec<&'static str> {
    tables.iter().map(|t| t.name.as_str()).collect()
}

/// The tables that a view reads.
fn tables_of(view: &View) -> Result<Vec<&'static TableSchema>, QueryError> {
    let Statement::Query(query) = Statement::parse(view.sql())? else { return Ok(Vec::new()) };
    let names = query.relations.iter().filter(|name| !query.with.contains(name));
    names.map(|name| Ok(chorus_tables::schema(name)?)).collect()
}

/// A table or a view of one run.
fn of_run(run: &RunTables, relation: Relation, seen: &RefCell<Vec<Named>>, filters_first: bool) -> Result<LazyFrame, QueryError> {
    match relation {
        Relation::Table(schema) => {
            let (frame, named) = scan(run, schema, filters_first)?;
            seen.borrow_mut().push(named);
            Ok(frame)
        }
        Relation::View(view) => {
            let Statement::Query(query) = Statement::parse(view.sql())? else { return Ok(LazyFrame::default()) };
            let mut context = SQLContext::new();
            for schema in tables_of(view)? {
                context.register(&schema.name, of_run(run, Relation::Table(schema), seen, true)?);
            }
            context.execute(&query.sql).map_err(|e| explain(&e, &seen.borrow()))
        }
        Relation::Params => Ok(LazyFrame::default()),
    }
}
