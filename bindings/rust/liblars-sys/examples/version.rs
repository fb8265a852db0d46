//! Prints the version of the library that runs, and the kernels that it chose for this machine.

use std::ffi::CStr;

use liblars_sys::{LARS_OK, lars_create, lars_destroy, lars_kernels, lars_version_string};

fn main() {
    let mut optimizer = std::ptr::null_mut();
    // SAFETY: the handle lives until its only destruction, and both texts are static.
    unsafe {
        assert_eq!(lars_create(&raw mut optimizer), LARS_OK);
        let (version, kernels) =
            (CStr::from_ptr(lars_version_string()), CStr::from_ptr(lars_kernels(optimizer)));
        println!("liblars {}, kernels {}", version.to_string_lossy(), kernels.to_string_lossy());
        assert_eq!(lars_destroy(optimizer), LARS_OK);
    }
}
