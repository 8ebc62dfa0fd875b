//! What the training loop asks of its data: any rows, in any order, from several threads at once.

use tch::Tensor;

use crate::{Error, Result};

/// Examples by row.
pub trait Dataset: Sync {
    /// How many rows there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of the rows, the last ones, have labels that are only supposed, such as the scores of another model. They are no part of
    /// what is counted of the labels.
    fn supposed(&self) -> usize {
        0
    }

    /// What a network is given of some rows, in the given order, before it is normalised: spectrograms `[batch, channel, mel, frame]`
    /// or waveforms `[batch, channel, sample]`, of any floating-point type.
    ///
    /// # Errors
    /// The rows cannot be read.
    fn inputs(&self, rows: &[usize]) -> Result<Tensor>;

    /// Labels of some rows, and how much they count: 1 where a label is known, 0 where not, less where it is only supposed;
    /// both `[batch, class]`. Unknown labels are numbers too.
    ///
    /// # Errors
    /// The rows cannot be read.
    fn labels(&self, rows: &[usize]) -> Result<(Tensor, Tensor)>;
}

/// What the labels of a dataset say about its classes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// For each class, its positive rows.
    pub positives: Vec<Vec<usize>>,
    /// For each class, in how many rows its label is known.
    pub reviewed: Vec<u64>,
}

impl Census {
    /// Counts the labels of all rows but those whose labels are only supposed.
    ///
    /// # Errors
    /// Those of reading them.
    pub fn of(data: &dyn Dataset, classes: usize) -> Result<Self> {
        let mut census = Self { positives: vec![Vec::new(); classes], reviewed: vec![0; classes] };
        let rows: Vec<usize> = (0..data.len() - data.supposed()).collect();
        for rows in rows.chunks(4096) {
            let (labels, mask) = data.labels(rows)?;
            check_table("labels", &labels, rows.len(), classes as i64)?;
            let values = |tensor: Tensor| Vec::<f32>::try_from(tensor.f_to_kind(tch::Kind::Float)?.f_contiguous()?.f_view(-1)?);
            let (labels, mask) = (values(labels)?, values(mask)?);
            for (at, (label, known)) in labels.into_iter().zip(mask).enumerate().filter(|(_, (_, known))| *known > 0.5) {
                let class = at % classes;
                census.reviewed[class] += u64::from(known > 0.5);
                if label > 0.5 {
                    census.positives[class].push(rows[at / classes]);
                }
            }
        }
        Ok(census)
    }

    /// How many positive rows each class has.
    pub fn counts(&self) -> Vec<u64> {
        self.positives.iter().map(|rows| rows.len() as u64).collect()
    }
}

/// Refuses a tensor that is not `[rows, columns]`.
pub(crate) fn check_table(name: &str, tensor: &Tensor, rows: usize, columns: i64) -> Result<()> {
    let expected = [rows as i64, columns];
    if tensor.size() == expected {
        return Ok(());
    }
    Err(Error::Shape { name: name.to_owned(), expected: format!("{expected:?}"), found: tensor.size() })
}
