//! Paths as lars.h takes them: UTF-8 on Windows, elsewhere the bytes that the system knows the file by.

use std::ffi::CString;
use std::path::Path;

#[cfg(any(not(unix), test))]
use crate::{Error, Status};
use crate::{Result, error::c_text};

#[cfg(unix)]
pub(crate) fn c_path(path: &Path) -> Result<CString> {
    use std::os::unix::ffi::OsStrExt;
    c_text(path.as_os_str().as_bytes())
}

#[cfg(not(unix))]
pub(crate) use c_path_in_utf8 as c_path;

#[cfg(any(not(unix), test))]
pub(crate) fn c_path_in_utf8(path: &Path) -> Result<CString> {
    let text = path.to_str().ok_or_else(|| {
        Error::new(Status::Io, &format!("the path {} is not Unicode; use another", path.display()))
    })?;
    c_text(text)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn of_the_bytes_of_the_system() {
        let path = Path::new(OsStr::from_bytes(b"\xff.safetensors"));
        assert_eq!(c_path(path).unwrap().as_bytes(), b"\xff.safetensors");
    }

    #[test]
    fn of_utf8() {
        let name = "Gewichte \u{e4}.safetensors";
        assert_eq!(c_path_in_utf8(Path::new(name)).unwrap().as_bytes(), name.as_bytes());
        let error = c_path_in_utf8(Path::new(OsStr::from_bytes(b"\xff.safetensors"))).unwrap_err();
        assert_eq!(error.status(), Status::Io);
        assert!(error.message().contains(".safetensors is not Unicode"), "{error}");
    }
}
