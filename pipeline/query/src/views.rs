//! Views: named SELECT queries over the tables of one run. Their files are in `views/`; the first line of a file describes the
//! view. A query uses a view like a table.

/// A named query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Its name.
    pub name: &'static str,
    text: &'static str,
}

macro_rules! views {
    ($($name:literal),* $(,)?) => {
        &[$(View { name: $name, text: include_str!(concat!("../views/", $name, ".sql")) }),*]
    };
}

/// Every view.
pub const VIEWS: &[View] = views![
    "summary",
    "effort",
    "species_by_site",
    "nightly",
    "diel",
    "sun_diel",
    "events",
    "found",
    "implausible",
    "left_out",
    "quality",
    "soundscape_hours"
];

impl View {
    /// The view of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        VIEWS.iter().find(|view| view.name == name)
    }

    /// What the view holds, in one sentence.
    pub fn about(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches("-- ")
    }

    /// Its SELECT.
    pub fn sql(&self) -> &'static str {
        self.text.split_once('\n').map_or("", |(_, sql)| sql.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::Statement;

    #[test]
    fn every_file_is_a_view_that_names_tables_only() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/views");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), VIEWS.len());
        for view in VIEWS {
            assert!(view.about().len() > 20 && view.text.starts_with("-- "), "{}", view.name);
            assert!(chorus_tables::schema(view.name).is_err(), "{} is a table", view.name);
            let Statement::Query(query) = Statement::parse(view.sql()).unwrap() else { panic!("{}", view.name) };
            for name in &query.relations {
                assert!(chorus_tables::schema(name).is_ok(), "{} names {name}, which is not a table", view.name);
            }
        }
    }
}
