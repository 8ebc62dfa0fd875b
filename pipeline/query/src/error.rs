//! Errors of queries.

use std::path::PathBuf;

use chorus_engine::RunTablesError;

/// An error of a query. Each message says where the error is, what was found, what was expected, and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// A run, or a table of it, cannot be read.
    #[error(transparent)]
    Run(#[from] RunTablesError),
    /// The SQL engine cannot read from the path of a table.
    #[error("{}: the SQL engine cannot read from this path: {detail}; rename the folder of the run", .path.display())]
    Path {
        /// The folder of the table.
        path: PathBuf,
        /// The reason.
        detail: String,
    },
    /// No run has a table or view of this name.
    #[error("no table is called `{table}`{} There are: {known}", did_you_mean(.nearest.as_deref()))]
    UnknownTable {
        /// The name as given.
        table: String,
        /// A name like it.
        nearest: Option<String>,
        /// The tables that the run has.
        known: String,
    },
    /// No column has this name.
    #[error("no column is called `{column}`{} There are: {known}", did_you_mean(.nearest.as_deref()))]
    UnknownColumn {
        /// The name as given.
        column: String,
        /// A name like it.
        nearest: Option<String>,
        /// The columns at that place of the query.
        known: String,
    },
    /// A name in WITH is also the name of a table or view. The SQL engine would use the table without a warning.
    #[error("WITH defines `{name}`, but a table or a view of this run has the same name; choose another name in WITH")]
    Shadowed {
        /// The name.
        name: String,
    },
    /// The text is not valid SQL.
    #[error("the query is not valid SQL: {detail}")]
    Syntax {
        /// What the parser said.
        detail: String,
    },
    /// Another error, with its place in the query.
    #[error("{error}\n{place}")]
    Placed {
        /// The error.
        error: Box<QueryError>,
        /// The line of the query, and a second line that marks the place.
        place: String,
    },
    /// A parameter is missing, or its name or value is not valid.
    #[error("parameter `{found}` is not valid: expected {expected}")]
    Param {
        /// The parameter as given.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// The statement does something other than reading tables.
    #[error("{what} is refused: queries can only read the tables of runs; use SELECT or WITH")]
    Refused {
        /// The statement or function.
        what: String,
    },
    /// The SQL engine is known to answer this kind of query wrongly, without an error.
    #[error("refused, because the SQL engine would give a wrong answer: {what}; {instead}")]
    Misread {
        /// The part of the query that it gets wrong.
        what: String,
        /// What to write instead.
        instead: &'static str,
    },
    /// The SQL engine does not support this.
    #[error("the SQL engine does not support this: {detail}; {}", .hint.as_deref().unwrap_or(OTHER_WORDS))]
    Unsupported {
        /// What the engine said.
        detail: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// The query failed while it ran.
    #[error("the query failed: {detail}{}", .hint.as_deref().map(|h| format!("; {h}")).unwrap_or_default())]
    Failed {
        /// What the engine said.
        detail: String,
        /// What to do next.
        hint: Option<String>,
    },
    /// Two columns of an answer have the same name.
    #[error("two columns of the answer are called `{column}`; rename one with AS")]
    SameName {
        /// The name.
        column: String,
    },
    /// The SQL engine panicked.
    #[error("the SQL engine failed on this query: {detail}; write the query differently")]
    Panicked {
        /// The message of the panic.
        detail: String,
    },
    /// A file of a table is damaged, or another version of chorus wrote it.
    #[error(transparent)]
    Table(#[from] chorus_tables::TableError),
    /// No format has this name.
    #[error("no format is called `{name}`; expected one of: {known}")]
    UnknownFormat {
        /// The name as given.
        name: String,
        /// The names of all formats.
        known: String,
    },
    /// The answer cannot be written.
    #[error("the answer cannot be written: {0}")]
    Write(#[from] std::io::Error),
}

impl QueryError {
    /// Whether the user has to change the query or the command. Otherwise something is damaged.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Run(error) => error.is_usage(),
            Self::Placed { error, .. } => error.is_usage(),
            Self::Failed { .. } | Self::Path { .. } | Self::Panicked { .. } | Self::Table(_) | Self::Write(_) => false,
            _ => true,
        }
    }
}

/// The hint when no better one is known.
const OTHER_WORDS: &str = "try joins, WITH or window functions";

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(|| ".".to_owned(), |n| format!("; did you mean `{n}`?"))
}

/// The known name most similar to a misspelt one, if one is similar enough.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let distance = |k: &&str| strsim::damerau_levenshtein(&k.to_lowercase(), &name.to_lowercase());
    known.into_iter().min_by_key(distance).filter(|k| distance(k) <= 1 + name.len() / 4).map(str::to_owned)
}
