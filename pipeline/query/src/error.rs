//! Errors of queries.

use chorus_engine::RunTablesError;

/// An error of a query. Each message says where the error is, what was found, what was expected, and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// A run, or a table of it, cannot be read.
    #[error(transparent)]
    Run(#[from] RunTablesError),
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
    #[error("no column is called `{column}`{} There are: {known}{}", did_you_mean(.nearest.as_deref()), as_text(.text.as_deref()))]
    UnknownColumn {
        /// The name as given.
        column: String,
        /// What stands in the query, where it may be meant as a text.
        text: Option<String>,
        /// A name like it.
        nearest: Option<String>,
        /// The columns at that place of the query.
        known: String,
    },
    /// No table of the query has this name.
    #[error("no table of the query is called `{table}`. There are: {known}")]
    UnknownQualifier {
        /// The name as given.
        table: String,
        /// The names that the tables have in the query.
        known: String,
    },
    /// A value cannot be converted, or a result does not fit its type.
    #[error("a value does not fit: {detail}; check the types with DESCRIBE, or use TRY_CAST")]
    Value {
        /// What the engine said.
        detail: String,
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
    /// The query is SQL, but does not fit the tables or the functions.
    #[error("the query is not valid: {detail}")]
    Invalid {
        /// What the engine said.
        detail: String,
    },
    /// Several tables of the query have a column of this name.
    #[error("several tables of the query have a column `{column}`; write the table's name and a dot before it")]
    Ambiguous {
        /// The name.
        column: String,
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
    /// The query was ended from outside.
    #[error("the query was stopped")]
    Stopped,
    /// The query took too long.
    #[error("the query was ended after {seconds} s; allow more time with --timeout, or read fewer rows")]
    TimedOut {
        /// The limit.
        seconds: u64,
    },
    /// The query took too much memory.
    #[error(
        "the query was ended because it needs much more than {megabytes} MB of memory; allow more with --memory, or read fewer rows"
    )]
    OutOfMemory {
        /// The limit.
        megabytes: u64,
    },
    /// No size of memory.
    #[error("found `{found}`, expected a size of at least 16 MB with a unit, such as 4GB or 500MB")]
    Memory {
        /// The text as given.
        found: String,
    },
    /// Two columns of an answer have the same name.
    #[error("two columns are called `{column}`; rename one with AS")]
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
            Self::Failed { .. } | Self::Panicked { .. } | Self::Table(_) | Self::Write(_) => false,
            Self::Stopped | Self::TimedOut { .. } | Self::OutOfMemory { .. } => false,
            _ => true,
        }
    }
}

/// The hint when no better one is known.
const OTHER_WORDS: &str = "write it with joins, WITH or window functions";

fn as_text(text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| format!("; if it is a text and no column, write '{text}'"))
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(|| ".".to_owned(), |n| format!("; did you mean `{n}`?"))
}

/// The known name most similar to a misspelt one, if one is similar enough.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let distance = |k: &&str| strsim::damerau_levenshtein(&k.to_lowercase(), &name.to_lowercase());
    known.into_iter().min_by_key(distance).filter(|k| distance(k) <= 1 + name.len() / 4).map(str::to_owned)
}
