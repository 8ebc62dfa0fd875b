//! The columns of tables, of WITH and of subqueries, as far as the text of a query tells them.

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, Query, RenameSelectItem, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, SetQuantifier, TableAlias, TableFactor, TableWithJoins, Visit,
    WildcardAdditionalOptions,
};

use super::parts::{call_name, excluded, factor_name, finds, single};

/// The tables that a query can read.
#[derive(Clone)]
pub(super) struct Scope<'a> {
    tables: &'a dyn Fn(&str) -> Option<Vec<String>>,
    /// Whether a function is an aggregate.
    aggregates: &'a dyn Fn(&str) -> bool,
    /// The names in WITH, with their columns where these are known. The last one counts.
    ctes: Vec<(String, Option<Vec<String>>)>,
}

/// A table, or a query in brackets, that a SELECT reads.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// The name by which its columns can be qualified.
    pub(super) name: Option<String>,
    /// Its columns, if they are known.
    pub(super) columns: Option<Vec<String>>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(tables: &'a dyn Fn(&str) -> Option<Vec<String>>, aggregates: &'a dyn Fn(&str) -> bool) -> Self {
        Self { tables, aggregates, ctes: Vec::new() }
    }

    /// Whether an expression is a call of an aggregate, and not as a window function.
    pub(super) fn is_aggregate(&self, expr: &Expr) -> bool {
        matches!(expr, Expr::Function(f) if f.over.is_none() && (self.aggregates)(&call_name(f)))
    }

    /// Whether an expression has an aggregate or a window function.
    pub(super) fn gathers(&self, expr: &impl Visit) -> bool {
        finds(expr, |e| is_window(e) || self.is_aggregate(e))
    }

    /// Whether a SELECT has groups or aggregates.
    pub(super) fn is_grouped(&self, select: &Select) -> bool {
        has_keys(select) || select.having.is_some() || finds(&select.projection, |e| self.is_aggregate(e))
    }

    /// The scope inside a query, with the names of its WITH.
    pub(super) fn inside(&self, query: &Query) -> Self {
        let mut scope = self.clone();
        let Some(with) = &query.with else { return scope };
        for cte in &with.cte_tables {
            let name = cte.alias.name.value.clone();
            let mut inner = scope.clone();
            // A recursive query sees itself; the columns of its first part count.
            inner.ctes.push((name.clone(), None));
            let columns = renamed(Some(&cte.alias), inner.outputs(&cte.query));
            scope.ctes.push((name, columns));
        }
        scope
    }

    /// The names of the columns that a query gives.
    pub(super) fn outputs(&self, query: &Query) -> Option<Vec<String>> {
        self.inside(query).outputs_of(&query.body)
    }

    pub(super) fn outputs_of(&self, body: &SetExpr) -> Option<Vec<String>> {
        match body {
            SetExpr::Select(select) => self.outputs_of_select(select),
            SetExpr::Query(query) => self.outputs(query),
            SetExpr::SetOperation { left, right, set_quantifier, .. } => {
                let mut names = self.outputs_of(left)?;
                if matches!(set_quantifier, SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName) {
                    let others = self.outputs_of(right)?;
                    names.extend(others.into_iter().filter(|o| !names.contains(o)).collect::<Vec<_>>());
                }
                Some(names)
            }
            SetExpr::Values(values) => {
                let width = values.rows.first()?.content.len();
                Some((1..=width).map(|i| format!("column{i}")).collect())
            }
            _ => None,
        }
    }

    fn outputs_of_select(&self, select: &Select) -> Option<Vec<String>> {
        self.names(select).map(|names| distinct(&names))
    }

    /// The names of the columns of a SELECT, some of which may be the same.
    pub(super) fn names(&self, select: &Select) -> Option<Vec<String>> {
        let mut names = Vec::new();
        if select.projection.is_empty() {
            return self.star(select);
        }
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(options) => names.extend(with_options(self.star(select)?, options)),
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(table), options) => {
                    let table = single(table)?;
                    let source = self.sources(select).into_iter().find(|s| s.name.as_deref() == Some(table))?;
                    names.extend(with_options(source.columns?, options));
                }
                SelectItem::QualifiedWildcard(..) | SelectItem::ExprWithAliases { .. } => return None,
                SelectItem::ExprWithAlias { alias, .. } => names.push(alias.value.clone()),
                SelectItem::UnnamedExpr(expr) => names.push(name_of(expr)),
            }
        }
        Some(names)
    }

    /// The columns of `*`.
    fn star(&self, select: &Select) -> Option<Vec<String>> {
        let mut all = Vec::new();
        for from in &select.from {
            let mut columns = self.columns_of(&from.relation)?;
            for join in &from.joins {
                let right = self.columns_of(&join.relation)?;
                if keeps_right(join) {
                    let merged = merged(join, &columns, Some(&right));
                    columns.extend(right.into_iter().filter(|c| !merged.contains(c)));
                }
            }
            all.extend(columns);
        }
        Some(all)
    }

    /// What a SELECT reads, in order.
    pub(super) fn sources(&self, select: &Select) -> Vec<Source> {
        select.from.iter().flat_map(|from| self.sources_of(from)).collect()
    }

    pub(super) fn sources_of(&self, from: &TableWithJoins) -> Vec<Source> {
        let first = self.source(&from.relation);
        std::iter::once(first).chain(from.joins.iter().map(|j| self.source(&j.relation))).collect()
    }

    pub(super) fn source(&self, factor: &TableFactor) -> Source {
        Source { name: factor_name(factor), columns: self.columns_of(factor) }
    }

    fn columns_of(&self, factor: &TableFactor) -> Option<Vec<String>> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => renamed(alias.as_ref(), self.columns_of_table(single(name)?)),
            TableFactor::Derived { subquery, alias, .. } => renamed(alias.as_ref(), self.outputs(subquery)),
            TableFactor::Table { alias: Some(alias), .. } | TableFactor::UNNEST { alias: Some(alias), .. } => {
                renamed(Some(alias), None)
            }
            _ => None,
        }
    }

    fn columns_of_table(&self, name: &str) -> Option<Vec<String>> {
        match self.ctes.iter().rev().find(|(cte, _)| cte == name) {
            Some((_, columns)) => columns.clone(),
            None => (self.tables)(name),
        }
    }
}

