//! Values of one column, gathered whole: what exact quantiles need.

use std::fmt::Debug;
use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, ListArray, PrimitiveArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{ArrowPrimitiveType, DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::function::StateFieldsArgs;
use datafusion::logical_expr::utils::format_state_name;

use super::sorted::Sorted;

/// Computes the answer from the values, of which there is at least one.
pub(super) type Of<T> = Box<dyn Fn(&Sorted<<T as ArrowPrimitiveType>::Native>) -> Result<ScalarValue> + Send + Sync>;

/// Every value of a group or of a frame that moves, nulls left out: 8 bytes a row.
pub(super) struct Gathered<T: ArrowPrimitiveType> {
    /// Those that were there at the last answer.
    sorted: Sorted<T::Native>,
    /// Those that came since then.
    added: Vec<T::Native>,
    distinct: bool,
    empty: ScalarValue,
    of: Of<T>,
}

impl<T: ArrowPrimitiveType> Gathered<T> {
    /// The answer is `of` the values, or `empty` where there are none.
    pub(super) fn new(distinct: bool, empty: ScalarValue, of: Of<T>) -> Self {
        Self { sorted: Sorted::default(), added: Vec::new(), distinct, empty, of }
    }

    /// Sorts what was added. A group has all of it at once, a frame that moves a row at a time.
    fn sort(&mut self) {
        if self.added.len() > self.sorted.len() {
            let mut values = std::mem::take(&mut self.added);
            values.extend(self.sorted.numbers());
            self.sorted = Sorted::new(values);
        } else {
            self.added.drain(..).for_each(|value| self.sorted.insert(value));
        }
    }
}

impl<T: ArrowPrimitiveType> Debug for Gathered<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gathered({} values)", self.sorted.len() + self.added.len())
    }
}

/// The state of a [`Gathered`]: one list.
pub(super) fn state_fields(args: &StateFieldsArgs, item: DataType) -> Vec<FieldRef> {
    let list = DataType::List(Arc::new(Field::new_list_field(item, true)));
    vec![Arc::new(Field::new(format_state_name(args.name, "values"), list, true))]
}

fn typed<T: ArrowPrimitiveType>(array: &ArrayRef) -> Result<PrimitiveArray<T>> {
    let array = cast(array, &T::DATA_TYPE)?;
    let Some(numbers) = array.as_primitive_opt::<Float64Type>() else { return Ok(array.as_primitive::<T>().clone()) };
    // A NaN with a sign would come before all numbers. Without it, it comes after them.
    let numbers: Float64Array = numbers.unary(|number| if number.is_nan() { f64::NAN } else { number });
    let numbers: &dyn Array = &numbers;
    Ok(numbers.as_primitive::<T>().clone())
}

impl<T: ArrowPrimitiveType> Accumulator for Gathered<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.added.extend(typed::<T>(&values[0])?.iter().flatten());
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.sort();
        match self.sorted.len() {
            0 => Ok(self.empty.clone()),
            _ if self.distinct => (self.of)(&self.sorted.distinct()),
            _ => (self.of)(&self.sorted),
        }
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.sorted.bytes() + self.added.capacity() * size_of::<T::Native>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let mut values = std::mem::take(&mut self.added);
        values.extend(std::mem::take(&mut self.sorted).numbers());
        let values = PrimitiveArray::<T>::new(ScalarBuffer::from(values), None);
        let field = Arc::new(Field::new_list_field(T::DATA_TYPE, true));
        let list = ListArray::try_new(field, OffsetBuffer::from_lengths([values.len()]), Arc::new(values), None)?;
        Ok(vec![ScalarValue::List(Arc::new(list))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        states[0].as_list::<i32>().iter().flatten().try_for_each(|values| self.update_batch(&[values]))
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.sort();
        if typed::<T>(&values[0])?.iter().flatten().all(|value| self.sorted.remove(value)) {
            return Ok(());
        }
        internal_err!("a value left a frame that it was not in")
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }
}
