//! Panics of callbacks: they must not unwind through C, so they wait until it has returned.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

thread_local! {
    /// Of the innermost call that runs on this thread. The library calls every callback on its caller's thread.
    static CAUGHT: Cell<Option<Box<dyn Any + Send>>> = const { Cell::new(None) };
}

/// Calls a callback; `None` if it panicked.
///
/// Nobody sees what the callback leaves half done before [`resume`] goes on with the panic, just as if there
/// were no C in between: hence `AssertUnwindSafe`.
///
/// One call may call back again after a callback panicked, and callbacks may use other handles. Those calls must
/// not find the panic that waits for the outer one: it is put aside meanwhile. The first of a call's panics counts.
///
/// When a thread ends, destructors may make calls after [`CAUGHT`] is gone. There a panic has nowhere to wait, and
/// what remains of it is that the callback failed.
pub(crate) fn catch<R>(callback: impl FnOnce() -> R) -> Option<R> {
    let pending = CAUGHT.try_with(Cell::take).ok().flatten();
    let (result, caught) = match catch_unwind(AssertUnwindSafe(callback)) {
        Ok(result) => (Some(result), None),
        Err(payload) => (None, Some(payload)),
    };
    let (mut first, second) = if pending.is_some() { (pending, caught) } else { (caught, None) };
    discard(second);
    let _ = CAUGHT.try_with(|waiting| waiting.set(first.take()));
    discard(first);
    result
}

/// Drops a payload that is not passed on, which may itself panic: then that panic's, and so on.
fn discard(mut payload: Option<Box<dyn Any + Send>>) {
    while let Err(next) = catch_unwind(AssertUnwindSafe(|| drop(payload.take()))) {
        payload = Some(next);
    }
}

/// Goes on with what [`catch`] caught on this thread. To be called after every call of the library that may
/// call back. The library has finished what it was doing by then, or left all as it was.
pub(crate) fn resume() {
    if let Ok(Some(payload)) = CAUGHT.try_with(Cell::take) {
        resume_unwind(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_waits() {
        assert_eq!(catch(|| 1), Some(1));
        resume();
        assert_eq!(catch(|| -> i32 { resume_unwind(Box::new("reason")) }), None);
        let payload = catch_unwind(resume).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"reason"));
        resume();
    }

    #[test]
    fn a_panic_passes_through_two_calls() {
        let outer = catch(|| {
            assert_eq!(catch(|| -> i32 { resume_unwind(Box::new("inner")) }), None);
            resume();
        });
        assert_eq!(outer, None);
        assert_eq!(catch_unwind(resume).unwrap_err().downcast_ref(), Some(&"inner"));
    }

    #[test]
    fn a_panic_that_waits_is_not_that_of_calls_within_the_next_callback() {
        assert_eq!(catch(|| -> i32 { resume_unwind(Box::new("first")) }), None);
        assert_eq!(catch(resume), Some(()));
        assert_eq!(catch(|| -> i32 { resume_unwind(Box::new("second")) }), None);
        assert_eq!(catch_unwind(resume).unwrap_err().downcast_ref(), Some(&"first"));
        resume();
    }

    /// A payload that panics when it is dropped.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            resume_unwind(Box::new("dropped"));
        }
    }

    #[test]
    fn a_second_panic_is_not_dropped_where_c_would_unwind() {
        assert_eq!(catch(|| -> i32 { resume_unwind(Box::new("first")) }), None);
        assert_eq!(catch(|| -> i32 { resume_unwind(Box::new(Bomb)) }), None);
        assert_eq!(catch_unwind(resume).unwrap_err().downcast_ref(), Some(&"first"));
    }
}
