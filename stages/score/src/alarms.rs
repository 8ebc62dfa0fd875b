//! What windows hold in which a class was detected falsely.
//!
//! A window may hold several classes, and each of them counts: nobody can say which of them raised the alarm. What is there more often in
//! the false alarms of a class than in all windows is what the class is mixed up with.

/// Windows with false alarms of each class, by the classes that are there.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarms {
    classes: usize,
    /// Windows in all, and then false alarms of each class.
    all: Vec<u64>,
    /// The same by what is there: for each row of `all`, each class and then none.
    cells: Vec<u64>,
}

/// False alarms of a class in windows that hold another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// The class that was detected and is not there; `None`: all windows, detected or not.
    pub class: Option<usize>,
    /// The class that is there; `None`: no class.
    pub present: Option<usize>,
    /// Such windows.
    pub windows: u64,
    /// All false alarms of the class, whatever is there.
    pub all: u64,
}

impl Alarms {
    /// Without windows.
    pub fn new(classes: usize) -> Self {
        let rows = classes + 1;
        Self { classes, all: vec![0; rows], cells: vec![0; rows * rows] }
    }

    /// Adds a window that was reviewed for all classes: for each class whether it is there and whether it was detected.
    pub fn add(&mut self, window: &[(bool, bool)]) {
        let held: Vec<usize> = (0..window.len()).filter(|&class| window[class].0).collect();
        let present = if held.is_empty() { vec![self.classes] } else { held };
        let falsely = (0..window.len()).filter(|&class| !window[class].0 && window[class].1).map(|class| class + 1);
        for row in std::iter::once(0).chain(falsely) {
            self.all[row] += 1;
            for &column in &present {
                self.cells[row * (self.classes + 1) + column] += 1;
            }
        }
    }

    /// What occurred, in the order of classes, `None` first.
    pub fn rows(&self) -> Vec<Alarm> {
        let none_first = || std::iter::once(None).chain((0..self.classes).map(Some));
        let row = |class: Option<usize>, present: Option<usize>| {
            let at = class.map_or(0, |class| class + 1);
            let windows = self.cells[at * (self.classes + 1) + present.unwrap_or(self.classes)];
            Alarm { class, present, windows, all: self.all[at] }
        };
        let all = none_first().flat_map(|class| none_first().map(move |present| (class, present)));
        all.map(|(class, present)| row(class, present)).filter(|alarm| alarm.windows > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_that_is_there_counts_and_so_does_silence() {
        const HIT: (bool, bool) = (true, true);
        const MISS: (bool, bool) = (true, false);
        const FALSE: (bool, bool) = (false, true);
        const QUIET: (bool, bool) = (false, false);
        let mut alarms = Alarms::new(3);
        for window in [[HIT, MISS, FALSE], [HIT, QUIET, FALSE], [QUIET, QUIET, FALSE], [QUIET, QUIET, QUIET], [FALSE, QUIET, HIT]]
        {
            alarms.add(&window);
        }
        let found: Vec<_> = alarms.rows().iter().map(|a| (a.class, a.present, a.windows, a.all)).collect();
        assert_eq!(
            found,
            [
                (None, None, 2, 5),
                (None, Some(0), 2, 5),
                (None, Some(1), 1, 5),
                (None, Some(2), 1, 5),
                (Some(0), Some(2), 1, 1),
                (Some(2), None, 1, 3),
                (Some(2), Some(0), 2, 3),
                (Some(2), Some(1), 1, 3),
            ]
        );
        assert!(Alarms::new(2).rows().is_empty());
    }
}
