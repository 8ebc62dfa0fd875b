//! The tables of runs, and queries over them.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use chorus_tables::{PARTITIONS, TableSchema};
use polars::prelude::{DataFrame, Engine, LazyFrame, UnionArgs, concat, lit};
use polars::sql::SQLContext;

use crate::error::nearest;
use crate::explain::{Named, explain};
use crate::guard::guard_deep;
use crate::params::{self, PARAMS, Param};
use crate::place::placed;
use crate::scan::Folder;
use crate::statement::{Query, Statement};
use crate::{Answer, QueryError, VIEWS, View, describe};

/// The column that says of which run a row is, where there are several.
pub(crate) const RUN: &str = "run";
/// What a column of that name in a table itself is called then.
pub(crate) const OWN_RUN: &str = "own_run";

/// The tables that the folders of runs hold.
#[derive(Debug, Clone)]
pub struct Tables {
    runs: Vec<Run>,
    params: Vec<Param>,
}

/// One run.
#[derive(Debug, Clone)]
struct Run {
    /// What tells it from the others: the last part of its path, or as many of them as it takes.
    name: String,
    path: PathBuf,
    folder: PathBuf,
    present: Vec<&'static TableSchema>,
}

impl Run {
    fn open(run: &Path) -> Result<Self, QueryError> {
        // polars takes a relative path that begins with `s3:` or the like for an address.
        let folder = std::path::absolute(run.join("tables"))
            .map_err(|e| QueryError::Unlisted { path: run.to_owned(), detail: e.to_string() })?;
        if !folder.is_dir() {
            return Err(QueryError::NoRun { path: run.to_owned() });
        }
        let present = chorus_tables::all().iter().filter(|t| folder.join(&t.name).is_dir()).collect();
        Ok(Self { name: String::new(), path: run.to_owned(), folder, present })
    }

    /// The last so many parts of its path.
    fn tail(&self, parts: usize) -> String {
        let own = self.folder.parent().unwrap_or(&self.folder);
        let all: Vec<_> = own.iter().map(|part| part.to_string_lossy()).collect();
        all[all.len().saturating_sub(parts)..].join("/")
    }

    fn not_made(&self, schema: &TableSchema) -> QueryError {
        QueryError::NotMade {
            run: self.path.clone(),
            table: schema.name.clone(),
            command: schema.command(),
            known: names(&self.present).join(", "),
        }
    }
}

/// What a name in a query means.
#[derive(Clone, Copy)]
enum Relation {
    Table(&'static TableSchema),
    View(&'static View),
    Params,
}

impl Tables {
    /// Looks which tables a run has. Reads no file.
    ///
    /// # Errors
    /// [`QueryError::NoRun`] when the folder holds no `tables/`, [`QueryError::Unlisted`] when its path cannot be used.
    pub fn open(run: &Path) -> Result<Self, QueryError> {
        Ok(Self { runs: vec![Run::open(run)?], params: Vec::new() })
    }

    /// The same for several runs: every table holds the rows of all of them, and a column `run` that says whose they are. A run is called
    /// by the name of its folder, and by more of its path where that is another's name too. A run that lacks a table adds no rows to it.
    ///
    /// # Errors
    /// Those of [`Tables::open`]; [`QueryError::SameRun`].
    pub fn open_all(runs: &[PathBuf]) -> Result<Self, QueryError> {
        let mut runs = runs.iter().map(|run| Run::open(run)).collect::<Result<Vec<_>, _>>()?;
        let tails = |parts: usize| runs.iter().map(|run| run.tail(parts)).collect::<Vec<_>>();
        let longest = runs.iter().map(|run| run.folder.iter().count()).max().unwrap_or(0);
        let are_unique = |names: &Vec<String>| (1..names.len()).all(|i| !names[..i].contains(&names[i]));
        let Some(names) = (1..=longest).map(tails).find(are_unique) else {
            let twice = (1..runs.len()).find(|&i| runs[..i].iter().any(|run| run.folder == runs[i].folder)).unwrap_or(0);
            return Err(QueryError::SameRun { path: runs.swap_remove(twice).path });
        };
        for (run, name) in runs.iter_mut().zip(names) {
            run.name = name;
        }
        Ok(Self { runs, params: Vec::new() })
    }

    /// With these values in the one-row table `params`.
    #[must_use]
    pub fn with_params(self, params: Vec<Param>) -> Self {
        Self { params, ..self }
    }

    /// Names of the tables that are there, in the order in which a run makes them.
    pub fn names(&self) -> Vec<&'static str> {
        names(&self.present())
    }

    /// The tables that any run has.
    fn present(&self) -> Vec<&'static TableSchema> {
        let has = |t: &&TableSchema| self.runs.iter().any(|run| run.present.iter().any(|p| p.name == t.name));
        chorus_tables::all().iter().filter(has).collect()
    }

