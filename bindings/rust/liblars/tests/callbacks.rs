//! Closures: how long they live, on which threads, and what becomes of their panics.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use liblars::{DType, Error, Key, NonfinitePolicy, Optimizer, Outcome, Schedule, Status, Telemetry};

struct Told(&'static str);

/// Panics without a word on standard error.
fn panic_with(reason: &'static str) {
    resume_unwind(Box::new(Told(reason)));
}

/// What a call panicked with.
fn reason<R>(call: impl FnOnce() -> R) -> &'static str {
    let payload = catch_unwind(AssertUnwindSafe(call)).err().expect("a panic");
    payload.downcast::<Told>().map_or("another panic", |told| told.0)
}

fn model(elements: usize) -> Result<(Optimizer, Vec<f32>, Vec<f32>), Error> {
    let mut optimizer = Optimizer::new()?;
    optimizer.add_parameter("weight", DType::F32, &[i64::try_from(elements).unwrap()])?;
    optimizer.set(Key::LearningRate, 0.5)?;
    Ok((optimizer, vec![1.0; elements], vec![0.1; elements]))
}

#[test]
fn a_predicate_sees_parameters_and_borrows() -> Result<(), Error> {
    let (mut optimizer, ..) = model(4)?;
    let mut seen = Vec::new();
    optimizer.set_if(
        |parameter| {
            seen.push((
                parameter.index,
                parameter.name.to_owned(),
                parameter.dtype,
                parameter.shape.to_vec(),
            ));
            true
        },
        Key::Eps,
        0.25,
    )?;
    assert_eq!(seen, [(0, "weight".to_owned(), DType::F32, vec![4])]);
    assert_eq!(optimizer.get(0, Key::Eps)?, 0.25);
    Ok(())
}

#[test]
fn panics_come_out_of_the_call_that_asked() -> Result<(), Error> {
    let (mut optimizer, mut weight, gradient) = model(4)?;
    let predicate = |optimizer: &mut Optimizer| {
        optimizer.set_if(
            |_| {
                panic_with("predicate");
                true
            },
            Key::Eps,
            0.25,
        )
    };
    assert_eq!(reason(|| predicate(&mut optimizer)), "predicate");
    assert_eq!(optimizer.get(0, Key::Eps)?, 0.0);

    let schedule = Schedule::callback(|_| {
        panic_with("schedule");
        0.0
    })?;
    assert_eq!(reason(|| schedule.value(0)), "schedule");
    optimizer.set(Key::LearningRate, &schedule)?;
    assert_eq!(reason(|| optimizer.get(0, Key::LearningRate)), "schedule");
    assert_eq!(reason(|| optimizer.step([&mut weight], [&gradient])), "schedule");
    assert_eq!((weight[0], optimizer.step_count()), (1.0, 0));

    optimizer.set(Key::LearningRate, 0.5)?;
    optimizer.set_observer(|_| panic_with("observer"))?;
    assert_eq!(reason(|| optimizer.step([&mut weight], [&gradient])), "observer");
    assert_eq!(optimizer.step_count(), 1); // it is told of what is done
    optimizer.remove_observer();
    optimizer.step([&mut weight], [&gradient])?;
    Ok(())
}

#[test]
fn an_observer_is_told_of_every_step() -> Result<(), Error> {
    let (mut optimizer, mut weight, gradient) = model(4)?;
    let (sender, receiver) = std::sync::mpsc::channel();
    optimizer.set_observer(move |report| {
        let ratio = report.quantity(Telemetry::TrustRatio)[0];
        sender.send((report.skipped(), report.steps(), ratio)).unwrap();
    })?;
    optimizer.step([&mut weight], [&gradient])?;
    optimizer.set_nonfinite_policy(NonfinitePolicy::Skip)?;
    assert_eq!(optimizer.step([&mut weight], [&[f32::NAN; 4]])?, Outcome::Skipped);
    let ratio = optimizer.norms(0)?.trust_ratio;
    optimizer.remove_observer();
    assert_eq!(receiver.iter().collect::<Vec<_>>(), [(false, 1, ratio), (true, 1, ratio)]);
    Ok(())
}

#[test]
fn a_pool_of_the_program_runs_the_steps() -> Result<(), Error> {
    let elements = 1 << 18;
    let (mut optimizer, mut weight, gradient) = model(elements)?;
    let pieces = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&pieces);
    optimizer.set_parallel_for(3, move |count, task| {
        thread::scope(|scope| {
            for index in 0..count {
                counted.fetch_add(1, Ordering::Relaxed);
                scope.spawn(move || task.run(index));
            }
        });
    })?;
    assert_eq!(optimizer.threads(), 3);
    optimizer.step([&mut weight], [&gradient])?;
    assert!(pieces.load(Ordering::Relaxed) >= 3);

    let (mut serial, mut same, _) = model(elements)?;
    serial.set_threads(1)?;
    serial.step([&mut same], [&gradient])?;
    assert_eq!(weight, same);

    optimizer.set_threads(1)?;
    assert_eq!(Arc::strong_count(&pieces), 1); // the pool is released
    Ok(())
}

