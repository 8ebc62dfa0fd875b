//! The tables of a run, and queries over them.

use std::path::{Path, PathBuf};

use chorus_tables::{PARTITIONS, TableSchema};
use polars::prelude::{DataFrame, Engine};
use polars::sql::SQLContext;

use crate::error::nearest;
use crate::explain::explain;
use crate::guard::guard_deep;
use crate::scan::Folder;
use crate::statement::{Query, Statement};
use crate::{Answer, QueryError, describe};

/// The tables that a run's folder holds.
#[derive(Debug, Clone)]
pub struct Tables {
    run: PathBuf,
    folder: PathBuf,
    present: Vec<&'static TableSchema>,
}

impl Tables {
    /// Looks which tables are there. Reads no file.
    ///
    /// # Errors
    /// [`QueryError::NoRun`] when the folder holds no `tables/`, [`QueryError::Unlisted`] when its path cannot be used.
    pub fn open(run: &Path) -> Result<Self, QueryError> {
        // polars takes a relative path that begins with `s3:` or the like for an address.
        let folder = std::path::absolute(run.join("tables"))
            .map_err(|e| QueryError::Unlisted { path: run.to_owned(), detail: e.to_string() })?;
        if !folder.is_dir() {
            return Err(QueryError::NoRun { path: run.to_owned() });
        }
        let present = chorus_tables::all().iter().filter(|t| folder.join(&t.name).is_dir()).collect();
        Ok(Self { run: run.to_owned(), folder, present })
    }

    /// Names of the tables that are there, in the order in which a run makes them.
    pub fn names(&self) -> Vec<&'static str> {
        self.present.iter().map(|t| t.name.as_str()).collect()
    }

    /// Answers one SELECT (or WITH, `EXPLAIN SELECT`, `SHOW TABLES`, `DESCRIBE table`) in polars' dialect of SQL. What polars
    /// would answer wrongly is refused.
    ///
    /// Only tables that the query names are looked at, and of those only the columns and partitions that it needs. Partitioned
    /// tables have the columns `site` (text) and `date` (date, null where a recording's time is not known) after their own. The
    /// order of rows is that of ORDER BY and otherwise not defined.
    ///
    /// Where dialects differ: names are case-sensitive, and those like keywords want double quotes (`"group"`); ORDER BY puts
    /// nulls last, and first with DESC; `/` of integers gives a fraction; ROUND takes halves to the even digit; a running window
    /// counts rows of equal rank one by one. Computed columns without AS are called by their text, such as `COUNT(*)`.
    ///
    /// # Errors
    /// Every [`QueryError`] but those of [`Tables::open`] and of writing.
    pub fn sql(&self, sql: &str) -> Result<Answer, QueryError> {
        let answer = guard_deep(|| match Statement::parse(sql)? {
            Statement::ShowTables => Ok(describe::tables(&self.present)),
            Statement::Describe(name) => match self.present.iter().find(|t| t.name == name) {
                Some(schema) => Ok(describe::columns(schema)),
                None => Err(self.no_such_table(&name)),
            },
            Statement::Query(query) => self.run(&query),
        });
        answer.map(Answer::new)
    }

    fn run(&self, query: &Query) -> Result<DataFrame, QueryError> {
        // Its warnings speak to programmers who use polars, and go to stderr.
        polars::error::set_warning_function(|_, _| ());
        let mut context = SQLContext::new();
        let mut tables = Vec::new();
        for name in &query.relations {
            if let Some(schema) = self.resolve(name, query)? {
                let folder = Folder::new(schema, &self.folder);
                context.register(name, folder.scan()?.ok_or_else(|| self.not_made(schema))?);
                tables.push((schema, folder));
            }
        }
        let answer = context.execute(&query.sql).and_then(|frame| frame.collect_with_engine(Engine::Streaming));
        answer.map(|result| result.unwrap_single()).map_err(|e| explain(&e, &tables))
    }

    /// The table that a name means; `None` when WITH defines it.
    fn resolve(&self, name: &str, query: &Query) -> Result<Option<&'static TableSchema>, QueryError> {
        let present = self.present.iter().find(|t| t.name == name);
        match (present, query.with.iter().any(|w| w == name)) {
            (Some(_), true) => Err(QueryError::Shadowed { name: name.to_owned() }),
            (Some(schema), false) => Ok(Some(schema)),
            (None, true) => Ok(None),
            (None, false) => Err(self.no_such_table(name)),
        }
    }

    fn no_such_table(&self, name: &str) -> QueryError {
        if let Ok(schema) = chorus_tables::schema(name) {
            return self.not_made(schema);
        }
        // A name like one of a table that is still to be made is better than none: the next error then says how to make it.
        let nearest = nearest(name, self.names()).or_else(|| nearest(name, chorus_tables::all().iter().map(|t| t.name.as_str())));
        QueryError::UnknownTable { table: name.to_owned(), nearest, known: self.names().join(", ") }
    }

    fn not_made(&self, schema: &TableSchema) -> QueryError {
        QueryError::NotMade {
            run: self.run.clone(),
            table: schema.name.clone(),
            command: schema.command(),
            known: self.names().join(", "),
        }
    }
}

/// Every column that a query sees of a table.
pub(crate) fn columns(schema: &TableSchema) -> impl Iterator<Item = &str> {
    let partitions = if schema.partitioned { &PARTITIONS[..] } else { &[] };
    schema.columns.iter().map(|c| c.name.as_str()).chain(partitions.iter().copied())
}
