//! The types of values that columns are built from.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Date32Builder, Float32Builder, Float64Builder, Int32Builder, Int64Builder,
    StringBuilder, TimestampMicrosecondBuilder,
};

use crate::ColumnType;

/// A day without a zone, in days since 1970: a value of a `date32` column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(pub i32);

/// An instant, in microseconds since 1970 in UTC: a value of a `timestamp_us_utc` column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UtcMicros(pub i64);

/// A clock reading without a zone, in microseconds since 1970: a value of a `timestamp_us_local` column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalMicros(pub i64);

/// A number that no column can hold: no column is unsigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge(pub u64);

/// A type whose values a column can be built from. An `Option` of such a type is one too: `None` becomes null.
pub trait Value {
    /// The type of the column.
    const TYPE: ColumnType;
    /// Collects the values.
    type Builder: ArrayBuilder + Default;

    /// Appends a value, or null.
    ///
    /// # Errors
    /// [`TooLarge`].
    fn append(value: Option<&Self>, builder: &mut Self::Builder) -> Result<(), TooLarge>;

    /// Ends the array; its Arrow type is that of [`Value::TYPE`].
    fn finish(mut builder: Self::Builder) -> ArrayRef {
        builder.finish()
    }
}

macro_rules! value {
    ($value:ty, $kind:ident, $builder:ty, |$given:ident| $stored:expr $(, with $zone:expr)?) => {
        impl Value for $value {
            const TYPE: ColumnType = ColumnType::$kind;
            type Builder = $builder;

            fn append(value: Option<&Self>, builder: &mut Self::Builder) -> Result<(), TooLarge> {
                builder.append_option(value.map(|$given| $stored));
                Ok(())
            }
            $(
                fn finish(mut builder: Self::Builder) -> ArrayRef {
                    Arc::new(builder.finish().with_timezone($zone))
                }
            )?
        }
    };
}

value!(bool, Bool, BooleanBuilder, |v| *v);
value!(i32, I32, Int32Builder, |v| *v);
value!(i64, I64, Int64Builder, |v| *v);
value!(u32, I64, Int64Builder, |v| i64::from(*v));
value!(f32, F32, Float32Builder, |v| *v);
value!(f64, F64, Float64Builder, |v| *v);
value!(str, Utf8, StringBuilder, |v| v);
value!(String, Utf8, StringBuilder, |v| v);
value!(Day, Date32, Date32Builder, |v| v.0);
value!(LocalMicros, TimestampUsLocal, TimestampMicrosecondBuilder, |v| v.0);
value!(UtcMicros, TimestampUsUtc, TimestampMicrosecondBuilder, |v| v.0, with "UTC");

/// Whole numbers that may be too large for their column.
macro_rules! large {
    ($($value:ty),*) => {$(
        impl Value for $value {
            const TYPE: ColumnType = ColumnType::I64;
            type Builder = Int64Builder;

            fn append(value: Option<&Self>, builder: &mut Self::Builder) -> Result<(), TooLarge> {
                let signed = value.map(|&value| i64::try_from(value).map_err(|_| TooLarge(value as u64)));
                builder.append_option(signed.transpose()?);
                Ok(())
            }
        }
    )*};
}

large!(u64, usize);

impl<T: Value + ?Sized> Value for &T {
    const TYPE: ColumnType = T::TYPE;
    type Builder = T::Builder;

    fn append(value: Option<&Self>, builder: &mut Self::Builder) -> Result<(), TooLarge> {
        T::append(value.copied(), builder)
    }

    fn finish(builder: Self::Builder) -> ArrayRef {
        T::finish(builder)
    }
}

impl<T: Value> Value for Option<T> {
    const TYPE: ColumnType = T::TYPE;
    type Builder = T::Builder;

    fn append(value: Option<&Self>, builder: &mut Self::Builder) -> Result<(), TooLarge> {
        T::append(value.and_then(Option::as_ref), builder)
    }

    fn finish(builder: Self::Builder) -> ArrayRef {
        T::finish(builder)
    }
}
