//! Self-training (noisy student, Xie et al., CVPR 2020): the stage `pseudo_label`. What another run, the teacher, predicts of windows that
//! nobody listened to becomes labels for the training of this run, the student.
//!
//! Which recordings may teach is decided by the split ([`chorus_score::eligible`]), what a probability teaches by [`target`], which windows
//! are taken by [`choice`], and the stage ([`pseudo_label`]) writes all of it to the table `pseudo_labels`.

mod choice;
mod pseudo_label;
mod settings;
mod target;

pub use pseudo_label::PseudoLabel;
pub use settings::declarations;
