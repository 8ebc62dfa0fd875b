//! The tables of runs, and queries over them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use chorus_engine::{Partition, RunTables, RunTablesError, Scratch};
use chorus_tables::TableSchema;
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, Result as EngineResult};
use datafusion::datasource::{MemTable, ViewTable};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{ident, lit};
use futures::StreamExt;
use tokio::sync::mpsc::Sender;

use crate::error::nearest;
use crate::explain::explain;
use crate::limits::Limits;
use crate::names::{OWN_RUN, RUN};
use crate::params::{self, PARAMS, Param};
use crate::place::placed;
use crate::provider::RunTable;
use crate::reader::Files;
use crate::rows::Rows;
use crate::session::{Session, resources};
use crate::statement::{Explain, Query, Statement, named};
use crate::work::{Part, Work, on_large_stack};
use crate::{Answer, QueryError, VIEWS, View, describe};

/// The tables of one or several runs.
#[derive(Debug, Clone)]
pub struct Tables {
    runs: Vec<RunTables>,
    params: Vec<Param>,
    limits: Limits,
}

/// What a name in a query means.
#[derive(Clone, Copy)]
enum Relation {
    Table(&'static TableSchema),
    View(&'static View),
    Params,
}

/// What belongs to one query: its parameters, and the files that it may read.
struct Reading {
    params: Vec<Param>,
    resources: Arc<RuntimeEnv>,
    files: Arc<Files>,
    /// Where temporary files lie. It goes last, after all that may hold some.
    _scratch: Option<Scratch>,
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
        Self { runs, params: Vec::new(), limits: Limits::default() }
    }

    /// Sets the values of parameters: `$name` in a query, and the columns of the one-row table `params`.
    #[must_use]
    pub fn with_params(self, params: Vec<Param>) -> Self {
        Self { params, ..self }
    }

    /// Sets what a query may take.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The runs.
    pub fn runs(&self) -> &[RunTables] {
        &self.runs
    }

    /// Names of the existing tables, in the order in which a run makes them.
    pub fn names(&self) -> Vec<&'static str> {
        self.present().iter().map(|table| table.name.as_str()).collect()
    }

