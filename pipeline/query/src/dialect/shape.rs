//! The shape of a SELECT: what DuckDB lets users leave out or repeat.

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, LimitClause, OrderByExpr, OrderByKind, Query, Select, SelectFlavor, SelectItem, SelectItemQualifiedWildcardKind,
    SetExpr, WildcardAdditionalOptions,
};

use super::{
    joins::{columns, qualified},
    parts::{finds, number, quoted, single, substitute, substitute_outside, unsupported},
    scope::{Scope, distinct, is_window, name_of},
    star::expand,
};
use crate::QueryError;

/// Rewrites FETCH and ORDER BY ALL of a query.
///
/// # Errors
/// [`QueryError::Unsupported`] if ORDER BY ALL orders by columns that are not known.
pub(super) fn ends(query: &mut Query, scope: &Scope) -> Result<(), QueryError> {
    if let Some(fetch) = query.fetch.take() {
        let limit = Some(fetch.quantity.unwrap_or_else(|| number(1)));
        match &mut query.limit_clause {
            Some(LimitClause::LimitOffset { limit: none @ None, .. }) => *none = limit,
            clause => *clause = Some(LimitClause::LimitOffset { limit, offset: None, limit_by: Vec::new() }),
        }
    }
    let Some(order) = &mut query.order_by else { return Ok(()) };
    if let (OrderByKind::Expressions(keys), SetExpr::Select(select)) = (&mut order.kind, query.body.as_ref()) {
        keys.iter_mut().for_each(|key| by_number(key, select));
    }
    if let OrderByKind::All(options) = order.kind {
        let Some(columns) = scope.outputs_of(&query.body) else {
            return Err(unsupported("ORDER BY ALL of unknown columns", "name the columns in ORDER BY"));
        };
        let keys = (1..=columns.len()).map(|i| OrderByExpr { expr: number(i), options, with_fill: None });
        order.kind = OrderByKind::Expressions(keys.collect());
    }
    Ok(())
}

/// Orders by the number of an expression that is also shown.
fn by_number(key: &mut OrderByExpr, select: &Select) {
    if matches!(key.expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_)) {
        return;
    }
    for (i, item) in select.projection.iter().enumerate() {
        match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } if *expr == key.expr => {
                key.expr = number(i + 1);
                return;
            }
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => return,
            _ => {}
        }
    }
}

/// Rewrites a SELECT. `inner` says whether it is part of another query.
///
/// # Errors
/// [`QueryError::Unsupported`] if `*` cannot be written out, and for window functions in WHERE and HAVING.
pub(super) fn fill(select: &mut Select, scope: &Scope, inner: bool) -> Result<(), QueryError> {
    if matches!(select.flavor, SelectFlavor::FromFirstNoSelect) && select.projection.is_empty() {
        select.projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
    }
    select.flavor = SelectFlavor::Standard;
    write_out(select, scope, inner)?;
    use_aliases(select, scope);
    distinguish(select, scope, inner);
    if finds(&select.selection, is_window) || finds(&select.having, is_window) {
        return Err(unsupported("a window function in WHERE or HAVING", "filter with QUALIFY"));
    }
    Ok(())
}

/// Writes `*` out if it has RENAME, or if two columns of an inner query would have the same name.
fn write_out(select: &mut Select, scope: &Scope, inner: bool) -> Result<(), QueryError> {
    let stars = select.projection.iter().filter_map(star);
    let renames = stars.clone().any(|options| options.opt_rename.is_some());
    let repeats = inner && stars.count() > 0 && scope.names(select).is_some_and(|names| has_repeats(&names));
    if !renames && !repeats {
        return Ok(());
    }
    let Some((columns, _)) = columns(select, scope) else {
        return Err(unsupported("`*` with RENAME of unknown columns", "name the columns with AS"));
    };
    let mut items = Vec::new();
    for item in std::mem::take(&mut select.projection) {
        match &item {
            SelectItem::Wildcard(options) => items.extend(expand(&columns, options)?),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(table), options) => {
                let sources = scope.sources(select);
                let columns = sources.iter().find(|s| s.name.as_deref() == single(table)).and_then(qualified);
                match columns {
                    Some(columns) => items.extend(expand(&columns, options)?),
                    None => items.push(item),
                }
            }
            _ => items.push(item),
        }
    }
    select.projection = items;
    Ok(())
}

fn star(item: &SelectItem) -> Option<&WildcardAdditionalOptions> {
    match item {
        SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => Some(options),
        _ => None,
    }
}

