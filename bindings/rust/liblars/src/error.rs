//! Errors.

use std::ffi::{CStr, CString, c_char};
use std::fmt;

use crate::Status;

/// A call that failed: why, in a word and in a sentence that says what to do. The call has changed nothing.
///
/// ```
/// use liblars::{Key, Optimizer, Status};
///
/// let error = Optimizer::new()?.set(Key::Momentum, 1.5).unwrap_err();
/// assert_eq!(error.status(), Status::Value);
/// assert!(error.to_string().contains("momentum"));
/// # Ok::<(), liblars::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    status: Status,
    message: Box<str>,
}

/// What calls return that can fail.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(status: Status, message: &str) -> Self {
        Self { status, message: message.into() }
    }

    /// # Safety
    ///
    /// `message` is a text that nothing changes during the call.
    pub(crate) unsafe fn from_c(status: i32, message: *const c_char) -> Self {
        let status = Status::from_number(status);
        // SAFETY: by contract.
        let message = unsafe { CStr::from_ptr(message) }.to_string_lossy();
        Self::new(status, if message.is_empty() { status.name() } else { &message })
    }

    /// Why, in a word.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// What was wrong and what to do; also what `Display` writes.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// A text as C wants it.
pub(crate) fn c_text(text: impl Into<Vec<u8>>) -> Result<CString> {
    CString::new(text).map_err(|error| Error::new(Status::Argument, &error.to_string()))
}

/// # Safety
///
/// `text` is in static storage.
pub(crate) unsafe fn static_text(text: *const c_char) -> &'static str {
    // SAFETY: by contract.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or_default()
}
