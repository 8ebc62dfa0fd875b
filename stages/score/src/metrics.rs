//! Metrics of one class over many windows, and their averages over classes.
//!
//! A [`Ranking`] holds what every metric of a class is made from: how many positive and negative windows score at
//! least each distinct score. Windows whose label is `None` (nobody looked) count nowhere but in [`Ranking::masked`].
//!
//! A metric is `None`, never 0, where it is undefined:
//!
//! | metric | definition | undefined without |
//! |---|---|---|
//! | precision | tp / (tp + fp) | a predicted window |
//! | recall | tp / (tp + fn) | a positive window |
//! | F1 | 2 tp / (2 tp + fp + fn), so 0 where nothing is predicted | a positive window |
//! | average precision | sum over distinct scores of (rise in recall) x precision, without interpolation | a positive window |
//! | AUROC | chance that a positive outscores a negative, a tie counting 1/2 | a positive or a negative window |
//! | specificity | tn / (tn + fp) | a negative window |
//!
//! Over several classes, macro is the plain mean and weighted the mean by positive windows, both over the classes where the metric is defined;
//! micro is the metric of all pairs of window and class together.
//!
//! Source: the definitions are those of scikit-learn's `precision_recall_fscore_support`, `average_precision_score`,
//! `roc_auc_score` and `label_ranking_average_precision_score`; where scikit-learn puts a substitute for an undefined value (`zero_division`), we put `None`.

mod averages;
mod confusion;
mod ranking;

pub use averages::{MacroAverage, RankedLabels, macro_average, weighted_average};
pub use confusion::Confusion;
pub use ranking::{Areas, Labelled, Ranking, Score, Sorted, Step};