fn has_repeats(names: &[String]) -> bool {
    names.iter().enumerate().any(|(i, name)| names[..i].contains(name))
}

/// Puts the expression in place of an alias of the same SELECT, in WHERE and in the items after it. Columns of the tables come
/// before aliases.
fn use_aliases(select: &mut Select, scope: &Scope) {
    let columns: Option<Vec<Vec<String>>> = scope.sources(select).into_iter().map(|s| s.columns).collect();
    let Some(columns) = columns else { return };
    let is_column = |name: &str| columns.iter().flatten().any(|c| c == name);
    let mut aliases: Vec<(String, Expr)> = Vec::new();
    for item in &mut select.projection {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else { continue };
        substitute(expr, &|name| if is_column(name) { None } else { find(&aliases, name) });
        if let SelectItem::ExprWithAlias { expr, alias } = item {
            aliases.push((alias.value.clone(), expr.clone()));
        }
    }
    if let Some(condition) = &mut select.selection {
        substitute(condition, &|name| if is_column(name) { None } else { find(&aliases, name) });
    }
    // In HAVING, aliases of aggregates come before columns.
    aliases.retain(|(_, expr)| scope.gathers(expr));
    substitute_outside(&mut select.having, &|name| find(&aliases, name), &|expr| scope.is_aggregate(expr));
}

fn find(aliases: &[(String, Expr)], name: &str) -> Option<Expr> {
    aliases.iter().find(|(alias, _)| alias == name).map(|(_, expr)| Expr::Nested(Box::new(expr.clone())))
}

/// Gives another name to one of two columns with the same name, which DataFusion refuses. In the outermost SELECT this name is
/// only shown for a column of `*`, so these keep theirs.
fn distinguish(select: &mut Select, scope: &Scope, inner: bool) {
    let has_star = select.projection.iter().any(|item| star(item).is_some());
    let unknown = has_star && (!inner || scope.names(select).is_none());
    let mut items: Vec<(String, &mut SelectItem)> =
        select.projection.iter_mut().filter(|item| star(item).is_none()).map(|item| (shown(item), item)).collect();
    let is_column =
        |item: &SelectItem| matches!(item, SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_)));
    if !inner {
        // DataFusion tells columns of several tables apart, but not from other columns of their name.
        let others: Vec<String> = items.iter().filter(|(_, item)| table(item).is_none()).map(|(name, _)| name.clone()).collect();
        for (name, item) in &mut items {
            if let Some(table) = table(item).filter(|_| !others.contains(name)) {
                *name = format!("{table}.{name}");
            }
        }
        items.sort_by_key(|(_, item)| !matches!(item, SelectItem::UnnamedExpr(Expr::CompoundIdentifier(_))));
    }
    let names: Vec<String> = items.iter().map(|(name, _)| name.clone()).collect();
    for (i, ((old, item), new)) in items.into_iter().zip(distinct(&names)).enumerate() {
        // A name for each expression: two may have one name to DataFusion that are written differently here.
        let named = is_column(item) || matches!(item, SelectItem::ExprWithAlias { .. });
        if unknown && is_column(item) {
            rename(item, quoted(&format!("{old}:{i}")));
        } else if !named || old != new {
            let table = table(item).filter(|_| !inner).map(|table| format!("{table}."));
            rename(item, quoted(table.as_ref().and_then(|table| new.strip_prefix(table)).unwrap_or(&new)));
        }
    }
}

/// The name of an item that is not `*`.
fn shown(item: &SelectItem) -> String {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => alias.value.clone(),
        SelectItem::UnnamedExpr(expr) => name_of(expr),
        _ => String::new(),
    }
}

/// The table of an item that is a column under its own name.
fn table(item: &SelectItem) -> Option<&str> {
    match item {
        SelectItem::UnnamedExpr(expr @ Expr::CompoundIdentifier(parts))
        | SelectItem::ExprWithAlias { expr: expr @ Expr::CompoundIdentifier(parts), .. }
            if parts.len() == 2 && name_of(expr) == shown(item) =>
        {
            Some(&parts[0].value)
        }
        _ => None,
    }
}

fn rename(item: &mut SelectItem, hidden: Ident) {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => *alias = hidden,
        SelectItem::UnnamedExpr(expr) => *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: hidden },
        _ => {}
    }
}

/// The SELECT that is the whole body of a query.
pub(super) fn only_select(body: &mut SetExpr) -> Option<&mut Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        _ => None,
    }
}
