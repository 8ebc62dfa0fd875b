//! Why a compressed recording is refused.

use std::io;

use symphonia::core::errors::Error;

use crate::error::{Fault, RejectCode};

pub(super) fn unreadable(container: &str, error: Error) -> Fault {
    match error {
        Error::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => rejected(
            RejectCode::NoAudioData,
            format!("the {container} file ends before a first frame that agrees with its header"),
        ),
        Error::IoError(error) => error.into(),
        Error::Unsupported(what) => rejected(RejectCode::UnsupportedCodec, format!("not supported in {container}: {what}")),
        other => rejected(RejectCode::BadHeader, format!("the {container} header can't be used: {other}")),
    }
}

pub(super) fn rejected(code: RejectCode, detail: String) -> Fault {
    Fault::Rejected(code, detail)
}
