//! Steps allocate nothing after the first. (What the library allocates is tested there.)

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use liblars::{DType, Error, Key, Optimizer, Schedule};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: System does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: by contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: by contract.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations_of(mut call: impl FnMut() -> Result<(), Error>) -> Result<u64, Error> {
    call()?;
    let before = ALLOCATIONS.get();
    for _ in 0..10 {
        call()?;
    }
    Ok(ALLOCATIONS.get() - before)
}

#[test]
fn steps_allocate_nothing_after_the_first() -> Result<(), Error> {
    let mut optimizer = Optimizer::new()?;
    let mut parameters: Vec<Vec<f32>> = vec![vec![1.0; 100]; 20];
    let gradients = vec![vec![0.1_f32; 100]; 20];
    for index in 0..parameters.len() {
        optimizer.add_parameter(&format!("weight{index}"), DType::F32, &[100])?;
    }
    optimizer.set(Key::LearningRate, &Schedule::callback(|step| 1.0 / (step + 1) as f64)?)?;
    optimizer.set_observer(|report| assert!(!report.skipped()))?;
    let step = allocations_of(|| optimizer.step(&mut parameters, &gradients).map(drop))?;
    let one = allocations_of(|| optimizer.step_parameter(0, &mut parameters[0], &gradients[0]).map(drop))?;
    let accumulated = allocations_of(|| {
        optimizer.accumulate_with(&parameters, &gradients)?;
        optimizer.step_accumulated(&mut parameters).map(drop)
    })?;
    assert_eq!((step, one, accumulated), (0, 0, 0));
    Ok(())
}
