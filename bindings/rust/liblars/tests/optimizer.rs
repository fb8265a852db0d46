//! What the cases of tests/conformance do not reach: this crate's own shapes.

use half::{bf16, f16};
use liblars::{
    Accumulated, DType, Denominator, Error, Key, Norms, Optimizer, Outcome, Outside, Status, Tensor,
    TensorMut,
};

fn model() -> Result<Optimizer, Error> {
    let mut optimizer = Optimizer::new()?;
    optimizer.add_parameter("weight", DType::F32, &[2, 3])?;
    optimizer.add_parameter("bias", DType::F32, &[2])?;
    optimizer.set(Key::LearningRate, 0.5)?;
    Ok(optimizer)
}

#[test]
fn every_form_of_a_list_steps_alike() -> Result<(), Error> {
    let gradients = [vec![0.1_f32; 6], vec![0.2; 2]];
    let mut vectors = vec![vec![1.0_f32; 6], vec![2.0; 2]];
    assert_eq!(model()?.step(&mut vectors, &gradients)?, Outcome::Taken);

    let (mut weight, mut bias) = ([1.0_f32; 6], [2.0_f32; 2]);
    model()?.step([&mut weight[..], &mut bias[..]], [&gradients[0], &gradients[1]])?;
    assert_eq!((&weight[..], &bias[..]), (&vectors[0][..], &vectors[1][..]));

    let (mut weight, mut bias) = ([1.0_f32; 6], [2.0_f32; 2]);
    let mut views = [TensorMut::from(&mut weight), TensorMut::from(&mut bias)];
    let gradients = [Tensor::from(&gradients[0]), Tensor::from(&gradients[1])];
    model()?.step(&mut views, gradients)?;
    assert_eq!(views[0].len(), 6);
    assert_eq!((&weight[..], &bias[..]), (&vectors[0][..], &vectors[1][..]));

    let mut flat = [1.0_f32, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0];
    model()?.step_flat(&mut flat, &[0.1_f32, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.2])?;
    assert_eq!(flat[..6], vectors[0]);
    Ok(())
}