    /// Answers one SELECT (or WITH, `EXPLAIN SELECT`, `SHOW TABLES`, `DESCRIBE table`) in polars' dialect of SQL. What polars
    /// would answer wrongly is refused.
    ///
    /// Only tables that the query names are looked at, and of those only the columns and partitions that it needs. Partitioned
    /// tables have the columns `site` (text) and `date` (date, null where a recording's time is not known) after their own, and `run`
    /// where several runs are open (a column `run` of the table itself is then `own_run`). Views ([`VIEWS`]) and the one-row table `params` are named as tables are. The order of rows is that
    /// of ORDER BY and otherwise not defined.
    ///
    /// Where dialects differ: names are case-sensitive, and those like keywords want double quotes (`"group"`); ORDER BY puts
    /// nulls last, and first with DESC; `/` of integers gives a fraction; ROUND takes halves to the even digit; a running window
    /// counts rows of equal rank one by one. Computed columns without AS are called by their text, such as `COUNT(*)`.
    ///
    /// # Errors
    /// Every [`QueryError`] but those of [`Tables::open`] and of writing.
    pub fn sql(&self, sql: &str) -> Result<Answer, QueryError> {
        // Its warnings speak to programmers who use polars, and go to stderr.
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
            return if made { Ok(describe::columns(schema, self.runs.len() > 1)) } else { Err(self.runs[0].not_made(schema)) };
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

    /// The rows of all runs. `seen` learns which tables that are.
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
                expected: "values for it: --param NAME=VALUE, or lines `-- param NAME = VALUE` in the query",
            };
            return if params.is_empty() { Err(none) } else { Ok(params::frame(params)) };
        }
        let mut frames = Vec::new();
        let mut missing = None;
        for run in &self.runs {
            match of_run(run, relation, seen, filters_first) {
                Ok(frame) if self.runs.len() == 1 => return Ok(frame),
                Ok(frame) => frames.push(frame.rename([RUN], [OWN_RUN], false).with_column(lit(run.name.clone()).alias(RUN))),
                Err(error @ QueryError::NotMade { .. }) => missing = missing.or(Some(error)),
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
        // A name like one of a table that is still to be made is better than none: the next error then says how to make it.
        let nearest = nearest(name, known.iter().copied()).or_else(|| nearest(name, others));
        QueryError::UnknownTable { table: name.to_owned(), nearest, known: known.join(", ") }
    }
}

fn names(tables: &[&'static TableSchema]) -> Vec<&'static str> {
    tables.iter().map(|t| t.name.as_str()).collect()
}

/// A table or a view of one run.
fn of_run(run: &Run, relation: Relation, seen: &RefCell<Vec<Named>>, filters_first: bool) -> Result<LazyFrame, QueryError> {
    match relation {
        Relation::Table(schema) => {
            if !run.present.iter().any(|t| t.name == schema.name) {
                return Err(run.not_made(schema));
            }
            let folder = Folder::new(schema, &run.folder);
            let frame = folder.scan(filters_first)?.ok_or_else(|| run.not_made(schema))?;
            seen.borrow_mut().push((schema, folder));
            Ok(frame)
        }
        Relation::View(view) => {
            let Statement::Query(query) = Statement::parse(view.sql())? else { return Ok(LazyFrame::default()) };
            let mut context = SQLContext::new();
            for name in query.relations.iter().filter(|name| !query.with.contains(name)) {
                context.register(name, of_run(run, Relation::Table(chorus_tables::schema(name)?), seen, true)?);
            }
            context.execute(&query.sql).map_err(|e| explain(&e, &seen.borrow()))
        }
        Relation::Params => Ok(LazyFrame::default()),
    }
}

/// Every column that a query sees of a table.
pub(crate) fn columns(schema: &TableSchema) -> impl Iterator<Item = &str> {
    let partitions = if schema.partitioned { &PARTITIONS[..] } else { &[] };
    schema.columns.iter().map(|c| c.name.as_str()).chain(partitions.iter().copied())
}
