//! LARS for candle's variables (feature `candle`).
//!
//! ```
//! use candle_core::{DType, Device, Tensor};
//! use candle_nn::{Module, Optimizer, VarBuilder, VarMap};
//! use liblars::{Key, candle::Lars};
//!
//! let variables = VarMap::new();
//! let builder = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
//! let model = candle_nn::linear(4, 2, builder.pp("fc"))?;
//!
//! let mut lars = Lars::from_var_map(&variables, 1.0)?;
//! lars.optimizer_mut().set_for("*.bias", Key::TrustRatioMask, false)?;
//! lars.optimizer_mut().set_for("*.bias", Key::LearningRate, 0.01)?;
//!
//! let input = Tensor::ones((3, 4), DType::F32, &Device::Cpu)?;
//! let loss = model.forward(&input)?.sqr()?.mean_all()?;
//! lars.backward_step(&loss)?;
//! # Ok::<(), candle_core::Error>(())
//! ```

use std::cell::Cell;
use std::collections::HashSet;
use std::ops::Range;

use candle_core::backprop::GradStore;
use candle_core::{
    CpuStorage, DType, Device, InplaceOp1, Layout, Result, Storage, Tensor as CandleTensor, Var,
};
use candle_nn::VarMap;

use crate::{Error, Key, Optimizer, Tensor, TensorMut};

impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        Self::wrap(error)
    }
}

/// LARS as [`candle_nn::Optimizer`]. Everything but the learning rate is set through
/// [`optimizer_mut`](Self::optimizer_mut).
///
/// A variable on the CPU is stepped in place. One on another device is stepped by way of the CPU: it and its
/// gradient are copied there, and the result back, at every step; the tests have no such device. A gradient that
/// is not contiguous is copied, too: those of the weights of candle's `Linear` are transposed.
///
/// As with candle's own optimizers, a variable without a gradient is left alone. If there is one, the others are
/// stepped one after the other, each with its own momentum and step count: then a step that fails may have stepped
/// some of them, and gradients cannot be clipped by the norm of all.
///
/// # Deadlocks
///
/// A step holds the locks of all variables at once until it ends, because the library needs their memory together.
/// So nothing else may use the variables, or what shares memory with them, during a step. Another thread's forward
/// pass locks the operands of an operation in an order of its own: it may wait for the step, and the step for it,
/// forever. Observers and schedules that look at a variable always do.
#[derive(Debug)]
pub struct Lars {
    optimizer: Optimizer,
    variables: Vec<Var>,
    addresses: HashSet<usize>, // of the variables' memory
    learning_rate: f64,
    refused: Option<Error>,
}

impl Lars {
    /// Of all variables of a map, under their names, in the order of these: so globs select them, and
    /// checkpoints fit from one run to the next.
    ///
    /// # Errors
    ///
    /// As [`named`](Self::named).
    pub fn from_var_map(variables: &VarMap, learning_rate: f64) -> Result<Self> {
        let map = variables.data().lock().map_err(candle_core::Error::msg)?;
        let mut named: Vec<_> = map.iter().map(|(name, variable)| (name.clone(), variable.clone())).collect();
        drop(map);
        named.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Self::named(named, learning_rate)
    }

    /// Of variables with names.
    ///
    /// # Errors
    ///
    /// For a variable that is not of F16, BF16, F32 or F64, or not contiguous, and if two share memory; and those of
    /// [`Optimizer::add_parameter`] and [`Optimizer::set`].
    pub fn named<N: AsRef<str>>(
        variables: impl IntoIterator<Item = (N, Var)>,
        learning_rate: f64,
    ) -> Result<Self> {
        let mut optimizer = Optimizer::new()?;
        optimizer.set(Key::LearningRate, learning_rate)?;
        let (mut kept, mut addresses) = (Vec::new(), HashSet::new());
        for (name, variable) in variables {
            let name = name.as_ref();
            if !variable.is_contiguous() {
                candle_core::bail!("variable {name} is not contiguous");
            }
            if !addresses.insert(address(&variable)) {
                candle_core::bail!("variable {name} shares its memory with another");
            }
            let shape = variable.dims().iter().map(|&extent| i64::try_from(extent));
            let shape =
                shape.collect::<std::result::Result<Vec<_>, _>>().map_err(candle_core::Error::wrap)?;
            optimizer.add_parameter(name, dtype_of(variable.dtype())?, &shape)?;
            kept.push(variable);
        }
        Ok(Self { optimizer, variables: kept, addresses, learning_rate, refused: None })
    }