#[test]
fn lists_hold_several_types_and_scalars() -> Result<(), Error> {
    let mut optimizer = Optimizer::new()?;
    for (name, dtype) in [("a", DType::F16), ("b", DType::Bf16), ("c", DType::F64)] {
        optimizer.add_parameter(name, dtype, &[2])?;
    }
    optimizer.add_parameter("scalar", DType::F32, &[])?;
    optimizer.add_parameter("none", DType::F32, &[0, 3])?;
    optimizer.set(Key::LearningRate, 100.0)?;
    let (mut a, mut b, mut c, mut scalar) = ([f16::ONE; 2], [bf16::ONE; 2], [1.0_f64; 2], 1.0_f32);
    let (mut none, nothing) = (Vec::<f32>::new(), [0.0_f32; 0]);
    let parameters: [TensorMut<'_>; 5] =
        [(&mut a).into(), (&mut b).into(), (&mut c).into(), (&mut scalar).into(), (&mut none).into()];
    let (wide, half, brain) = ([0.5_f64; 2], [f16::ONE; 2], [bf16::ONE; 2]);
    let gradients: [Tensor<'_>; 5] =
        [(&half).into(), (&brain).into(), (&wide).into(), (&0.5_f32).into(), (&nothing).into()];
    optimizer.step(parameters, gradients)?;
    assert!(a[0] < f16::ONE && b[0] < bf16::ONE && c[0] < 1.0 && scalar < 1.0);
    Ok(())
}

#[test]
fn a_wrong_list_changes_nothing() -> Result<(), Error> {
    let mut optimizer = model()?;
    let mut parameters = [vec![1.0_f32; 6], vec![2.0; 2]];
    let error = optimizer.step(&mut parameters, &[vec![0.1_f64; 6], vec![0.2; 2]]).unwrap_err();
    assert_eq!(error.status(), Status::Type);
    let error = optimizer.step(&mut parameters[..1], [&[0.1_f32; 6]]).unwrap_err();
    assert_eq!(error.status(), Status::Argument);
    let error = optimizer.step(&mut parameters, &[vec![0.1_f32; 5], vec![0.2; 2]]).unwrap_err();
    assert_eq!((error.status(), error.status().name()), (Status::Shape, "LARS_ERR_SHAPE"));
    assert!(error.to_string().contains("'weight'"), "{error}");
    assert_eq!((parameters, optimizer.step_count()), ([vec![1.0; 6], vec![2.0; 2]], 0));
    Ok(())
}

#[test]
fn texts_with_a_nul_are_refused() -> Result<(), Error> {
    let mut optimizer = model()?;
    let errors = [
        optimizer.add_parameter("a\0b", DType::F32, &[]).map(drop),
        optimizer.set_for("\0", Key::Eps, 0.0),
        optimizer.set_kernels("\0"),
        optimizer.save("\0"),
        optimizer.parameter_index("\0").map(drop),
    ];
    assert!(errors.iter().all(|error| error.as_ref().is_err_and(|error| error.status() == Status::Argument)));
    assert_eq!(optimizer.parameter_count(), 2);
    Ok(())
}

#[test]
fn values_are_numbers_masks_and_choices() -> Result<(), Error> {
    let mut optimizer = model()?;
    optimizer.set_for("bias", Key::WeightDecayMask, false)?;
    optimizer.set(Key::Denominator, Denominator::Sum)?;
    optimizer.set(Key::OutsideMomentum, Outside::TrustRatio)?;
    let keys = [Key::WeightDecayMask, Key::Denominator, Key::OutsideMomentum];
    assert_eq!(keys.map(|key| optimizer.get(1, key)), [Ok(0.0), Ok(1.0), Ok(2.0)]);
    assert_eq!(optimizer.get(0, Key::WeightDecayMask)?, 1.0);
    Ok(())
}

#[test]
fn a_state_of_the_program() -> Result<(), Error> {
    let (mut parameters, mut own) = ([vec![1.0_f32; 6], vec![2.0; 2]], [vec![1.0_f32; 6], vec![2.0; 2]]);
    let (gradients, mut momentum) = ([vec![0.1_f32; 6], vec![0.2; 2]], [vec![0.0_f32; 6], vec![0.0; 2]]);
    let (mut optimizer, mut external) = (model()?, model()?);
    for _ in 0..3 {
        optimizer.step(&mut own, &gradients)?;
        external.step_external(&mut parameters, &gradients, &mut momentum, None::<TensorMut<'_>>)?;
    }
    assert_eq!(parameters, own);
    assert!(momentum[0][0] != 0.0);
    assert_eq!(external.to_bytes().unwrap_err().status(), Status::State);
    Ok(())
}

#[test]
fn what_is_known_before_the_first_step() -> Result<(), Error> {
    let optimizer = Optimizer::new()?;
    assert_eq!((optimizer.parameter_count(), optimizer.step_count()), (0, 0));
    assert_eq!(optimizer.accumulated(), Accumulated { accumulated: 0, micro_batches: 1 });
    assert!(optimizer.telemetry(liblars::Telemetry::TrustRatio).is_empty());
    assert!(optimizer.threads() >= 1);
    assert!(!optimizer.kernels().is_empty());
    assert_eq!(optimizer.norms(0).unwrap_err().status(), Status::Index);
    assert_eq!(Norms::default().trust_ratio, 0.0);
    Ok(())
}

#[test]
fn errors_are_errors_that_other_threads_can_have() {
    fn takes<E: std::error::Error + Send + Sync + 'static>(_: &E) {}
    let error = Optimizer::new().unwrap().parameter(7).unwrap_err();
    takes(&error);
    assert_eq!(error.message(), error.to_string());
}

#[test]
fn every_number_of_the_header_is_known() {
    for &status in Status::ALL {
        assert_eq!(status.name() == "unknown status", status == Status::Unknown);
    }
    let last = usize::try_from(liblars::sys::LARS_TELEMETRY_SKIPPED_SHARE).unwrap();
    assert_eq!(liblars::Telemetry::ALL.len(), last + 1);
}

#[test]
fn numbers_of_other_types_are_values() -> Result<(), Error> {
    let mut optimizer = Optimizer::new()?;
    optimizer.add_parameter("weight", DType::Bf16, &[1])?;
    optimizer.set(Key::TrustRatioMask, false)?;
    optimizer.set(Key::LearningRate, 2)?;
    assert_eq!(optimizer.get(0, Key::LearningRate)?, 2.0);
    optimizer.set(Key::LearningRate, 0.25_f32)?;
    assert_eq!(optimizer.get(0, Key::LearningRate)?, 0.25);
    let mut weight = [liblars::half::bf16::ONE];
    optimizer.step([&mut weight], [&[liblars::half::bf16::ONE]])?;
    assert_eq!(weight, [liblars::half::bf16::from_f32(0.75)]);
    Ok(())
}
