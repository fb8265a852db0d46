//! `liblars::candle::Lars`.

use std::thread;

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{Module, Optimizer as _, VarBuilder, VarMap};
use liblars::candle::Lars;
use liblars::{Key, Optimizer};

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// A layer with a loss that reaches both variables; the weight's gradient is transposed.
fn linear() -> Result<(VarMap, impl Fn() -> Result<Tensor>)> {
    let variables = VarMap::new();
    let builder = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
    let layer = candle_nn::linear(4, 3, builder.pp("fc"))?;
    let input = Tensor::arange(0.0_f32, 8.0, &Device::Cpu)?.reshape((2, 4))?;
    Ok((variables, move || layer.forward(&input)?.sqr()?.sum_all()))
}

#[test]
fn steps_are_those_of_the_library_in_place() -> Result<()> {
    let (variables, loss) = linear()?;
    let mut lars = Lars::from_var_map(&variables, 0.5)?;
    assert_eq!(lars.optimizer().parameter(0)?.name, "fc.bias");
    lars.optimizer_mut().set(Key::WeightDecay, 0.01)?;

    let mut optimizer = Optimizer::new()?;
    optimizer.add_parameter("bias", liblars::DType::F32, &[3])?;
    optimizer.add_parameter("weight", liblars::DType::F32, &[3, 4])?;
    optimizer.set(Key::LearningRate, 0.5)?;
    optimizer.set(Key::WeightDecay, 0.01)?;
    let mut expected: Vec<_> = lars.variables().iter().map(|variable| values(variable)).collect();

    for _ in 0..3 {
        let gradients = loss()?.backward()?;
        let copies: Vec<_> = lars.variables().iter().map(|one| values(gradients.get(one).unwrap())).collect();
        lars.step(&gradients)?;
        optimizer.step(&mut expected, &copies)?;
    }
    let stepped: Vec<_> = lars.variables().iter().map(|variable| values(variable)).collect();
    assert_eq!(stepped, expected);
    assert_eq!(lars.optimizer().step_count(), 3);
    Ok(())
}

#[test]
fn training_lowers_the_loss() -> Result<()> {
    let (variables, loss) = linear()?;
    let mut lars = Lars::from_var_map(&variables, 1.0)?;
    let first = loss()?.to_scalar::<f32>()?;
    for _ in 0..20 {
        lars.backward_step(&loss()?)?;
    }
    assert!(loss()?.to_scalar::<f32>()? < first);
    Ok(())
}

#[test]
fn every_float_type() -> Result<()> {
    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
        let variable = Var::ones(6, dtype, &Device::Cpu)?;
        let mut lars = Lars::new(vec![variable.clone()], 100.0)?;
        lars.backward_step(&variable.sqr()?.sum_all()?)?;
        assert!(values(&variable.to_dtype(DType::F32)?).iter().all(|&value| value < 1.0), "{dtype:?}");
    }
    Ok(())
}

#[test]
fn a_variable_without_a_gradient_is_left_alone() -> Result<()> {
    let (used, unused) = (Var::ones(3, DType::F32, &Device::Cpu)?, Var::ones(2, DType::F32, &Device::Cpu)?);
    let integers = Var::zeros(2, DType::U32, &Device::Cpu)?;
    let mut lars = Lars::new(vec![unused.clone(), integers, used.clone()], 0.5)?;
    assert_eq!(lars.variables().len(), 2);
    lars.backward_step(&used.sqr()?.sum_all()?)?;
    assert_eq!(values(&unused), [1.0; 2]);
    assert!(values(&used)[0] < 1.0);
    assert_eq!(lars.optimizer().parameter_step_count(1)?, 1);

    lars.optimizer_mut().set_gradient_clip(1.0)?;
    let error = lars.backward_step(&used.sqr()?.sum_all()?).unwrap_err();
    assert!(error.to_string().contains("clip"), "{error}");
    Ok(())
}

#[test]
fn a_gradient_that_is_a_variable_does_not_lock_forever() -> Result<()> {
    let (a, b) = (Var::ones(3, DType::F32, &Device::Cpu)?, Var::ones(3, DType::F32, &Device::Cpu)?);
    let mut lars = Lars::new(vec![a.clone(), b.clone()], 0.5)?;
    let mut gradients = a.add(&b)?.sum_all()?.backward()?;
    gradients.insert(&a, b.as_tensor().clone());
    gradients.insert(&b, a.as_tensor().clone());
    lars.step(&gradients)?;
    assert_eq!(values(&a), values(&b));
    Ok(())
}

#[test]
fn what_cannot_be_stepped_is_refused() -> Result<()> {
    let variable = Var::ones((2, 3), DType::F32, &Device::Cpu)?;
    let error = Lars::new(vec![variable.clone(), variable.clone()], 0.5).unwrap_err();
    assert!(error.to_string().contains("shares its memory"), "{error}");
    assert!(Lars::new(vec![variable], -1.0).is_err());
    Ok(())
}

#[test]
fn learning_rates() -> Result<()> {
    let variable = Var::ones(3, DType::F32, &Device::Cpu)?;
    let mut lars = Lars::new(vec![variable.clone()], 0.5)?;
    lars.set_learning_rate(0.25);
    assert_eq!(lars.learning_rate(), 0.25);
    lars.set_learning_rate(-1.0);
    let loss = || variable.sqr()?.sum_all();
    assert!(lars.backward_step(&loss()?).is_err());
    assert_eq!(lars.learning_rate(), 0.25);
    lars.backward_step(&loss()?)?;
    assert_eq!(Lars::empty(0.125)?.learning_rate(), 0.125);
    Ok(())
}

/// Each variable takes some of the stack, which grows.
#[test]
fn thousands_of_variables() -> Result<()> {
    let stepped = thread::Builder::new().stack_size(2 << 20).spawn(|| -> Result<f32> {
        let one = || Var::ones(2, DType::F32, &Device::Cpu);
        let variables = (0..5000).map(|_| one()).collect::<Result<Vec<_>>>()?;
        let mut lars = Lars::new(variables.clone(), 0.5)?;
        let mut gradients = variables[0].sum_all()?.backward()?;
        for variable in &variables {
            gradients.insert(variable, variable.ones_like()?);
        }
        lars.step(&gradients)?;
        Ok(values(&variables[4999])[0])
    })?;
    assert!(stepped.join().expect("enough of the stack")? < 1.0);
    Ok(())
}
