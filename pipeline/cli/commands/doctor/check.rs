//! What was found of one thing.

/// Whether it will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It will.
    Ok,
    /// Something cannot be done, or not well, and most can.
    Warn,
    /// Chorus cannot work like this.
    Fail,
}

impl State {
    /// The state as a word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    /// What was looked at.
    pub(super) name: &'static str,
    /// Whether it will do.
    pub(super) state: State,
    /// What was found.
    pub(super) found: String,
    /// What to do, where it will not do.
    pub(super) advice: Option<String>,
}

impl Check {
    /// Something that will do.
    pub(super) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, state: State::Ok, found: found.into(), advice: None }
    }

    /// Something without which most can be done.
    pub(super) fn warn(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, state: State::Warn, found: found.into(), advice: Some(advice.into()) }
    }

    /// Something that has to be mended first.
    pub(super) fn fail(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Fail, ..Self::warn(name, found, advice) }
    }

    /// The columns of its line.
    pub(super) fn row(&self) -> [String; 3] {
        let advice = self.advice.as_ref().map_or_else(String::new, |advice| format!("; {advice}"));
        // What programs say can have several lines.
        let told = format!("{}{advice}", self.found).split_whitespace().collect::<Vec<_>>().join(" ");
        [self.state.word().to_owned(), self.name.to_owned(), told]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_state_first_and_ends_with_what_to_do() {
        let check = Check::fail("clock", "it is\n1970", "set it");
        assert_eq!(check.row(), ["fail", "clock", "it is 1970; set it"]);
        assert_eq!(Check::ok("clock", "now").row(), ["ok", "clock", "now"]);
        assert_eq!(Check::warn("a", "b", "c").state.word(), "warn");
    }
}