    /// Norms, telemetry, checkpoints.
    #[must_use]
    pub fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }

    /// Hyper-parameters, schedules, policies.
    pub fn optimizer_mut(&mut self) -> &mut Optimizer {
        &mut self.optimizer
    }

    /// The variables, in the order of the optimizer's parameters.
    #[must_use]
    pub fn variables(&self) -> &[Var] {
        &self.variables
    }

    /// A gradient as a step can read it while it holds the locks of all variables.
    fn readable(&self, gradient: &CandleTensor) -> Result<CandleTensor> {
        let gradient = gradient.to_device(&Device::Cpu)?.contiguous()?;
        if self.addresses.contains(&address(&gradient)) { gradient.copy() } else { Ok(gradient) }
    }

    /// Steps variables on the CPU, which are the parameters `indices`.
    fn step_on_cpu(&mut self, indices: &[u32], variables: &[Var], gradients: &[CandleTensor]) -> Result<()> {
        let guards: Vec<_> = gradients.iter().map(CandleTensor::storage_and_layout).collect();
        let gradients = guards.iter().map(|(storage, layout)| match &**storage {
            Storage::Cpu(storage) => tensor_of(storage, layout),
            _ => candle_core::bail!("a gradient is not on the CPU"),
        });
        let gradients = gradients.collect::<Result<Vec<_>>>()?;
        if variables.len() == self.variables.len() {
            return lend(variables, Vec::with_capacity(variables.len()), &mut |lent| {
                self.optimizer.step(lent, &gradients)?;
                Ok(())
            });
        }
        for ((&index, variable), gradient) in indices.iter().zip(variables).zip(gradients) {
            lend(std::slice::from_ref(variable), Vec::new(), &mut |lent| {
                for tensor in lent {
                    self.optimizer.step_parameter(index, tensor, gradient)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

impl candle_nn::Optimizer for Lars {
    /// The learning rate.
    type Config = f64;

    /// Of variables without names, which are then "0", "1", and so on. Integers are left out.
    fn new(variables: Vec<Var>, learning_rate: f64) -> Result<Self> {
        let floats = variables.into_iter().filter(|variable| variable.dtype().is_float());
        Self::named(floats.enumerate().map(|(index, variable)| (index.to_string(), variable)), learning_rate)
    }

    /// Steps the variables that have gradients. No other thread may use any of the variables meanwhile: see
    /// [`Lars`].
    fn step(&mut self, gradients: &GradStore) -> Result<()> {
        if let Some(error) = self.refused.take() {
            return Err(error.into());
        }
        let (mut indices, mut variables, mut on_cpu) = (Vec::new(), Vec::new(), Vec::new());
        for (index, variable) in (0..).zip(&self.variables) {
            if let Some(gradient) = gradients.get(variable) {
                indices.push(index);
                variables.push(on_the_cpu(variable)?);
                on_cpu.push(self.readable(gradient)?);
            }
        }
        self.step_on_cpu(&indices, &variables, &on_cpu)?;
        for (&index, stepped) in indices.iter().zip(&variables) {
            let variable = &self.variables[index as usize];
            if !variable.device().is_cpu() {
                variable.set(&stepped.to_device(variable.device())?)?;
            }
        }
        Ok(())
    }

    /// The first parameter's at its next step, or what was set last if that cannot be told.
    fn learning_rate(&self) -> f64 {
        self.optimizer.get(0, Key::LearningRate).unwrap_or(self.learning_rate)
    }

    /// Of all parameters: those of their own and schedules end. A rate that is refused makes the next step fail.
    fn set_learning_rate(&mut self, learning_rate: f64) {
        match self.optimizer.set(Key::LearningRate, learning_rate) {
            Ok(()) => self.learning_rate = learning_rate,
            Err(error) => self.refused = Some(error),
        }
    }
}

const STACK_LEFT: usize = 128 * 1024; // enough for a step, and for what callbacks do
const STACK_MORE: usize = 1024 * 1024;

type Then<'a> = dyn FnMut(Vec<TensorMut<'_>>) -> Result<()> + 'a;

/// Calls `then` with the memory of all variables, and holds their locks meanwhile. candle lends the memory of one
/// variable, for the time of a call; so this goes a call deeper for each.
fn lend(variables: &[Var], lent: Vec<TensorMut<'_>>, then: &mut Then<'_>) -> Result<()> {
    match variables.split_first() {
        Some((first, rest)) => first.inplace_op1(&Lend { rest, arguments: Cell::new(Some((lent, then))) }),
        None => then(lent),
    }
}

struct Lend<'a, 'lent, 'then> {
    rest: &'a [Var],
    arguments: Cell<Option<(Vec<TensorMut<'lent>>, &'a mut Then<'then>)>>,
}

impl InplaceOp1 for Lend<'_, '_, '_> {
    fn name(&self) -> &'static str {
        "lars"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (mut lent, then) = self.arguments.take().expect("candle calls this once");
        lent.push(tensor_mut_of(storage, layout)?);
        stacker::maybe_grow(STACK_LEFT, STACK_MORE, || lend(self.rest, lent, then))
    }
}

fn on_the_cpu(variable: &Var) -> Result<Var> {
    if variable.device().is_cpu() {
        Ok(variable.clone())
    } else {
        Var::from_tensor(&variable.to_device(&Device::Cpu)?)
    }
}

/// Where a tensor's memory is kept. It stays there as long as the tensor lives.
fn address(tensor: &CandleTensor) -> usize {
    std::ptr::from_ref(&*tensor.storage_and_layout().0).addr()
}

fn dtype_of(dtype: DType) -> Result<crate::DType> {
    match dtype {
        DType::F16 => Ok(crate::DType::F16),
        DType::BF16 => Ok(crate::DType::Bf16),
        DType::F32 => Ok(crate::DType::F32),
        DType::F64 => Ok(crate::DType::F64),
        other => candle_core::bail!("LARS is for F16, BF16, F32 and F64, not {other:?}"),
    }
}

fn range_of(layout: &Layout) -> Result<Range<usize>> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(start..end),
        None => candle_core::bail!("a tensor is not contiguous"),
    }
}

fn tensor_of<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<Tensor<'a>> {
    let range = range_of(layout)?;
    match storage {
        CpuStorage::F16(values) => Ok(Tensor::from(&values[range])),
        CpuStorage::BF16(values) => Ok(Tensor::from(&values[range])),
        CpuStorage::F32(values) => Ok(Tensor::from(&values[range])),
        CpuStorage::F64(values) => Ok(Tensor::from(&values[range])),
        _ => candle_core::bail!("a gradient is not of F16, BF16, F32 or F64"),
    }
}

fn tensor_mut_of<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<TensorMut<'a>> {
    let range = range_of(layout)?;
    match storage {
        CpuStorage::F16(values) => Ok(TensorMut::from(&mut values[range])),
        CpuStorage::BF16(values) => Ok(TensorMut::from(&mut values[range])),
        CpuStorage::F32(values) => Ok(TensorMut::from(&mut values[range])),
        CpuStorage::F64(values) => Ok(TensorMut::from(&mut values[range])),
        _ => candle_core::bail!("a variable is not of F16, BF16, F32 or F64"),
    }
}
