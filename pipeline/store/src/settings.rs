//! The keys of the section `archive` that are about object stores.

use chorus_keys::{Choices, Declarations, Keys};
use serde::Deserialize;

/// How an archive on an object store is read.
#[derive(Debug, Clone, PartialEq, Deserialize, Keys)]
#[keys(section = "archive", default)]
pub struct StoreSettings {
    /// Who asks an object store for its objects. Credentials never stand in a configuration.
    #[key(default = "credentials")]
    pub access: AccessAs,
    /// URL of a service that speaks S3 and is not Amazon's, such as MinIO. Null: that of AWS_ENDPOINT_URL, or Amazon's.
    #[key(example = "https://minio.example.org")]
    pub endpoint: Option<String>,
    /// Disk space that objects take while they are read. They lie in the system's folder for temporary files (TMPDIR) without
    /// a name. An object that has waited for two minutes is fetched all the same.
    #[key(unit = "GiB", default = "8", range = above(0.0))]
    pub scratch_gib: f64,
}

/// Who asks an object store for its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub enum AccessAs {
    /// The account that the environment or the files of the store's own tools name.
    Credentials,
    /// The same account, which also pays for the transfer (S3: requester pays).
    RequesterPays,
    /// Nobody: the bucket is public.
    Anonymous,
}

/// The configuration keys.
pub fn declarations() -> Declarations {
    Declarations::default().section::<StoreSettings>()
}