#[test]
fn a_pool_may_leave_pieces_out_or_run_them_twice() -> Result<(), Error> {
    let elements = 1 << 18;
    let (mut optimizer, mut weight, gradient) = model(elements)?;
    optimizer.set_parallel_for(2, |count, task| (0..count).for_each(|_| task.run(count + 7)))?;
    optimizer.step([&mut weight], [&gradient])?;
    optimizer.set_parallel_for(2, |_, task| (0..5).for_each(|_| task.run(1)))?;
    optimizer.step([&mut weight], [&gradient])?;

    let (mut serial, mut same, _) = model(elements)?;
    serial.step([&mut same], [&gradient])?;
    serial.step([&mut same], [&gradient])?;
    assert_eq!(weight, same);
    Ok(())
}

#[test]
fn a_pool_that_panics_leaves_a_whole_state() -> Result<(), Error> {
    let elements = 1 << 18;
    let (mut optimizer, mut weight, gradient) = model(elements)?;
    optimizer.set_parallel_for(2, |_, _| panic_with("pool"))?;
    assert_eq!(reason(|| optimizer.step([&mut weight], [&gradient])), "pool");
    let taken = optimizer.step_count() == 1;
    assert!(weight.iter().all(|&element| (element != 1.0) == taken));
    Ok(())
}

#[test]
fn functions_live_as_long_as_what_uses_them() -> Result<(), Error> {
    let alive = Arc::new(());
    let (mut optimizer, mut weight, gradient) = model(4)?;
    {
        let held = Arc::clone(&alive);
        let schedule = Schedule::callback(move |_| if Arc::strong_count(&held) > 0 { 0.25 } else { 0.0 })?;
        let joined = Schedule::join(&Schedule::constant(0.5)?, &[(1, &schedule)])?;
        drop(schedule);
        assert_eq!(joined.value(1)?, 0.25);
        optimizer.set(Key::LearningRate, &joined)?;
        optimizer.set(Key::TrustCoefficient, &joined.clone())?;
    }
    assert_eq!(Arc::strong_count(&alive), 2);
    optimizer.step([&mut weight], [&gradient])?;
    assert_eq!(optimizer.get(0, Key::LearningRate)?, 0.25);
    drop(optimizer);
    assert_eq!(Arc::strong_count(&alive), 1);
    Ok(())
}

#[test]
fn another_observer_releases_the_first() -> Result<(), Error> {
    let alive = Arc::new(());
    let (mut optimizer, ..) = model(4)?;
    for _ in 0..3 {
        let held = Arc::clone(&alive);
        optimizer.set_observer(move |_| drop(Arc::clone(&held)))?;
        assert_eq!(Arc::strong_count(&alive), 2);
    }
    drop(optimizer);
    assert_eq!(Arc::strong_count(&alive), 1);
    Ok(())
}

/// A pool that fails in the second pass fails a step that is completed all the same, and told to the observer.
#[test]
fn an_observer_uses_another_optimizer_after_a_pool_has_panicked() -> Result<(), Error> {
    let elements = 1 << 18;
    let (mut optimizer, mut weight, gradient) = model(elements)?;
    let mut passes = 0;
    optimizer.set_parallel_for(2, move |count, task| {
        (0..count).for_each(|index| task.run(index));
        passes += 1;
        if passes == 2 {
            panic_with("pool");
        }
    })?;
    let (mut other, mut others_weight, _) = model(4)?;
    let seen = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&seen);
    optimizer.set_observer(move |_| {
        let counted = Arc::clone(&counted);
        other.set_parallel_for(2, |_, _| ()).unwrap();
        other
            .set_observer(move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
            })
            .unwrap();
        other.step([&mut others_weight], [&[0.1_f32; 4]]).unwrap();
    })?;
    assert_eq!(reason(|| optimizer.step([&mut weight], [&gradient])), "pool");
    assert_eq!((seen.load(Ordering::Relaxed), optimizer.step_count()), (1, 1));
    optimizer.step([&mut weight], [&gradient])?;
    assert_eq!(seen.load(Ordering::Relaxed), 2);
    Ok(())
}

#[test]
fn another_schedule_of_everyone_releases_the_first() -> Result<(), Error> {
    let alive = Arc::new(());
    let held = || {
        let held = Arc::clone(&alive);
        Schedule::callback(move |_| if Arc::strong_count(&held) > 0 { 0.25 } else { 0.0 })
    };
    let (mut optimizer, mut weight, gradient) = model(4)?;
    for _ in 0..3 {
        optimizer.set(Key::LearningRate, &held()?)?;
        assert_eq!(Arc::strong_count(&alive), 2);
        optimizer.step([&mut weight], [&gradient])?;
    }
    optimizer.set(Key::Eps, &held()?)?; // of another key
    optimizer.set_for("weight", Key::LearningRate, &held()?)?; // parameters to come have the first
    assert_eq!(Arc::strong_count(&alive), 4);
    optimizer.step([&mut weight], [&gradient])?;
    optimizer.set(Key::LearningRate, 0.5)?;
    assert_eq!(Arc::strong_count(&alive), 2);
    optimizer.step([&mut weight], [&gradient])?;
    Ok(())
}