    /// The tables that any run has.
    fn present(&self) -> Vec<&'static TableSchema> {
        let has = |t: &&TableSchema| self.runs.iter().any(|run| run.present().iter().any(|p| p.name == t.name));
        chorus_tables::all().iter().filter(has).collect()
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
                match self.relation(name)? {
                    Relation::Table(schema) => tables.push(schema.name.as_str()),
                    Relation::View(view) => tables.extend(tables_of(view)?.iter().map(|schema| schema.name.as_str())),
                    Relation::Params => {}
                }
            }
            let mut seen = BTreeSet::new();
            tables.retain(|table| seen.insert(*table));
            Ok(tables)
        };
        on_large_stack(read).map_err(|error| placed(error, sql))
    }

    /// Answers one SELECT (or WITH, `EXPLAIN SELECT`, `SHOW TABLES`, `DESCRIBE table`) in the SQL of Apache DataFusion, with the
    /// functions and the ways of DuckDB where the two differ (docs/querying.md).
    ///
    /// Only tables that the query names are opened, and only the columns and partitions that it needs. After their own columns,
    /// partitioned tables have `site` (text) and `date` (date; null where a recording's time is not known). With several runs,
    /// tables have a column `run`; a table's own column `run` is then called `own_run`. Views ([`VIEWS`]) and the one-row table
    /// `params` are used like tables. Rows have the order of ORDER BY, and no defined order without it. The query runs on threads of
    /// its own while its rows are taken, and ends at its [`Limits`] or when the answer is dropped.
    ///
    /// # Errors
    /// Every [`QueryError`] except those of [`Tables::open`] and of writing. Errors while it runs come with the rows.
    pub fn sql(&self, sql: &str) -> Result<Answer, QueryError> {
        let parsed = on_large_stack(|| Ok((Param::all(sql, &self.params)?, Statement::parse(sql)?)));
        let (params, statement) = parsed.map_err(|error| placed(error, sql))?;
        match statement {
            Statement::ShowTables => Ok(Answer::new(Rows::of_batch(describe::tables(&self.present())))),
            Statement::Describe(name) => self.describe(&name, params).map_err(|error| placed(error, sql)),
            Statement::Query(query) => {
                let (tables, titles) = (self.clone(), query.titles.clone());
                let work = Work::start(self.limits.clone(), |parts| async move { tables.run(*query, params, parts).await })?;
                Rows::of(work, sql, |columns| named(&titles, columns)).map(Answer::new)
            }
        }
    }

    fn describe(&self, name: &str, params: Vec<Param>) -> Result<Answer, QueryError> {
        let relation = self.relation(name)?;
        if let Relation::Table(schema) = relation {
            let made = self.present().iter().any(|t| t.name == name);
            return match self.runs.first() {
                Some(run) if !made => Err(run.not_made(schema).into()),
                _ => Ok(Answer::new(Rows::of_batch(describe::columns(schema, self.runs.len() > 1)))),
            };
        }
        let tables = self.clone();
        let mut work = Work::start(self.limits.clone(), |parts| async move {
            let reading = tables.reading(params)?;
            let table = tables.table(relation, &reading).await?;
            let _ = parts.send(Part::Columns(table.schema())).await;
            Ok(())
        })?;
        match work.next()? {
            Some(Part::Columns(schema)) => Ok(Answer::new(Rows::of_batch(describe::found(&schema)))),
            _ => Err(QueryError::Failed { detail: format!("`{name}` has no columns"), hint: None }),
        }
    }

    /// Plans a query, runs it and sends its answer.
    async fn run(&self, query: Query, params: Vec<Param>, parts: Sender<Part>) -> Result<(), QueryError> {
        let Query { mut tree, explain: wanted, relations, .. } = query;
        params::fill_in(&mut tree, &params)?;
        let reading = self.reading(params)?;
        let mut session = Session::new(Arc::clone(&reading.resources));
        for name in &relations {
            let table = self.table(self.relation(name)?, &reading).await?;
            session.add(name, table).map_err(|e| explain(e, &reading.files, Vec::new))?;
        }
        let plan = session.plan(*tree).await?;
        let run = async {
            let frame = session.frame(plan?)?;
            let frame = match wanted {
                Some(Explain::Plan { analyze, verbose }) => frame.explain(verbose, analyze)?,
                Some(Explain::Columns) => session.rows(describe::found(frame.schema().as_arrow()))?,
                None => frame,
            };
            let context = Arc::new(frame.task_ctx());
            let plan = frame.create_physical_plan().await?;
            let _ = parts.send(Part::Columns(plan.schema())).await;
            let mut rows = execute_stream(plan, context)?;
            while let Some(batch) = rows.next().await {
                // Whoever wanted the answer may be gone.
                if parts.send(Part::Rows(batch?)).await.is_err() {
                    break;
                }
            }
            Ok::<(), DataFusionError>(())
        };
        run.await.map_err(|e| explain(e, &reading.files, || self.files(&relations)))
    }

    /// What a query needs besides its text.
    fn reading(&self, params: Vec<Param>) -> Result<Reading, QueryError> {
        // Temporary files lie beside the run's, where there is room for what a run holds, or else where the system has them: in a run of
        // somebody else, or where no lock could say that they are still needed.
        let is_writable = |run: &&RunTables| std::fs::metadata(run.path()).is_ok_and(|found| !found.permissions().readonly());
        let scratch = self.runs.first().filter(is_writable).and_then(|run| Scratch::claim(run.run_dir()).ok());
        let folder = scratch.as_ref().map(|scratch| scratch.path().to_owned());
        let files = Arc::new(Files::default());
        let resources = resources(&self.limits, folder).map_err(|e| explain(e, &files, Vec::new))?;
        Ok(Reading { params, resources, files, _scratch: scratch })
    }

    /// What a name means.
    fn relation(&self, name: &str) -> Result<Relation, QueryError> {
        match chorus_tables::schema(name) {
            Ok(schema) => Ok(Relation::Table(schema)),
            Err(_) if name == PARAMS => Ok(Relation::Params),
            Err(_) => View::named(name).map(Relation::View).ok_or_else(|| self.no_such_table(name)),
        }
    }

    /// The files of these relations in all runs, as far as they can be listed.
    fn files(&self, relations: &[String]) -> Vec<Partition> {
        let tables = |name: &String| match self.relation(name) {
            Ok(Relation::Table(schema)) => vec![schema],
            Ok(Relation::View(view)) => tables_of(view).unwrap_or_default(),
            Ok(Relation::Params) | Err(_) => Vec::new(),
        };
        let tables: Vec<&TableSchema> = relations.iter().flat_map(tables).collect();
        let of_run =
            |run: &RunTables| tables.iter().flat_map(|table| run.partitions(&table.name).unwrap_or_default()).collect::<Vec<_>>();
        self.runs.iter().flat_map(of_run).collect()
    }

    /// The rows of all runs.
    async fn table(&self, relation: Relation, reading: &Reading) -> Result<Arc<dyn TableProvider>, QueryError> {
        let explained = |error| explain(error, &reading.files, Vec::new);
        if let Relation::Params = relation {
            let rows = params::table(&reading.params)?;
            return Ok(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]]).map_err(explained)?));
        }
        let mut plans = Vec::new();
        let mut missing = None;
        for run in &self.runs {
            match of_run(run, relation, reading).await {
                Ok(table) if self.runs.len() == 1 => return Ok(table),
                Ok(table) => plans.push(with_run(table, run.name())),
                Err(error @ QueryError::Run(RunTablesError::NotMade { .. })) => missing = missing.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        match (plans.into_iter().reduce(|all, plan| union(all?, plan?)), missing) {
            (Some(plan), _) => Ok(Arc::new(ViewTable::new(plan.map_err(explained)?, None))),
            (None, missing) => Err(missing.unwrap_or_else(|| QueryError::Failed { detail: "no run is open".into(), hint: None })),
        }
    }

    fn no_such_table(&self, name: &str) -> QueryError {
        let known = self.names();
        let others = VIEWS.iter().map(|v| v.name).chain([PARAMS]).chain(chorus_tables::all().iter().map(|t| t.name.as_str()));
        // Tables that are not made yet are suggested too: the next error says how to make them.
        let nearest = nearest(name, known.iter().copied()).or_else(|| nearest(name, others));
        QueryError::UnknownTable { table: name.to_owned(), nearest, known: known.join(", ") }
    }
}

