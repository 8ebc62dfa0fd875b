//! The place of an error in a query: the line, with marks below the word.

use chorus_engine::RunTablesError;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::QueryError;
use crate::dialect::Grammar;

/// Adds the place in the query to an error about a name or a word.
pub(crate) fn placed(mut error: QueryError, sql: &str) -> QueryError {
    let place = match &mut error {
        QueryError::UnknownColumn { column, text, nearest, .. } => word(sql, column).map(|found| {
            // A text in double quotes, or one without quotes, is a frequent mistake.
            *text = (found.quoted || nearest.is_none()).then_some(found.text);
            found.place
        }),
        QueryError::UnknownTable { table: name, .. }
        | QueryError::UnknownQualifier { table: name, .. }
        | QueryError::Ambiguous { column: name } => word(sql, name).map(|found| found.place),
        QueryError::Run(RunTablesError::NotMade { table, view, .. }) => {
            let asked: &str = if let Some(view) = view { view } else { table };
            word(sql, asked).map(|found| found.place)
        }
        QueryError::Syntax { detail } => stated(detail).map(|(line, column)| (line, column, word_at(sql, line, column))),
        _ => None,
    };
    match place.and_then(|(line, column, length)| marked(sql, line, column, length)) {
        Some(place) => QueryError::Placed { error: Box::new(error), place },
        None => error,
    }
}

/// A word of the query.
struct Found {
    /// Line, column and length; in characters, counted from 1.
    place: (usize, usize, usize),
    /// The word without its quotes, in its own letters.
    text: String,
    quoted: bool,
}

/// The first word of the query that equals this name, without regard to case. Of `table.column` it is the column behind that table, and
/// of a table's name with its schema the last part.
fn word(sql: &str, name: &str) -> Option<Found> {
    let tokens = Tokenizer::new(&Grammar, sql).tokenize_with_location().ok()?;
    let (before, last) = name.rsplit_once('.').map_or((None, name), |(before, last)| (Some(before), last));
    let is = |token: &Token, name: &str| matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case(name));
    let position = tokens.iter().enumerate().position(|(i, token)| {
        let follows = |before: &str| i > 1 && tokens[i - 1].token == Token::Period && is(&tokens[i - 2].token, before);
        is(&token.token, last) && before.is_none_or(follows)
    })?;
    let Token::Word(found) = &tokens[position].token else { return None };
    let start = tokens[position].span.start;
    let quotes = 2 * usize::from(found.quote_style.is_some());
    let place = (start.line as usize, start.column as usize, found.value.chars().count() + quotes);
    Some(Found { place, text: found.value.clone(), quoted: quotes > 0 })
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
        let error =
            QueryError::UnknownColumn { column: "w.wrong".into(), text: None, nearest: Some("right".into()), known: "a".into() };
        let said = placed(error, sql).to_string();
        assert_eq!(said, "no column is called `w.wrong`; did you mean `right`? There are: a\n3 |  w.wrong FROM x\n       ^^^^^");
    }

    #[test]
    fn a_text_that_is_taken_for_a_column_is_told() {
        let said = |sql: &str, nearest: Option<&str>| {
            let nearest = nearest.map(str::to_owned);
            placed(QueryError::UnknownColumn { column: "pond".into(), text: None, nearest, known: "a".into() }, sql).to_string()
        };
        let hint = "There are: a; if it is a text and no column, write 'POND'\n";
        assert!(said("SELECT 1 WHERE site = \"POND\"", Some("ponds")).contains(hint));
        assert!(said("SELECT 1 WHERE site = POND", None).contains(hint));
        assert!(!said("SELECT pond", Some("ponds")).contains("text"));
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
