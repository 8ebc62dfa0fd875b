//! Moments of a group's numbers by running sums, without the numbers.

use std::mem::size_of;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::Float64Type;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::Accumulator;

/// The names of the numbers of a state, in the order of [`Moments::state`].
pub(super) const STATE: [&str; 6] = ["count", "mean", "product", "second", "third", "fourth"];

/// Count, mean, product, and the sums of powers of the distances from the mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    pub(super) count: f64,
    pub(super) mean: f64,
    pub(super) product: f64,
    second: f64,
    third: f64,
    fourth: f64,
}

impl Moments {
    const NONE: Self = Self { count: 0.0, mean: 0.0, product: 1.0, second: 0.0, third: 0.0, fourth: 0.0 };

    fn of(number: f64) -> Self {
        Self { count: 1.0, mean: number, product: number, ..Self::NONE }
    }

    /// Those of the numbers of one group.
    pub(super) fn of_all(numbers: impl IntoIterator<Item = f64>) -> Self {
        numbers.into_iter().fold(Self::NONE, |sums, number| sums.with(&Self::of(number)))
    }

    /// Those of two groups together, by the formulas of Pébay (2008, doi:10.2172/1028931).
    fn with(&self, other: &Self) -> Self {
        let (a, b, n) = (self.count, other.count, self.count + other.count);
        if a == 0.0 || b == 0.0 {
            return if a == 0.0 { *other } else { *self };
        }
        let distance = other.mean - self.mean;
        let share = distance / n;
        let squares = share * distance * a * b;
        Self {
            count: n,
            // Infinity has no distance.
            mean: if distance.is_finite() { self.mean + share * b } else { self.mean + other.mean },
            product: self.product * other.product,
            second: self.second + other.second + squares,
            third: self.third + other.third + squares * share * (a - b) + 3.0 * share * (a * other.second - b * self.second),
            fourth: self.fourth
                + other.fourth
                + squares * share * share * (a * a - a * b + b * b)
                + 6.0 * share * share * (a * a * other.second + b * b * self.second)
                + 4.0 * share * (a * other.third - b * self.third),
        }
    }

    /// The skewness of a sample, without bias for a normal distribution; null for fewer than three numbers.
    pub(super) fn skewness(&self) -> Option<f64> {
        let n = self.count;
        (n > 2.0).then(|| (n * (n - 1.0)).sqrt() / (n - 2.0) * (self.third / n) / (self.second / n).powf(1.5))
    }

    /// The excess kurtosis of a sample, without bias for a normal distribution; null for fewer than four numbers, and where all
    /// are the same.
    pub(super) fn kurtosis(&self) -> Option<f64> {
        let n = self.count;
        let excess = n * self.fourth / (self.second * self.second) - 3.0;
        (n > 3.0 && self.second > 0.0).then(|| (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * excess + 6.0))
    }

    fn state(&self) -> [f64; STATE.len()] {
        [self.count, self.mean, self.product, self.second, self.third, self.fourth]
    }
}

/// A number that is computed from moments of numbers, each of which is mapped first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub(super) map: fn(f64) -> f64,
    pub(super) of: fn(&Moments) -> Option<f64>,
}

impl Answer {
    /// Of these moments; null for no numbers.
    pub(super) fn of(&self, sums: &Moments) -> ScalarValue {
        ScalarValue::Float64(if sums.count > 0.0 { (self.of)(sums) } else { None })
    }

    fn mapped(self, array: &ArrayRef) -> impl Iterator<Item = f64> {
        array.as_primitive::<Float64Type>().iter().flatten().map(self.map)
    }
}

/// The moments of a group.
#[derive(Debug)]
pub(super) struct Group {
    answer: Answer,
    sums: Moments,
}

impl Group {
    pub(super) fn new(answer: Answer) -> Self {
        Self { answer, sums: Moments::NONE }
    }
}

impl Accumulator for Group {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let numbers = self.answer.mapped(&values[0]);
        self.sums = numbers.fold(self.sums, |sums, number| sums.with(&Moments::of(number)));
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.answer.of(&self.sums))
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(self.sums.state().map(ScalarValue::from).into())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let column = |at: usize| states[at].as_primitive::<Float64Type>();
        let [count, mean, product, second, third, fourth] = [0, 1, 2, 3, 4, 5].map(column);
        for row in 0..count.len() {
            let other = Moments {
                count: count.value(row),
                mean: mean.value(row),
                product: product.value(row),
                second: second.value(row),
                third: third.value(row),
                fourth: fourth.value(row),
            };
            self.sums = self.sums.with(&other);
        }
        Ok(())
    }
}

/// The moments of a frame that moves. Nothing is subtracted from a sum, which would leave the error of large numbers behind.
#[derive(Debug)]
pub(super) struct Frame {
    answer: Answer,
    /// For each older number, the moments of it and all those of `older` that came after it; the oldest is the last.
    older: Vec<Moments>,
    /// The numbers that came later, and their moments.
    newer: Vec<f64>,
    sums: Moments,
}

impl Frame {
    pub(super) fn new(answer: Answer) -> Self {
        Self { answer, older: Vec::new(), newer: Vec::new(), sums: Moments::NONE }
    }
}

impl Accumulator for Frame {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for number in self.answer.mapped(&values[0]) {
            self.newer.push(number);
            self.sums = self.sums.with(&Moments::of(number));
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let older = self.older.last().unwrap_or(&Moments::NONE);
        Ok(self.answer.of(&older.with(&self.sums)))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.older.capacity() * size_of::<Moments>() + self.newer.capacity() * size_of::<f64>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        internal_err!("a frame has no state")
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        internal_err!("a frame has no state")
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for _ in 0..values[0].len() - values[0].null_count() {
            if self.older.is_empty() {
                let mut sums = Moments::NONE;
                for number in self.newer.drain(..).rev() {
                    sums = Moments::of(number).with(&sums);
                    self.older.push(sums);
                }
                self.sums = Moments::NONE;
            }
            if self.older.pop().is_none() {
                return internal_err!("a value left a frame that it was not in");
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }
}
