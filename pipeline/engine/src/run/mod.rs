//! The highest floor: makes stages fresh. It knows plans, states and files; nothing below knows of stages' work.

pub(crate) mod base;
mod begin;
mod checks;
pub mod column;
mod commit;
pub(crate) mod context;
mod cut;
mod execute;
mod look;
mod manifest;
mod retire;
pub(crate) mod runner;
mod take;
pub(crate) mod work;
pub(crate) mod worker;
