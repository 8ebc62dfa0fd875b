//! What can be wrong with a query.

use std::path::PathBuf;

use chorus_engine::RunTablesError;

/// An error of a query. Each says where, what was found, what was expected and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// A run, or a table of it, cannot be read.
    #[error(transparent)]
    Run(#[from] RunTablesError),
    /// The SQL engine cannot use the path of a table.
    #[error("{}: the SQL engine cannot use this path: {detail}; rename the run's folder", .path.display())]
    Path {
        /// The folder of the table.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// A table that no run has.
    #[error("no table is called `{table}`{} There are: {known}", did_you_mean(.nearest.as_deref()))]
    UnknownTable {
        /// The name as given.
        table: String,
        /// A name like it.
        nearest: Option<String>,
        /// The tables that the run has.
        known: String,
    },
    /// A column that is not there.
    #[error("no column is called `{column}`{} There are: {known}", did_you_mean(.nearest.as_deref()))]
    UnknownColumn {
        /// The name as given.
        column: String,
        /// A name like it.
        nearest: Option<String>,
        /// The columns at that place of the query.
        known: String,
    },
    /// A name in WITH that is also a table of the run; the SQL engine would silently take the table.
    #[error("WITH gives the name `{name}`, which is a table or a view of this run; give it another name")]
    Shadowed {
        /// The name.
        name: String,
    },
    /// The text is not SQL.
    #[error("the query cannot be understood: {detail}")]
    Syntax {
        /// What the parser said.
        detail: String,
    },
    /// Another error, with the place in the query that it is about.
    #[error("{error}\n{place}")]
    Placed {
        /// The error.
        error: Box<QueryError>,
        /// The line of the query, and below it marks where the place is.
        place: String,
    },
    /// A value for the table `params` that is none.
    #[error("the parameter `{found}` cannot be used, expected {expected}")]
    Param {
        /// As given.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// The statement would do something else than read tables of the run.
    #[error("{what} is refused: a query reads the tables of runs and nothing else; begin it with SELECT or WITH")]
    Refused {
        /// What was asked for.
        what: String,
    },
    /// The SQL engine would do something else than what the query says, and not tell.
    #[error("the SQL engine would answer this wrongly: {what}; {instead}")]
    Misread {
        /// What it takes for something else.
        what: String,
        /// What to write in its place.
        instead: &'static str,
    },
    /// The SQL engine does not do this.
    #[error("the SQL engine does not do this: {detail}; {}", .hint.as_deref().unwrap_or(OTHER_WORDS))]
    Unsupported {
        /// What the engine said.
        detail: String,
        /// What works in its place.
        hint: Option<String>,
    },
    /// The query failed while it ran.
    #[error("the query failed: {detail}{}", .hint.as_deref().map(|h| format!("; {h}")).unwrap_or_default())]
    Failed {
        /// What the engine said.
        detail: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Two columns of an answer have the same name.
    #[error("two columns of the answer are called `{column}`; give one another name with AS")]
    SameName {
        /// The name.
        column: String,
    },
    /// The SQL engine broke down.
    #[error("the SQL engine broke down on this query: {detail}; put it in another way")]
    Panicked {
        /// The engine's last words.
        detail: String,
    },
    /// A file of a table is damaged, or was made by another version.
    #[error(transparent)]
    Table(#[from] chorus_tables::TableError),
    /// No format has this name.
    #[error("no format is called `{name}`; there are: {known}")]
    UnknownFormat {
        /// The name as given.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The answer cannot be written.
    #[error("the answer cannot be written: {0}")]
    Write(#[from] std::io::Error),
}

impl QueryError {
    /// Whether another query or another command helps, rather than a repair.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Run(error) => error.is_usage(),
            Self::Placed { error, .. } => error.is_usage(),
            Self::Failed { .. } | Self::Path { .. } | Self::Panicked { .. } | Self::Table(_) | Self::Write(_) => false,
            _ => true,
        }
    }
}

/// What to try when no better hint is known.
const OTHER_WORDS: &str = "joins, WITH and window functions often say the same";

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(|| ".".to_owned(), |n| format!("; did you mean `{n}`?"))
}

/// The name nearest to a misspelt one, when one is near.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let distance = |k: &&str| strsim::damerau_levenshtein(&k.to_lowercase(), &name.to_lowercase());
    known.into_iter().min_by_key(distance).filter(|k| distance(k) <= 1 + name.len() / 4).map(str::to_owned)
}