/// The tables that a view reads.
fn tables_of(view: &View) -> Result<Vec<&'static TableSchema>, QueryError> {
    let Statement::Query(query) = Statement::parse(view.sql())? else { return Ok(Vec::new()) };
    query.relations.iter().map(|name| Ok(chorus_tables::schema(name)?)).collect()
}

/// A table or a view of one run.
async fn of_run(run: &RunTables, relation: Relation, reading: &Reading) -> Result<Arc<dyn TableProvider>, QueryError> {
    let table = |schema: &TableSchema| -> Result<Arc<dyn TableProvider>, QueryError> {
        let files = run.partitions(&schema.name)?;
        if files.is_empty() {
            return Err(run.not_made(schema).into());
        }
        Ok(Arc::new(RunTable::new(files, Arc::clone(&reading.files))))
    };
    match relation {
        Relation::Table(schema) => table(schema),
        Relation::View(view) => {
            let mut session = Session::new(Arc::clone(&reading.resources));
            let explained = |error| explain(error, &reading.files, Vec::new);
            for schema in tables_of(view)? {
                let table = table(schema).map_err(|error| match error {
                    QueryError::Run(error) => QueryError::Run(error.of_view(view.name)),
                    other => other,
                })?;
                session.add(&schema.name, table).map_err(explained)?;
            }
            let Statement::Query(query) = Statement::parse(view.sql())? else {
                return Err(QueryError::Refused { what: format!("the view {}", view.name) });
            };
            let plan = session.plan(*query.tree).await?.map_err(explained)?;
            Ok(Arc::new(ViewTable::new(plan, None)))
        }
        Relation::Params => Err(QueryError::Refused { what: format!("the table {PARAMS}") }),
    }
}

/// A table's rows with the name of their run. A column `run` of the table itself is renamed.
fn with_run(table: Arc<dyn TableProvider>, run: &str) -> EngineResult<LogicalPlan> {
    let own = |name: &str| if name == RUN { ident(RUN).alias(OWN_RUN) } else { ident(name) };
    let columns: Vec<Expr> = table.schema().fields().iter().map(|field| own(field.name())).collect();
    let source = datafusion::datasource::provider_as_source(table);
    LogicalPlanBuilder::scan("of_run", source, None)?.project(columns.into_iter().chain([lit(run).alias(RUN)]))?.build()
}

fn union(all: LogicalPlan, plan: LogicalPlan) -> EngineResult<LogicalPlan> {
    LogicalPlanBuilder::from(all).union(plan)?.build()
}
