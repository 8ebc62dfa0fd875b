//! Parts of DuckDB's SQL that the parser does not know. The words say what to write instead.

use datafusion::sql::sqlparser::{
    parser::{Parser, ParserError},
    tokenizer::Token,
};

/// What to write instead of PIVOT.
pub(super) const PIVOT: &str = "write one SUM(CASE WHEN … THEN … END) or COUNT(*) FILTER (WHERE …) for each column";
/// What to write instead of UNPIVOT.
pub(super) const UNPIVOT: &str = "write one SELECT for each column, joined by UNION ALL";
const SAMPLE: &str = "take rows with ORDER BY RANDOM() LIMIT …";
const ASOF: &str =
    "join on all earlier rows, and keep the last one with QUALIFY ROW_NUMBER() OVER (PARTITION BY … ORDER BY … DESC) = 1";
const POSITIONAL: &str = "number the rows of both tables with ROW_NUMBER() OVER (ORDER BY …) and join on the number";

/// Words that follow each other, and what to write instead of them.
const WORDS: [(&[&str], &str); 6] = [
    (&["USING", "SAMPLE"], SAMPLE),
    (&["TABLESAMPLE"], SAMPLE),
    (&["ASOF", "JOIN"], ASOF),
    (&["ASOF", "LEFT"], ASOF),
    (&["ASOF", "INNER"], ASOF),
    (&["POSITIONAL", "JOIN"], POSITIONAL),
];

/// Refuses a statement with such words. The parser stands before it.
///
/// # Errors
/// [`ParserError::ParserError`].
pub(super) fn refuse(parser: &Parser) -> Result<(), ParserError> {
    let tokens = (0..).map(|i| parser.peek_nth_token_no_skip(i).token).take_while(|token| *token != Token::EOF);
    let words: Vec<String> = tokens
        .filter_map(|token| match token {
            Token::Whitespace(_) => None,
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_uppercase()),
            other => Some(other.to_string()),
        })
        .collect();
    let no = |words: &str, hint| Err(ParserError::ParserError(format!("{words} is not known; {hint}")));
    for (i, word) in words.iter().enumerate() {
        let rest = &words[i..];
        match word.as_str() {
            "PIVOT" if begins(&words, i) => return no("PIVOT", PIVOT),
            "UNPIVOT" if begins(&words, i) => return no("UNPIVOT", UNPIVOT),
            _ => {}
        }
        if let Some((words, hint)) =
            WORDS.iter().find(|(wanted, _)| rest.len() >= wanted.len() && rest[..wanted.len()] == **wanted)
        {
            return no(&words.join(" "), hint);
        }
    }
    Ok(())
}

/// Whether PIVOT stands for SELECT here, as in `PIVOT t ON …`, and is not the name of a column.
fn begins(words: &[String], i: usize) -> bool {
    let is = |i: usize, wanted: &[&str]| words.get(i).is_some_and(|word| wanted.contains(&word.as_str()));
    i == 0 || (is(i - 1, &["("]) && (is(i + 1, &["("]) || is(i + 2, &["ON", "USING"])))
}
