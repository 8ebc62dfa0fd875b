//! The grammar of SQL as DuckDB reads it.

use std::any::TypeId;

use datafusion::sql::sqlparser::{
    ast::{BinaryOperator, Expr, Statement, UnaryOperator},
    dialect::{Dialect, DuckDbDialect, PostgreSqlDialect, Precedence},
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::Token,
};

use super::unknown;

/// The options of sqlparser's dialect for DuckDB, with the precedence of operators that DuckDB has: that of Postgres, where
/// `-x ^ 2` is `(-x) ^ 2`, `1 + 2 || 'a'` is `(1 + 2) || 'a'`, and `a = b IN (c)` is `a = (b IN (c))`.
#[derive(Debug)]
pub(crate) struct Grammar;

/// A minus sign binds more closely than `^` and AT TIME ZONE, and less closely than `[`, `::` and `.`.
const SIGN: u8 = 125;

const DISTINCT: [Keyword; 3] = [Keyword::IS, Keyword::DISTINCT, Keyword::FROM];
const NOT_DISTINCT: [Keyword; 4] = [Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM];

impl Dialect for Grammar {
    fn dialect(&self) -> TypeId {
        TypeId::of::<DuckDbDialect>()
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        PostgreSqlDialect {}.prec_value(precedence)
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        match parser.peek_token_ref().token {
            // `**` is two tokens to sqlparser.
            Token::Mul if is_power(parser) => Some(Ok(self.prec_value(Precedence::Caret))),
            Token::Caret => Some(Ok(self.prec_value(Precedence::Caret))),
            Token::Ampersand
            | Token::Pipe
            | Token::Tilde
            | Token::TildeAsterisk
            | Token::ExclamationMarkTilde
            | Token::ExclamationMarkTildeAsterisk => Some(Ok(self.prec_value(Precedence::PgOther))),
            _ => PostgreSqlDialect {}.get_next_precedence(parser),
        }
    }

    fn parse_statement(&self, parser: &mut Parser) -> Option<Result<Statement, ParserError>> {
        unknown::refuse(parser).err().map(Err)
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        let op = match parser.peek_token_ref().token {
            Token::Minus => UnaryOperator::Minus,
            Token::Plus => UnaryOperator::Plus,
            _ => return None,
        };
        parser.advance_token();
        Some(parser.parse_subexpr(SIGN).map(|expr| Expr::UnaryOp { op, expr: Box::new(expr) }))
    }

    fn parse_infix(&self, parser: &mut Parser, left: &Expr, precedence: u8) -> Option<Result<Expr, ParserError>> {
        // sqlparser takes all that follows as the second operand: `a IS DISTINCT FROM (b AND c)`.
        for (words, is_not) in [(&DISTINCT[..], false), (&NOT_DISTINCT[..], true)] {
            if parser.parse_keywords(words) {
                let (left, right) = (Box::new(left.clone()), parser.parse_subexpr(precedence).map(Box::new));
                return Some(right.map(|right| match is_not {
                    true => Expr::IsNotDistinctFrom(left, right),
                    false => Expr::IsDistinctFrom(left, right),
                }));
            }
        }
        let op = match parser.peek_token_ref().token {
            Token::Mul if is_power(parser) => {
                parser.advance_token();
                BinaryOperator::PGExp
            }
            Token::Caret => BinaryOperator::PGExp,
            _ => return None,
        };
        parser.advance_token();
        let right = parser.parse_subexpr(precedence);
        Some(right.map(|right| Expr::BinaryOp { left: Box::new(left.clone()), op, right: Box::new(right) }))
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        DuckDbDialect.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        DuckDbDialect.is_identifier_part(ch)
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"'
    }

    fn supports_trailing_commas(&self) -> bool {
        true
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }

    fn supports_named_fn_args_with_assignment_operator(&self) -> bool {
        true
    }

    fn supports_dictionary_syntax(&self) -> bool {
        true
    }

    fn support_map_literal_syntax(&self) -> bool {
        true
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }

    fn allow_extract_single_quotes(&self) -> bool {
        true
    }