/// The names, the second of two that are the same with `_1` at its end.
pub(super) fn distinct(names: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        let mut new = name.clone();
        let mut i = 0;
        while all.contains(&new) || (i > 0 && names.contains(&new)) {
            i += 1;
            new = format!("{name}_{i}");
        }
        all.push(new);
    }
    all
}

/// Whether an expression is a call of a window function.
pub(super) fn is_window(expr: &Expr) -> bool {
    matches!(expr, Expr::Function(f) if f.over.is_some())
}

/// Whether a SELECT has GROUP BY.
pub(super) fn has_keys(select: &Select) -> bool {
    !matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty())
}

/// The name of a column without an alias.
pub(super) fn name_of(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(name) => name.value.clone(),
        Expr::CompoundIdentifier(parts) => parts.last().map(|i| i.value.clone()).unwrap_or_default(),
        other => other.to_string(),
    }
}

/// The columns that USING or NATURAL merges.
pub(super) fn merged(join: &Join, left: &[String], right: Option<&[String]>) -> Vec<String> {
    match constraint(&join.join_operator) {
        Some(JoinConstraint::Using(names)) => names.iter().filter_map(single).map(str::to_owned).collect(),
        Some(JoinConstraint::Natural) => {
            let right = right.unwrap_or_default();
            left.iter().filter(|c| right.contains(c)).cloned().collect()
        }
        _ => Vec::new(),
    }
}

/// Whether the columns of the right side are part of the result of a join.
pub(super) fn keeps_right(join: &Join) -> bool {
    use JoinOperator::{Anti, LeftAnti, LeftSemi, Semi};
    !matches!(join.join_operator, Semi(_) | LeftSemi(_) | Anti(_) | LeftAnti(_))
}

/// The condition of a join.
pub(super) fn constraint(operator: &JoinOperator) -> Option<&JoinConstraint> {
    use JoinOperator as J;
    match operator {
        J::Join(c)
        | J::Inner(c)
        | J::Left(c)
        | J::LeftOuter(c)
        | J::Right(c)
        | J::RightOuter(c)
        | J::FullOuter(c)
        | J::CrossJoin(c)
        | J::Semi(c)
        | J::LeftSemi(c)
        | J::RightSemi(c)
        | J::Anti(c)
        | J::LeftAnti(c)
        | J::RightAnti(c) => Some(c),
        _ => None,
    }
}

/// The columns under the names that an alias gives them.
fn renamed(alias: Option<&TableAlias>, columns: Option<Vec<String>>) -> Option<Vec<String>> {
    let names: Vec<String> = alias.map(|a| a.columns.iter().map(|c| c.name.value.clone()).collect()).unwrap_or_default();
    match columns {
        Some(columns) => Some(names.iter().cloned().chain(columns.into_iter().skip(names.len())).collect()),
        None if names.is_empty() => None,
        None => Some(names),
    }
}

/// The columns of `*` after EXCLUDE and RENAME.
fn with_options(columns: Vec<String>, options: &WildcardAdditionalOptions) -> Vec<String> {
    let gone = excluded(options);
    let renames = renames(options);
    let new_name = |c: String| renames.iter().find(|(old, _)| old.value == c).map_or(c, |(_, new)| new.value.clone());
    columns.into_iter().filter(|c| !gone.contains(&c.as_str())).map(new_name).collect()
}

/// The old and new names of RENAME.
pub(super) fn renames(options: &WildcardAdditionalOptions) -> Vec<(&Ident, &Ident)> {
    match &options.opt_rename {
        Some(RenameSelectItem::Single(one)) => vec![(&one.ident, &one.alias)],
        Some(RenameSelectItem::Multiple(many)) => many.iter().map(|r| (&r.ident, &r.alias)).collect(),
        None => Vec::new(),
    }
}
