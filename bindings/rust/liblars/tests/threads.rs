//! Which thread may have what.

use std::thread;

use liblars::{DType, Error, Key, Optimizer, Schedule, StepReport, Task, Tensor, TensorMut};

const fn send<T: Send>() {}
const fn sync<T: Sync>() {}

const _: () = {
    send::<Optimizer>(); // not Sync: see src/compile_fail.rs
    send::<Schedule>();
    sync::<Schedule>();
    send::<Error>();
    sync::<Error>();
    send::<Tensor<'_>>();
    sync::<Tensor<'_>>();
    send::<TensorMut<'_>>();
    sync::<TensorMut<'_>>();
    send::<Task<'_>>();
    sync::<Task<'_>>();
};

/// Compiles only if T is not Sync: else it would not be clear which of two implementations is meant.
macro_rules! not_sync {
    ($type:ty) => {
        const _: fn() = || {
            trait Ambiguous<A> {
                fn item() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + Sync> Ambiguous<u8> for T {}
            <$type as Ambiguous<_>>::item()
        };
    };
}

not_sync!(Optimizer);
not_sync!(StepReport<'static>);

#[test]
fn an_optimizer_goes_from_thread_to_thread() -> Result<(), Error> {
    let mut optimizer = Optimizer::new()?;
    optimizer.add_parameter("weight", DType::F32, &[4])?;
    optimizer.set(Key::LearningRate, &Schedule::callback(|step| 1.0 / (1 + step) as f64)?)?;
    for steps in 1..=3 {
        optimizer = thread::spawn(move || {
            optimizer.step([&mut [1.0_f32; 4]], [&[0.1_f32; 4]]).unwrap();
            assert_eq!(optimizer.step_count(), steps);
            optimizer
        })
        .join()
        .unwrap();
    }
    Ok(())
}

#[test]
fn threads_share_a_schedule() -> Result<(), Error> {
    let schedule = Schedule::callback(|step| step as f64)?;
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..100).for_each(|step| assert_eq!(schedule.value(step), Ok(step as f64))));
        }
    });
    Ok(())
}