#[test]
fn a_schedule_that_is_refused_is_not_kept() -> Result<(), Error> {
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let schedule = Schedule::callback(move |_| if Arc::strong_count(&held) > 0 { 0.25 } else { 0.0 })?;
    let (mut optimizer, ..) = model(4)?;
    optimizer.set(Key::TrustRatioMask, &schedule).unwrap_err();
    optimizer.set_for("nothing", Key::Eps, &schedule).unwrap_err();
    optimizer.set_if(|_| false, Key::Eps, &schedule).unwrap_err();
    drop(schedule);
    assert_eq!(Arc::strong_count(&alive), 1);
    Ok(())
}

#[test]
fn schedules_say_where_they_fail() -> Result<(), Error> {
    let infinite = Schedule::callback(|_| f64::INFINITY)?.value(4).unwrap_err();
    assert_eq!(infinite.status(), Status::Callback);
    assert_eq!(infinite.message(), "the schedule has no value at step 4");
    let overflows = Schedule::exponential_decay(1e300, 1, 1e300, 0, false, None)?.value(7).unwrap_err();
    assert_eq!(overflows.status(), Status::Value);
    assert_eq!(overflows.message(), "the schedule has no value at step 7");
    Ok(())
}

thread_local! {
    static REACHED: RefCell<Option<Optimizer>> = const { RefCell::new(None) };
}

fn with_reached<R>(use_it: impl FnOnce(&Optimizer) -> R) -> R {
    REACHED.with_borrow(|optimizer| use_it(optimizer.as_ref().expect("one is there")))
}

#[test]
fn a_schedule_that_reaches_its_own_optimizer() -> Result<(), Error> {
    let (mut optimizer, ..) = model(4)?;
    optimizer.set(Key::Eps, &Schedule::callback(|_| f64::from(with_reached(Optimizer::parameter_count)))?)?;
    let status = |error: Error| error.status().number().into();
    let momentum = move |_| with_reached(|own| own.norms(0)).map_or_else(status, |_| 0.0);
    optimizer.set(Key::Momentum, &Schedule::callback(momentum)?)?;
    REACHED.set(Some(optimizer));
    assert_eq!(reason(|| with_reached(|own| own.get(0, Key::Eps))), "another panic");
    let refused = with_reached(|own| own.get(0, Key::Momentum)).unwrap_err();
    assert!(refused.message().contains(&Status::Busy.number().to_string()), "{refused}");
    drop(REACHED.take());
    Ok(())
}

#[test]
fn a_pool_has_a_limit() -> Result<(), Error> {
    let (mut optimizer, ..) = model(4)?;
    let error = optimizer.set_parallel_for(1025, |_, _| ()).unwrap_err();
    assert_eq!(error.status(), Status::Value);
    Ok(())
}

/// Calls on an optimizer while its thread ends: those that ask nothing, and a function that panics.
struct Last(RefCell<Option<Optimizer>>, &'static std::sync::Mutex<Vec<Option<Status>>>);

impl Drop for Last {
    fn drop(&mut self) {
        let mut optimizer = self.0.take().expect("filled");
        let (mut weight, gradient) = (vec![1.0_f32; 4], vec![0.1_f32; 4]);
        let status = |result: Result<(), Error>| result.err().map(|error| error.status());
        let step = optimizer.step([&mut weight], [&gradient]).map(drop);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            optimizer.set_if(
                |_| {
                    panic_with("late");
                    true
                },
                Key::Eps,
                0.5,
            )
        }));
        let mut results = self.1.lock().unwrap();
        results.push(status(step));
        results.push(panicked.unwrap_or(Ok(())).err().map(|error| error.status()));
    }
}

#[test]
fn calls_from_the_destructors_of_thread_locals() {
    static RESULTS: std::sync::Mutex<Vec<Option<Status>>> = std::sync::Mutex::new(Vec::new());
    // Whichever order they are dropped in, one is dropped after what the crate keeps for the thread.
    thread_local! {
        static BEFORE: Last = const { Last(RefCell::new(None), &RESULTS) };
        static AFTER: Last = const { Last(RefCell::new(None), &RESULTS) };
    }
    thread::spawn(|| {
        BEFORE.with(|last| last.0.replace(Some(model(4).unwrap().0)));
        let mut optimizer = model(4).unwrap().0;
        assert_eq!(
            reason(|| optimizer.set_if(
                |_| {
                    panic_with("now");
                    true
                },
                Key::Eps,
                0.5
            )),
            "now"
        );
        AFTER.with(|last| last.0.replace(Some(optimizer)));
    })
    .join()
    .unwrap();
    let results = RESULTS.lock().unwrap();
    assert_eq!((results[0], results[2]), (None, None));
    assert_eq!(results.len(), 4);
    // Where there is nowhere to wait for a panic, the call fails; elsewhere it panics.
    assert!(results.contains(&Some(Status::Callback)));
}
