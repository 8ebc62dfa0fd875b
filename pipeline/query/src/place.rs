//! The place of an error in a query: the line, with marks below the word.

use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

use chorus_engine::RunTablesError;

use crate::QueryError;

/// Adds the place in the query to an error about a name or a word.
pub(crate) fn placed(error: QueryError, sql: &str) -> QueryError {
    let place = match &error {
        QueryError::UnknownColumn { column: name, .. }
        | QueryError::UnknownTable { table: name, .. }
        | QueryError::Run(RunTablesError::NotMade { table: name, .. })
        | QueryError::Shadowed { name } => word(sql, name),
        QueryError::Syntax { detail } => stated(detail).map(|(line, column)| (line, column, word_at(sql, line, column))),
        _ => None,
    };
    match place.and_then(|(line, column, length)| marked(sql, line, column, length)) {
        Some(place) => QueryError::Placed { error: Box::new(error), place },
        None => error,
    }
}

/// Line, column and length of the first word of the query that equals this name; in characters, counted from 1.
fn word(sql: &str, name: &str) -> Option<(usize, usize, usize)> {
    let tokens = Tokenizer::new(&GenericDialect, sql).tokenize_with_location().ok()?;
    // `a.b` is reported as such where it is a table's name, and consists of several words.
    let last = name.rsplit('.').next()?;
    tokens.iter().find_map(|token| match &token.token {
        Token::Word(word) if word.value == last => {
            let quotes = 2 * usize::from(word.quote_style.is_some());
            let start = token.span.start;
            Some((start.line as usize, start.column as usize, word.value.chars().count() + quotes))
        }
        _ => None,
    })
}

/// Line and column at the end of a message of the parser.
fn stated(detail: &str) -> Option<(usize, usize)> {
    let (_, place) = detail.rsplit_once("Line: ")?;
    let (line, column) = place.split_once(", Column: ")?;
    Some((line.parse().ok()?, column.trim_end_matches('.').parse().ok()?))
}

/// Length in characters of the word that begins at this place; 1 if there is no word.
fn word_at(sql: &str, line: usize, column: usize) -> usize {
    let text = sql.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let word = text.chars().skip(column.saturating_sub(1)).take_while(|c| c.is_alphanumeric() || *c == '_');
    word.count().max(1)
}

/// The line of the query, with marks below the place. Tabs become spaces, so that the marks are aligned.
fn marked(sql: &str, line: usize, column: usize, length: usize) -> Option<String> {
    let text: String = sql.lines().nth(line.checked_sub(1)?)?.replace('\t', " ");
    let before = column.checked_sub(1)?;
    let room = text.chars().count().saturating_sub(before).max(1);
    let head = format!("{line} | ");
    Some(format!("{head}{text}\n{}{}", " ".repeat(head.len() + before), "^".repeat(length.clamp(1, room))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_of_that_name_is_marked_and_no_text_or_comment() {
        let sql = "-- wrong first\nSELECT 'wrong',\n\tw.wrong FROM x";
        let error = QueryError::UnknownColumn { column: "wrong".into(), nearest: None, known: "a".into() };
        let said = placed(error, sql).to_string();
        assert_eq!(said, "no column is called `wrong`. There are: a\n3 |  w.wrong FROM x\n       ^^^^^");
    }

    #[test]
    fn the_parsers_own_place_is_marked_and_none_is_made_up() {
        let error = |detail: &str| QueryError::Syntax { detail: detail.into() };
        let said = placed(error("Expected: x, found: é at Line: 1, Column: 8"), "SELECT é é").to_string();
        assert!(said.ends_with("\n1 | SELECT é é\n           ^"), "{said}");
        for (detail, sql) in [("nested too deeply", "SELECT"), ("at Line: 9, Column: 1", "SELECT"), ("at Line: 0, Column: 0", "")]
        {
            assert_eq!(placed(error(detail), sql).to_string(), error(detail).to_string());
        }
        // At the end of the text.
        assert!(placed(error("at Line: 1, Column: 7"), "SELECT").to_string().ends_with("1 | SELECT\n          ^"));
    }
}
