package lars

// #include <lars/lars.h>
import "C"

// All is the selector of Set and the like that selects every parameter, also those added later. Other selectors
// are globs on the names of the parameters added so far: * any text, ? one byte, \ takes the next character
// literally. All is text that no glob can be, so that an empty selector, as of a setting that is missing, is
// ErrSelector.
const All = "\x00"

// Key is a hyper-parameter. Meanings, ranges and defaults are those of lars.h.
type Key int32

// The hyper-parameters of optax.lars.
const (
	LearningRate     Key = C.LARS_LEARNING_RATE     // >= 0; must be set before the first step
	WeightDecay      Key = C.LARS_WEIGHT_DECAY      // >= 0; default 0
	WeightDecayMask  Key = C.LARS_WEIGHT_DECAY_MASK // 0 or 1; default 1: decay this parameter
	TrustCoefficient Key = C.LARS_TRUST_COEFFICIENT // >= 0; default 0.001
	Eps              Key = C.LARS_EPS               // >= 0; default 0
	TrustRatioMask   Key = C.LARS_TRUST_RATIO_MASK  // 0 or 1; default 1: scale this parameter by its trust ratio
	Momentum         Key = C.LARS_MOMENTUM          // 0 to 1; default 0.9
	Nesterov         Key = C.LARS_NESTEROV          // 0 or 1; default 0
	GradientScale    Key = C.LARS_GRADIENT_SCALE    // either sign; default 1; gradients are multiplied by it first
)

// The keys of the variants. SetVariant sets the first five of them together.
const (
	Denominator     Key = C.LARS_DENOMINATOR      // one of Denominator...; default DenominatorDecayed
	OutsideMomentum Key = C.LARS_OUTSIDE_MOMENTUM // one of Outside...; default OutsideNothing
	TrustClip       Key = C.LARS_TRUST_CLIP       // 0 or 1; default 0; 1 is LARC's clipping of the trust ratio
	Dampening       Key = C.LARS_DAMPENING        // 0 to 1; default 0
	DecayInUpdate   Key = C.LARS_DECAY_IN_UPDATE  // 0 or 1; default 1
	ZeroNormDecay   Key = C.LARS_ZERO_NORM_DECAY  // 0 or 1; default 1
	ClipValue       Key = C.LARS_CLIP_VALUE       // > 0; default infinity; clips gradients one by one
)

// Values of the keys Denominator and OutsideMomentum.
const (
	DenominatorDecayed  = C.LARS_DENOMINATOR_DECAYED  // |g + weight_decay * w|
	DenominatorSum      = C.LARS_DENOMINATOR_SUM      // |g| + weight_decay * |w|
	DenominatorGradient = C.LARS_DENOMINATOR_GRADIENT // |g|

	OutsideNothing      = C.LARS_OUTSIDE_NOTHING       // learning rate and trust ratio enter the momentum
	OutsideLearningRate = C.LARS_OUTSIDE_LEARNING_RATE // the learning rate multiplies what leaves it
	OutsideTrustRatio   = C.LARS_OUTSIDE_TRUST_RATIO   // both do
)

// Variant is the LARS of another implementation; docs/variants.md compares them.
type Variant int32

// The variants.
const (
	VariantOptax  Variant = C.LARS_VARIANT_OPTAX  // optax.lars: the default
	VariantPaper  Variant = C.LARS_VARIANT_PAPER  // You et al. 2017, algorithm 1; MLPerf, MXNet, Paddle
	VariantTorch  Variant = C.LARS_VARIANT_TORCH  // torchlars, timm, lightning-bolts
	VariantLARC   Variant = C.LARS_VARIANT_LARC   // apex LARC
	VariantBarlow Variant = C.LARS_VARIANT_BARLOW // Barlow Twins, MAE, vissl
	VariantTF     Variant = C.LARS_VARIANT_TF     // tf.contrib.opt.LARSOptimizer
)

// NonfinitePolicy is what a step does about NaN and Inf.
type NonfinitePolicy int32

// The policies.
const (
	NonfiniteRefuse    NonfinitePolicy = C.LARS_NONFINITE_REFUSE    // ErrNonfinite, and nothing is written: the default
	NonfiniteSkip      NonfinitePolicy = C.LARS_NONFINITE_SKIP      // the step is not taken
	NonfinitePropagate NonfinitePolicy = C.LARS_NONFINITE_PROPAGATE // no check, as in optax
)

// Quantity is something that every parameter's last step was about.
type Quantity int32

// The quantities.
const (
	WeightNorm    Quantity = C.LARS_TELEMETRY_WEIGHT_NORM    // |w|
	GradientNorm  Quantity = C.LARS_TELEMETRY_GRADIENT_NORM  // |g|, or NaN: see SetGradientNorms
	UpdateNorm    Quantity = C.LARS_TELEMETRY_UPDATE_NORM    // the denominator of the trust ratio, without eps
	TrustRatio    Quantity = C.LARS_TELEMETRY_TRUST_RATIO    // r
	EffectiveRate Quantity = C.LARS_TELEMETRY_EFFECTIVE_RATE // learning rate * r
	LimitedShare  Quantity = C.LARS_TELEMETRY_LIMITED_SHARE  // share of its steps that clipping limited
	SkippedShare  Quantity = C.LARS_TELEMETRY_SKIPPED_SHARE  // of its steps and the skips that it caused, the share of skips
)

// Interpolation is how PiecewiseInterpolateSchedule goes from point to point.
type Interpolation int32

// The interpolations.
const (
	InterpolateLinear Interpolation = C.LARS_INTERPOLATE_LINEAR // straight lines
	InterpolateCosine Interpolation = C.LARS_INTERPOLATE_COSINE // half a period of cosine
)
