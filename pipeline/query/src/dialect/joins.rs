//! USING and NATURAL. The columns that they merge are one column: that of the left side, of the right side in a right join, and
//! the first that is not null in a full join. DataFusion takes one of the two without regard to the kind of join.

use datafusion::sql::sqlparser::ast::{
    Expr, Join, JoinConstraint, JoinOperator, OrderBy, OrderByKind, Select, SelectItem, TableAlias, TableFactor,
};

use super::{
    parts::{expr_of, quoted, substitute, substitute_all, unsupported},
    scope::{Scope, Source, constraint, keeps_right, merged},
    star::{Column, expand},
};
use crate::QueryError;

/// Gives a name to each subquery of FROM that has none, by which its columns can be qualified.
pub(super) fn name_tables(select: &mut Select) {
    let factors =
        select.from.iter_mut().flat_map(|f| std::iter::once(&mut f.relation).chain(f.joins.iter_mut().map(|j| &mut j.relation)));
    for (i, factor) in factors.enumerate() {
        if let TableFactor::Derived { alias: alias @ None, .. } = factor {
            *alias = Some(TableAlias { explicit: true, name: quoted(&format!(":{i}")), columns: Vec::new(), at: None });
        }
    }
}

/// SEMI and ANTI keep rows of the left side.
pub(super) fn sides(select: &mut Select) {
    for join in select.from.iter_mut().flat_map(|f| &mut f.joins) {
        let operator = std::mem::replace(&mut join.join_operator, JoinOperator::CrossApply);
        join.join_operator = match operator {
            JoinOperator::Semi(constraint) => JoinOperator::LeftSemi(constraint),
            JoinOperator::Anti(constraint) => JoinOperator::LeftAnti(constraint),
            other => other,
        };
    }
}

/// Rewrites the columns that the joins of a SELECT merge. `order_by` is that of its query.
///
/// # Errors
/// [`QueryError::Unsupported`] if the columns of an outer join are not known.
pub(super) fn merge(select: &mut Select, order_by: Option<&mut OrderBy>, scope: &Scope) -> Result<(), QueryError> {
    let joins = || select.from.iter().flat_map(|f| &f.joins);
    let merges = |j: &Join| matches!(constraint(&j.join_operator), Some(JoinConstraint::Using(_) | JoinConstraint::Natural));
    if !joins().any(merges) {
        return Ok(());
    }
    let Some((all, single)) = columns(select, scope) else {
        if joins().any(|j| merges(j) && is_outer(&j.join_operator)) {
            return Err(unsupported(
                "USING or NATURAL in an outer join of tables whose columns are not known",
                "write the condition with ON, and the column with COALESCE",
            ));
        }
        return Ok(());
    };
    let mut items = Vec::new();
    for item in std::mem::take(&mut select.projection) {
        match item {
            SelectItem::Wildcard(options) => items.extend(expand(&all, &options)?),
            SelectItem::UnnamedExpr(expr) => match name_in(&expr, &single) {
                Some((name, text)) => items.push(SelectItem::ExprWithAlias { expr: expr_of(text)?, alias: quoted(name) }),
                None => items.push(SelectItem::UnnamedExpr(expr)),
            },
            other => items.push(other),
        }
    }
    select.projection = items;
    let of = |name: &str| single.iter().find(|(n, _)| n == name).and_then(|(_, text)| expr_of(text).ok());
    substitute_all(select, &of);
    if let Some(OrderByKind::Expressions(keys)) = order_by.map(|o| &mut o.kind) {
        let shown: Vec<String> = select.projection.iter().filter_map(output).collect();
        for key in keys {
            substitute(&mut key.expr, &|name| if shown.iter().any(|s| s == name) { None } else { of(name) });
        }
    }
    Ok(())
}

fn name_in<'a>(expr: &Expr, single: &'a [Column]) -> Option<(&'a str, &'a str)> {
    let Expr::Identifier(ident) = expr else { return None };
    single.iter().find(|(name, _)| *name == ident.value).map(|(name, text)| (name.as_str(), text.as_str()))
}

fn output(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        SelectItem::UnnamedExpr(expr) => Some(super::scope::name_of(expr)),
        _ => None,
    }
}

/// All columns of a SELECT with joins, and those that are merged.
pub(super) fn columns(select: &Select, scope: &Scope) -> Option<(Vec<Column>, Vec<Column>)> {
    let mut all = Vec::new();
    let mut single: Vec<Column> = Vec::new();
    for from in &select.from {
        let mut left = qualified(&scope.source(&from.relation))?;
        for join in &from.joins {
            let right = qualified(&scope.source(&join.relation))?;
            let names = |columns: &[Column]| columns.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>();
            let shared = merged(join, &names(&left), Some(&names(&right)));
            for name in &shared {
                let (_, other) = right.iter().find(|(n, _)| n == name)?;
                let (_, text) = left.iter_mut().find(|(n, _)| n == name)?;
                *text = match join.join_operator {
                    JoinOperator::Right(_) | JoinOperator::RightOuter(_) => other.clone(),
                    JoinOperator::FullOuter(_) => format!("COALESCE({text}, {other})"),
                    _ => text.clone(),
                };
                single.retain(|(n, _)| n != name);
                single.push((name.clone(), text.clone()));
            }
            if keeps_right(join) {
                left.extend(right.into_iter().filter(|(n, _)| !shared.contains(n)));
            }
        }
        all.extend(left);
    }
    Some((all, single))
}

/// The columns of a source, qualified by its name.
pub(super) fn qualified(source: &Source) -> Option<Vec<Column>> {
    let name = quoted(source.name.as_deref()?);
    let columns = source.columns.as_ref()?;
    Some(columns.iter().map(|c| (c.clone(), format!("{name}.{}", quoted(c)))).collect())
}

fn is_outer(operator: &JoinOperator) -> bool {
    use JoinOperator::{FullOuter, Left, LeftOuter, Right, RightOuter};
    matches!(operator, Left(_) | LeftOuter(_) | Right(_) | RightOuter(_) | FullOuter(_))
}