    fn supports_array_typedef_with_brackets(&self) -> bool {
        true
    }

    fn supports_from_first_select(&self) -> bool {
        true
    }

    fn supports_order_by_all(&self) -> bool {
        true
    }

    fn supports_select_wildcard_exclude(&self) -> bool {
        true
    }

    fn supports_select_wildcard_replace(&self) -> bool {
        true
    }

    fn supports_select_wildcard_rename(&self) -> bool {
        true
    }

    fn supports_notnull_operator(&self) -> bool {
        true
    }

    fn supports_comma_separated_trim(&self) -> bool {
        true
    }

    fn supports_numeric_literal_underscores(&self) -> bool {
        true
    }

    fn supports_nested_comments(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_explain_with_utility_options(&self) -> bool {
        true
    }
}

fn is_power(parser: &Parser) -> bool {
    parser.peek_token_ref().token == Token::Mul && parser.peek_nth_token_ref(1).token == Token::Mul
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The expression with brackets around each operation.
    fn tree(sql: &str) -> String {
        let expr = Parser::new(&Grammar).try_with_sql(sql).unwrap().parse_expr().unwrap();
        show(&expr)
    }

    fn show(expr: &Expr) -> String {
        match expr {
            Expr::BinaryOp { left, op, right } => format!("({} {op} {})", show(left), show(right)),
            Expr::UnaryOp { op, expr } => format!("({op} {})", show(expr)),
            Expr::IsDistinctFrom(left, right) => format!("({} <> {})", show(left), show(right)),
            Expr::IsNotDistinctFrom(left, right) => format!("({} = {})", show(left), show(right)),
            Expr::IsNull(e) => format!("({} IS NULL)", show(e)),
            Expr::InList { expr, .. } => format!("({} IN)", show(expr)),
            Expr::Between { expr, low, high, .. } => format!("({} BETWEEN {} {})", show(expr), show(low), show(high)),
            Expr::Like { expr, pattern, .. } => format!("({} LIKE {})", show(expr), show(pattern)),
            Expr::Cast { expr, .. } => format!("({} CAST)", show(expr)),
            other => other.to_string(),
        }
    }

    #[test]
    fn operators_bind_as_in_duckdb() {
        for (sql, expected) in [
            ("NOT a = b", "(NOT (a = b))"),
            ("-x ^ 2", "((- x) ^ 2)"),
            ("2 ** 3 ** 2", "((2 ^ 3) ^ 2)"),
            ("2 * 3 ** 2", "(2 * (3 ^ 2))"),
            ("a || b = c", "((a || b) = c)"),
            ("1 + 2 || 'a'", "((1 + 2) || 'a')"),
            ("x IS NULL = y", "((x IS NULL) = y)"),
            ("a = b IS NULL", "((a = b) IS NULL)"),
            ("NOT a IS NULL", "(NOT (a IS NULL))"),
            ("a = b IN (1, 2)", "(a = (b IN))"),
            ("a = b BETWEEN 0 AND 2", "(a = (b BETWEEN 0 2))"),
            ("a BETWEEN 0 AND 2 AND b", "((a BETWEEN 0 2) AND b)"),
            ("a LIKE b || 'x'", "(a LIKE (b || 'x'))"),
            ("5 & 3 + 1", "(5 & (3 + 1))"),
            ("5 & 3 = 1", "((5 & 3) = 1)"),
            ("1 << 2 + 1", "(1 << (2 + 1))"),
            ("-a::int", "(- (a CAST))"),
            ("a - b * c // d", "(a - ((b * c) // d))"),
            ("a IS DISTINCT FROM b AND c", "((a <> b) AND c)"),
            ("a IS NOT DISTINCT FROM b + 1 OR c", "((a = (b + 1)) OR c)"),
            ("a ~ 'b' OR c", "((a ~ 'b') OR c)"),
            ("a < b AND c OR d", "(((a < b) AND c) OR d)"),
        ] {
            assert_eq!(tree(sql), expected, "{sql}");
        }
    }
}
