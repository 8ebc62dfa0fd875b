//! The few things with the smallest distance from something, at most so many of one hour.

/// A bounded list, by distance and then by identity. Of an hour it keeps the nearest, so that one loud night does not fill it.
#[derive(Debug, Clone)]
pub(super) struct Nearest<T> {
    most: usize,
    per_hour: usize,
    members: Vec<Near<T>>,
}

/// A member of the list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Near<T> {
    /// How far it is.
    pub(super) distance: f64,
    /// What it is called; no other has the same name.
    pub(super) id: String,
    /// The hour that it is of.
    pub(super) hour: String,
    /// What is kept with it.
    pub(super) what: T,
}

impl<T> Nearest<T> {
    /// An empty list of at most `most` members, and at most `per_hour` of one hour.
    pub(super) fn new(most: usize, per_hour: usize) -> Self {
        Self { most, per_hour, members: Vec::new() }
    }

    /// Adds something if it is near enough. Only then it is asked for its hour and for what is kept with it.
    pub(super) fn add<E>(&mut self, distance: f64, id: &str, more: impl FnOnce() -> Result<(String, T), E>) -> Result<(), E> {
        let at = self.members.partition_point(|near| (near.distance, near.id.as_str()) < (distance, id));
        if at >= self.most {
            return Ok(());
        }
        let (hour, what) = more()?;
        let of_hour = || self.members.iter().enumerate().filter(|(_, near)| near.hour == hour).map(|(i, _)| i);
        if of_hour().count() >= self.per_hour {
            match of_hour().last() {
                Some(last) if last >= at => drop(self.members.remove(last)),
                _ => return Ok(()),
            }
        }
        self.members.insert(at, Near { distance, id: id.to_owned(), hour, what });
        self.members.truncate(self.most);
        Ok(())
    }

    /// Whether it holds what has this name.
    pub(super) fn has(&self, id: &str) -> bool {
        self.members.iter().any(|near| near.id == id)
    }

    /// The members, nearest first.
    pub(super) fn into_members(self) -> Vec<Near<T>> {
        self.members
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn an_hour_gives_no_more_than_it_may() {
        let kept = |most, per_hour| {
            let mut nearest = Nearest::new(most, per_hour);
            let all = [(5.0, "a", "1"), (3.0, "b", "1"), (4.0, "c", "1"), (6.0, "d", "2"), (7.0, "e", "3"), (1.0, "f", "3")];
            for (distance, id, hour) in all {
                let Ok(()) = nearest.add(distance, id, || Ok::<_, Infallible>((hour.to_owned(), ())));
            }
            assert!(nearest.has("f") && !nearest.has("z"));
            nearest.into_members().into_iter().map(|near| near.id).collect::<String>()
        };
        assert_eq!(
            (kept(2, 1), kept(9, 1), kept(9, 2), kept(9, 9)),
            ("fb".into(), "fbd".into(), "fbcde".into(), "fbcade".into())
        );
    }

    #[test]
    fn what_is_too_far_is_not_asked() {
        let mut nearest = Nearest::new(1, 1);
        let Ok(()) = nearest.add(1.0, "a", || Ok::<_, Infallible>(("1".to_owned(), 7)));
        assert_eq!(nearest.add(2.0, "b", || Err("asked")), Ok(()));
        assert_eq!(nearest.add(0.5, "b", || Err("asked")), Err("asked"));
        assert_eq!(nearest.into_members()[0].what, 7);
    }
}
