//! Names of table functions.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{ObjectNamePart, Query, TableFactor, VisitorMut};

use crate::walk::{Break, walk_mut};

/// Puts the names of table functions into lower case, as DataFusion does it with all other names.
pub(super) fn in_lower_case(query: &mut Query) {
    let _ = walk_mut(query, &mut LowerCase);
}

struct LowerCase;

impl VisitorMut for LowerCase {
    type Break = Break;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Break> {
        if let TableFactor::Table { name, args: Some(_), .. } = factor {
            for part in &mut name.0 {
                if let ObjectNamePart::Identifier(name) = part {
                    name.value.make_ascii_lowercase();
                }
            }
        }
        ControlFlow::Continue(())
    }
}
