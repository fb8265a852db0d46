//! The numbers of lars.h as enums.

use crate::sys;

/// An enum whose variants are numbers of lars.h.
macro_rules! numbers {
    ($(#[$attribute:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $number:expr,)+ }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(i32)]
        pub enum $name { $($(#[$doc])* $variant = $number,)+ }

        impl $name {
            /// All of them, in the order of lars.h.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Its number in lars.h.
            #[must_use]
            pub const fn number(self) -> i32 {
                self as i32
            }
        }
    };
}

numbers! {
    /// Why a call failed. A call that fails has changed nothing.
    #[non_exhaustive]
    Status {
        /// None of the documented choices, or a text that holds a NUL.
        Argument = sys::LARS_ERR_ARGUMENT,
        /// A hyper-parameter that cannot take a schedule.
        Key = sys::LARS_ERR_KEY,
        /// A hyper-parameter or schedule argument outside its range, or not finite.
        Value = sys::LARS_ERR_VALUE,
        /// An element type that does not fit.
        Type = sys::LARS_ERR_TYPE,
        /// No parameter of that index, or another number of arrays than parameters.
        Index = sys::LARS_ERR_INDEX,
        /// An empty, over-long, malformed, duplicate or unknown parameter name.
        Name = sys::LARS_ERR_NAME,
        /// A negative extent, too many dimensions, a size that overflows, or an array of another length.
        Shape = sys::LARS_ERR_SHAPE,
        /// A glob or predicate that matches no parameter.
        Selector = sys::LARS_ERR_SELECTOR,
        /// A buffer to be written overlaps another.
        Alias = sys::LARS_ERR_ALIAS,
        /// A buffer is not aligned to its element size.
        Alignment = sys::LARS_ERR_ALIGNMENT,
        /// Not now: no learning rate, no step yet, or parameters added too late.
        State = sys::LARS_ERR_STATE,
        /// Another call on this optimizer is running.
        Busy = sys::LARS_ERR_BUSY,
        /// A callback failed, or returned something it must not.
        Callback = sys::LARS_ERR_CALLBACK,
        /// A parameter, gradient or step holds NaN or Inf: nothing was written.
        Nonfinite = sys::LARS_ERR_NONFINITE,
        /// Out of memory.
        Memory = sys::LARS_ERR_MEMORY,
        /// A defect in liblars: please report it.
        Internal = sys::LARS_ERR_INTERNAL,
        /// The system could not read or write a file.
        Io = sys::LARS_ERR_IO,
        /// Not a checkpoint, a damaged one, or one of a newer format.
        Format = sys::LARS_ERR_FORMAT,
        /// A checkpoint of other parameters.
        Mismatch = sys::LARS_ERR_MISMATCH,
        /// One that a newer library has and this crate does not know.
        Unknown = i32::MIN,
    }
}

impl Status {
    pub(crate) fn from_number(number: i32) -> Self {
        Self::ALL.iter().copied().find(|status| status.number() == number).unwrap_or(Self::Unknown)
    }

    /// Its name in lars.h.
    ///
    /// ```
    /// assert_eq!(liblars::Status::Value.name(), "LARS_ERR_VALUE");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        // SAFETY: a text in static storage.
        unsafe { crate::error::static_text(sys::lars_status_name(self.number())) }
    }
}

numbers! {
    /// Element types.
    #[non_exhaustive]
    DType {
        /// IEEE binary16, `half::f16`.
        F16 = sys::LARS_F16,
        /// IEEE binary32, `f32`.
        F32 = sys::LARS_F32,
        /// IEEE binary64, `f64`.
        F64 = sys::LARS_F64,
        /// The upper half of a binary32, `half::bf16`.
        Bf16 = sys::LARS_BF16,
        /// `i16`: only of the masters of [`DType::Bf16`] parameters, which are the lower halves of binary32.
        I16 = sys::LARS_I16,
    }
}

impl DType {
    pub(crate) fn from_number(number: i32) -> Option<Self> {
        Self::ALL.iter().copied().find(|dtype| dtype.number() == number)
    }
}

numbers! {
    /// Hyper-parameters, with optax's names.
    #[non_exhaustive]
    Key {
        /// Finite, >= 0; no default: it must be set before the first step.
        LearningRate = sys::LARS_LEARNING_RATE,
        /// Finite, >= 0; default 0.
        WeightDecay = sys::LARS_WEIGHT_DECAY,
        /// 0 or 1; default 1: decay this parameter.
        WeightDecayMask = sys::LARS_WEIGHT_DECAY_MASK,
        /// Finite, >= 0; default 0.001.
        TrustCoefficient = sys::LARS_TRUST_COEFFICIENT,
        /// Finite, >= 0; default 0.
        Eps = sys::LARS_EPS,
        /// 0 or 1; default 1: scale this parameter by its trust ratio.
        TrustRatioMask = sys::LARS_TRUST_RATIO_MASK,
        /// 0 to 1; default 0.9.
        Momentum = sys::LARS_MOMENTUM,
        /// 0 or 1; default 0.
        Nesterov = sys::LARS_NESTEROV,
        /// Finite, either sign; default 1. Gradients are multiplied by it first.
        GradientScale = sys::LARS_GRADIENT_SCALE,
        /// A [`Denominator`]; default [`Denominator::Decayed`].
        Denominator = sys::LARS_DENOMINATOR,
        /// An [`Outside`]; default [`Outside::Nothing`].
        OutsideMomentum = sys::LARS_OUTSIDE_MOMENTUM,
        /// 0 or 1; default 0. 1: the trust ratio is `min(r / learning rate, 1)`, as in LARC.
        TrustClip = sys::LARS_TRUST_CLIP,
        /// 0 to 1; default 0. After a first step with momentum, `v = momentum * v + (1 - dampening) * s`.
        Dampening = sys::LARS_DAMPENING,
        /// 0 or 1; default 1. 0: weight decay is for the trust ratio only.
        DecayInUpdate = sys::LARS_DECAY_IN_UPDATE,
        /// 0 or 1; default 1. 0: no weight decay where a norm is 0.
        ZeroNormDecay = sys::LARS_ZERO_NORM_DECAY,
        /// > 0; default infinity. Scaled gradients are clipped, one by one, to this magnitude.
        ClipValue = sys::LARS_CLIP_VALUE,
    }
}

numbers! {
    /// Which norm a trust ratio is divided by: values of [`Key::Denominator`].
    Denominator {
        /// |g + `weight_decay` * w|.
        Decayed = sys::LARS_DENOMINATOR_DECAYED,
        /// |g| + `weight_decay` * |w|.
        Sum = sys::LARS_DENOMINATOR_SUM,
        /// |g|.
        Gradient = sys::LARS_DENOMINATOR_GRADIENT,
    }
}

numbers! {
    /// What multiplies the momentum when it is used, not what enters it: values of [`Key::OutsideMomentum`].
    Outside {
        /// Learning rate and trust ratio multiply what enters the momentum.
        Nothing = sys::LARS_OUTSIDE_NOTHING,
        /// The learning rate multiplies what leaves it.
        LearningRate = sys::LARS_OUTSIDE_LEARNING_RATE,
        /// Both do.
        TrustRatio = sys::LARS_OUTSIDE_TRUST_RATIO,
    }
}

numbers! {
    /// The LARS of other libraries.
    #[non_exhaustive]
    Variant {
        /// optax.lars: the default.
        Optax = sys::LARS_VARIANT_OPTAX,
        /// You et al. 2017, algorithm 1; MLPerf, MXNet, Paddle.
        Paper = sys::LARS_VARIANT_PAPER,
        /// torchlars, timm, lightning-bolts: around torch.optim.SGD.
        Torch = sys::LARS_VARIANT_TORCH,
        /// apex LARC: at most the learning rate.
        Larc = sys::LARS_VARIANT_LARC,
        /// Barlow Twins, MAE, vissl.
        Barlow = sys::LARS_VARIANT_BARLOW,
        /// tf.contrib.opt.LARSOptimizer.
        Tf = sys::LARS_VARIANT_TF,
    }
}

numbers! {
    /// What a step does about NaN and Inf.
    NonfinitePolicy {
        /// [`Status::Nonfinite`], naming the tensor; nothing is written. The default.
        Refuse = sys::LARS_NONFINITE_REFUSE,
        /// [`Outcome::Skipped`](crate::Outcome::Skipped): nothing is written, the skip is counted, not the step.
        Skip = sys::LARS_NONFINITE_SKIP,
        /// No check: NaN and Inf pass into the parameters, as in optax.
        Propagate = sys::LARS_NONFINITE_PROPAGATE,
    }
}

numbers! {
    /// Quantities of a parameter's last step.
    #[non_exhaustive]
    Telemetry {
        /// |w|.
        WeightNorm = sys::LARS_TELEMETRY_WEIGHT_NORM,
        /// |g|, scaled and clipped; NaN if it was not gathered.
        GradientNorm = sys::LARS_TELEMETRY_GRADIENT_NORM,
        /// The denominator of the trust ratio, without eps.
        UpdateNorm = sys::LARS_TELEMETRY_UPDATE_NORM,
        /// The trust ratio.
        TrustRatio = sys::LARS_TELEMETRY_TRUST_RATIO,
        /// Learning rate times trust ratio.
        EffectiveRate = sys::LARS_TELEMETRY_EFFECTIVE_RATE,
        /// Share of its steps that a clip limited: of the trust ratio, or of all gradients' norm.
        LimitedShare = sys::LARS_TELEMETRY_LIMITED_SHARE,
        /// Share of steps tried that this parameter made to be skipped.
        SkippedShare = sys::LARS_TELEMETRY_SKIPPED_SHARE,
    }
}

numbers! {
    /// What lies between the points of [`Schedule::piecewise_interpolate`](crate::Schedule::piecewise_interpolate).
    Interpolation {
        /// Straight lines.
        Linear = sys::LARS_INTERPOLATE_LINEAR,
        /// Half a period of cosine.
        Cosine = sys::LARS_INTERPOLATE_COSINE,
    }
}
