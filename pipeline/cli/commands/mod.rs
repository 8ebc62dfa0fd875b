//! One file per command.

mod answers;
pub(crate) mod backbone;
pub(crate) mod check;
pub(crate) mod clips;
pub(crate) mod clusters;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod device;
pub(crate) mod doctor;
pub(crate) mod export;
mod freshness;
pub(crate) mod init;
pub(crate) mod model;
pub(crate) mod next;
pub(crate) mod plan;
pub(crate) mod probe;
pub(crate) mod publish;
pub(crate) mod query;
pub(crate) mod review;
pub(crate) mod rounds;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod search;
pub(crate) mod status;
pub(crate) mod sweep;
mod windows;
