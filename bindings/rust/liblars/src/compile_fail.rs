//! What the compiler must refuse, and why: only a nightly compiler checks that it does so for these reasons.

/// One optimizer cannot be used by two threads at once.
///
/// ```compile_fail,E0277
/// let optimizer = liblars::Optimizer::new().unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(|| optimizer.step_count());
/// });
/// ```
fn optimizers_are_not_sync() {}

/// An array cannot be a parameter and a gradient.
///
/// ```compile_fail,E0502
/// let mut optimizer = liblars::Optimizer::new().unwrap();
/// let mut weight = [1.0_f32; 2];
/// optimizer.step([&mut weight], [&weight]);
/// ```
///
/// Nor two parameters.
///
/// ```compile_fail,E0499
/// let mut optimizer = liblars::Optimizer::new().unwrap();
/// let mut weight = [1.0_f32; 2];
/// optimizer.step([&mut weight, &mut weight], [&[0.0_f32; 2], &[0.0; 2]]);
/// ```
fn arrays_do_not_overlap() {}

/// An iterator cannot hand out arrays that end before the call.
///
/// ```compile_fail,E0515
/// let mut optimizer = liblars::Optimizer::new().unwrap();
/// optimizer.step([&mut [1.0_f32; 2]], (0..1).map(|_| liblars::Tensor::from(&vec![0.0_f32; 2])));
/// ```
fn arrays_outlive_the_call() {}

/// Callbacks cannot come back to the optimizer that calls them.
///
/// ```compile_fail,E0502
/// let mut optimizer = liblars::Optimizer::new().unwrap();
/// let optimizer_again = &optimizer;
/// optimizer.set_if(|_| optimizer_again.step_count() > 0, liblars::Key::Eps, 0.0);
/// ```
fn callbacks_do_not_come_back() {}

/// What an observer, a schedule or a pool refers to must live as long as they do.
///
/// ```compile_fail,E0373
/// let mut optimizer = liblars::Optimizer::new().unwrap();
/// {
///     let count = std::sync::atomic::AtomicU64::new(0);
///     optimizer.set_observer(|_| {
///         count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
///     });
/// }
/// ```
///
/// A schedule is shared by threads, and so is its function.
///
/// ```compile_fail,E0277
/// let calls = std::cell::Cell::new(0);
/// liblars::Schedule::callback(move |_| {
///     calls.set(calls.get() + 1);
///     0.1
/// });
/// ```
///
/// Pieces of a step do not outlive it.
///
/// ```compile_fail,E0521
/// let mut optimizer = liblars::Optimizer::new().unwrap();
/// optimizer.set_parallel_for(2, |_, task| {
///     std::thread::spawn(move || task.run(0));
/// });
/// ```
fn callbacks_live_long_enough() {}

/// Names belong to the optimizer.
///
/// ```compile_fail,E0505
/// let mut optimizer = liblars::Optimizer::new().unwrap();
/// optimizer.add_parameter("weight", liblars::DType::F32, &[2]).unwrap();
/// let name = optimizer.parameter(0).unwrap().name;
/// drop(optimizer);
/// println!("{name}");
/// ```
fn names_do_not_outlive_the_optimizer() {}

/// Only types that the library knows are elements.
///
/// ```compile_fail,E0277
/// liblars::Tensor::from(&[1_u32, 2]);
/// ```
fn elements_are_known() {}
