//! `*` written out.

use datafusion::sql::sqlparser::ast::{Expr, SelectItem, WildcardAdditionalOptions};

use super::{
    parts::{excluded, expr_of, quoted, unsupported},
    scope::renames,
};
use crate::QueryError;

/// A column of `*`: its name, and the text of the expression that gives it.
pub(super) type Column = (String, String);

/// The items that `*` with EXCLUDE, REPLACE and RENAME stands for.
///
/// # Errors
/// [`QueryError::Unsupported`] for a column that is not there.
pub(super) fn expand(columns: &[Column], options: &WildcardAdditionalOptions) -> Result<Vec<SelectItem>, QueryError> {
    let excluded = excluded(options);
    let renames = renames(options);
    let replaced = options.opt_replace.iter().flat_map(|r| &r.items).collect::<Vec<_>>();
    let named = excluded.iter().copied().chain(renames.iter().map(|(old, _)| old.value.as_str()));
    for name in named.chain(replaced.iter().map(|r| r.column_name.value.as_str())) {
        if !columns.iter().any(|(c, _)| c == name) {
            let all = columns.iter().map(|(c, _)| c.as_str()).collect::<Vec<_>>().join(", ");
            return Err(unsupported(format!("`*` has no column `{name}`"), &format!("use one of: {all}")));
        }
    }
    let kept = columns.iter().filter(|(c, _)| !excluded.contains(&c.as_str()));
    kept.map(|(name, text)| {
        let expr = match replaced.iter().find(|r| r.column_name.value == *name) {
            Some(element) => element.expr.clone(),
            None => expr_of(text)?,
        };
        let renamed = renames.iter().find(|(old, _)| old.value == *name).map(|(_, new)| (*new).clone());
        Ok(match (expr, renamed) {
            (column @ Expr::CompoundIdentifier(_), None) => SelectItem::UnnamedExpr(column),
            (expr, renamed) => SelectItem::ExprWithAlias { expr, alias: renamed.unwrap_or_else(|| quoted(name)) },
        })
    })
    .collect()
}
