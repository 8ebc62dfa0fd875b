//! Which class is taken for which, where labels allow to say so.
//!
//! In a window that holds several classes nobody can say for which of them a wrong one was taken. So only windows count that were looked through for every
//! class and hold one class or none. In those, each detected class is counted: beside the true one, or instead of it when that was not detected.

/// Windows that hold one class and no other, or none, by what was detected in them.
#[derive(Debug, Clone, PartialEq)]
pub struct Confusions {
    classes: usize,
    windows: Vec<u64>,
    cells: Vec<Cell>,
}

/// How often something was detected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cell {
    /// Windows in which it was detected.
    pub detected: u64,
    /// Those of them in which the true class was not.
    pub instead: u64,
}

/// A true class (`None`: no class), what it was taken for (`None`: nothing was detected), and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The class that the windows hold.
    pub class: Option<usize>,
    /// The class that was detected.
    pub taken_for: Option<usize>,
    /// All windows that hold the class and no other.
    pub windows: u64,
    /// How often.
    pub cell: Cell,
}

impl Confusions {
    /// Without windows.
    pub fn new(classes: usize) -> Self {
        let all = classes + 1;
        Self { classes, windows: vec![0; all], cells: vec![Cell::default(); all * all] }
    }

    /// Adds a window: for each class whether it is there and whether it was detected. One that holds several classes is passed over.
    pub fn add(&mut self, window: &[(bool, bool)]) {
        let mut held = (0..window.len()).filter(|&class| window[class].0);
        let (class, None) = (held.next(), held.next()) else { return };
        let place = self.place(class);
        self.windows[place] += 1;
        let is_missed = class.is_none_or(|class| !window[class].1);
        let detected: Vec<usize> = (0..window.len()).filter(|&class| window[class].1).collect();
        for &taken_for in &detected {
            self.count(class, Some(taken_for), is_missed);
        }
        if detected.is_empty() {
            self.count(class, None, class.is_some());
        }
    }

    fn place(&self, class: Option<usize>) -> usize {
        class.unwrap_or(self.classes)
    }

    fn count(&mut self, class: Option<usize>, taken_for: Option<usize>, is_missed: bool) {
        let at = self.place(class) * (self.classes + 1) + self.place(taken_for);
        self.cells[at].detected += 1;
        self.cells[at].instead += u64::from(is_missed);
    }

    /// What occurred, in the order of classes, `None` first.
    pub fn pairs(&self) -> Vec<Pair> {
        let all = || std::iter::once(None).chain((0..self.classes).map(Some));
        let pair = |class, taken_for| {
            let cell = self.cells[self.place(class) * (self.classes + 1) + self.place(taken_for)];
            Pair { class, taken_for, windows: self.windows[self.place(class)], cell }
        };
        all().flat_map(|class| all().map(move |taken_for| pair(class, taken_for))).filter(|pair| pair.cell.detected > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_class_or_none_and_what_was_heard_instead() {
        let mut confusions = Confusions::new(2);
        const HIT: (bool, bool) = (true, true);
        const MISS: (bool, bool) = (true, false);
        const FALSE: (bool, bool) = (false, true);
        const QUIET: (bool, bool) = (false, false);
        for window in
            [[HIT, FALSE], [MISS, FALSE], [MISS, QUIET], [QUIET, HIT], [QUIET, FALSE], [QUIET, QUIET], [HIT, HIT], [MISS, HIT]]
        {
            confusions.add(&window);
        }
        let found: Vec<_> =
            confusions.pairs().iter().map(|p| (p.class, p.taken_for, p.windows, p.cell.detected, p.cell.instead)).collect();
        assert_eq!(
            found,
            [
                (None, None, 2, 1, 0),
                (None, Some(1), 2, 1, 1),
                (Some(0), None, 3, 1, 1),
                (Some(0), Some(0), 3, 1, 0),
                (Some(0), Some(1), 3, 2, 1),
                (Some(1), Some(1), 1, 1, 0),
            ]
        );
    }
}
