/**
 * @file
 * liblars: layer-wise adaptive rate scaling (LARS), the optimizer of You, Gitman and Ginsburg,
 * "Large Batch Training of Convolutional Networks", 2017 (arXiv:1708.03888), as optax.lars defines it.
 *
 * For a parameter w with gradient g and momentum buffer v (which starts at zero), one step computes
 *
 * @code
 *     u = gradient_scale * g + weight_decay * w      the decay term only under weight_decay_mask
 *     r = trust_coefficient * |w| / (|u| + eps)      1 if |w| or |u| is 0, or outside trust_ratio_mask
 *     s = -learning_rate * r * u
 *     v = s + momentum * v
 *     w = w + (nesterov ? s + momentum * v : v)
 * @endcode
 *
 * with Euclidean norms over the whole tensor. docs/semantics.md gives the rounding and the edge cases.
 *
 * Conventions:
 * - Status: functions that can fail return an int32_t status: LARS_OK (0), a positive status (LARS_SKIPPED),
 *   or a negative LARS_ERR_*. A call that fails changes nothing: no state, no output, no buffer.
 *   lars_error_message tells what was wrong and what to do. Any call may return LARS_ERR_ARGUMENT (NULL where
 *   a pointer is needed, an unknown choice), LARS_ERR_MEMORY and LARS_ERR_INTERNAL; one on a handle
 *   LARS_ERR_BUSY; one with an index LARS_ERR_INDEX; one with a selector or predicate LARS_ERR_SELECTOR, and
 *   with a predicate LARS_ERR_CALLBACK; one with a key LARS_ERR_KEY. Comments name what else there may be.
 * - Memory: pointers are borrowed for the call only; the library keeps none of them. What it returns
 *   (names, shapes, messages) belongs to the handle.
 * - Threads: calls on one handle exclude each other: while one runs, any other on the same handle returns
 *   LARS_ERR_BUSY at once, also from within a callback. Getters and lars_error_message are calls, too: a
 *   thread that polls them makes steps of another return LARS_ERR_BUSY. Different handles are independent.
 *   They share nothing but oneTBB's threads, and the caller's own functions, which may be called by two of
 *   them at the same time. Schedules never change after creation and may be shared between threads, but not
 *   be destroyed while another thread uses them.
 * - Processes: do not fork while a call on a handle runs: in the child that call would never end, and the
 *   handle would return LARS_ERR_BUSY for good.
 */
#ifndef LARS_LARS_H
#define LARS_LARS_H

#include <stdint.h>

/** @name Version of this header; lars_version() is that of the library
 * @{ */

#define LARS_VERSION_MAJOR 0 /**< follows https://semver.org */
#define LARS_VERSION_MINOR 1 /**< likewise */
#define LARS_VERSION_PATCH 0 /**< likewise */

/** @} */

#if defined(_WIN32) && defined(LARS_BUILDING)
#define LARS_API __declspec(dllexport)
#elif !defined(_WIN32) && (defined(__GNUC__) || defined(__clang__))
#define LARS_API __attribute__((visibility("default")))
#else
#define LARS_API
#endif

#if defined(__cplusplus) && __cplusplus >= 201103L
#define LARS_NOEXCEPT noexcept
#else
#define LARS_NOEXCEPT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** @name Statuses; the numbers never change
 * @{ */

#define LARS_OK 0              /**< done */
#define LARS_SKIPPED 1         /**< a step was skipped because of NaN or Inf: see lars_set_nonfinite_policy */
#define LARS_ERR_ARGUMENT (-1) /**< a NULL, an unknown choice, or a wrong number of arrays */
#define LARS_ERR_KEY (-2)      /**< unknown hyper-parameter key, or one that cannot take a schedule */
#define LARS_ERR_VALUE (-3)    /**< a number outside its range, or not finite */
#define LARS_ERR_TYPE (-4)     /**< unknown element type */
#define LARS_ERR_INDEX (-5)    /**< no parameter of that index */
#define LARS_ERR_NAME (-6)     /**< an empty, over-long, malformed, duplicate or unknown parameter name */
#define LARS_ERR_SHAPE (-7)    /**< negative extent, too many dimensions, or a size that overflows */
#define LARS_ERR_SELECTOR (-8) /**< a glob or predicate that matches no parameter */
#define LARS_ERR_ALIAS (-9)    /**< a buffer to be written overlaps another */
#define LARS_ERR_ALIGNMENT (-10) /**< a buffer is not aligned to its element size */
#define LARS_ERR_STATE (-20)     /**< not now: no learning rate, no step yet, or parameters added too late */
#define LARS_ERR_BUSY (-21)      /**< another call on this handle is running */
#define LARS_ERR_CALLBACK (-22)  /**< a callback failed, threw, or returned something it must not */
#define LARS_ERR_NONFINITE (-23) /**< a parameter, gradient or step holds NaN or Inf: nothing was written */
#define LARS_ERR_MEMORY (-30)    /**< out of memory */
#define LARS_ERR_INTERNAL (-31)  /**< a defect in liblars: please report it */
#define LARS_ERR_IO (-40)        /**< the system could not read or write a file */
#define LARS_ERR_FORMAT (-41)    /**< not a checkpoint, a damaged one, or one of a newer format */
#define LARS_ERR_MISMATCH (-42)  /**< a checkpoint of other parameters */

/** @} */

/** @name Element types: DLPack's type code * 256 + bits
 * @{ */

#define LARS_F16 528   /**< IEEE binary16: code 2, 16 bits */
#define LARS_F32 544   /**< IEEE binary32: code 2, 32 bits */
#define LARS_F64 576   /**< IEEE binary64: code 2, 64 bits */
#define LARS_BF16 1040 /**< bfloat16, the upper half of a binary32: code 4, 16 bits */
#define LARS_I16 16    /**< 16-bit integer: only of LARS_ROLE_MASTER, the lower halves of binary32 */

/** @} */

/** @name Hyper-parameter keys, with optax's names
 * @{ */

#define LARS_LEARNING_RATE 1     /**< finite, >= 0; no default: it must be set before the first step */
#define LARS_WEIGHT_DECAY 2      /**< finite, >= 0; default 0 */
#define LARS_WEIGHT_DECAY_MASK 3 /**< 0 or 1; default 1: decay this parameter */
#define LARS_TRUST_COEFFICIENT 4 /**< finite, >= 0; default 0.001 */
#define LARS_EPS 5               /**< finite, >= 0; default 0 */
#define LARS_TRUST_RATIO_MASK 6  /**< 0 or 1; default 1: scale this parameter by its trust ratio */
#define LARS_MOMENTUM 7          /**< 0 to 1; default 0.9 */
#define LARS_NESTEROV 8          /**< 0 or 1; default 0 */
/** Finite, either sign; default 1. Gradients are multiplied by it first: the mean over a batch, loss
 * unscaling, trainers that store the negated gradient. */
#define LARS_GRADIENT_SCALE 9

/** @} */

/** @name Keys of the variants; lars_set_variant sets all but LARS_DAMPENING and LARS_CLIP_VALUE.
 * docs/variants.md
 * @{ */

#define LARS_DENOMINATOR 10      /**< one of LARS_DENOMINATOR_*; default 0 */
#define LARS_OUTSIDE_MOMENTUM 11 /**< one of LARS_OUTSIDE_*; default 0 */
#define LARS_TRUST_CLIP 12       /**< 0 or 1; default 0. 1, LARC: trust ratio min(r / learning rate, 1) */
/** 0 to 1; default 0. Where momentum > 0, v = momentum * v + (1 - dampening) * s after a first step. */
#define LARS_DAMPENING 13
#define LARS_DECAY_IN_UPDATE 14 /**< 0 or 1; default 1. 0: weight decay is for the trust ratio only */
#define LARS_ZERO_NORM_DECAY 15 /**< 0 or 1; default 1. 0: no weight decay where a norm is 0 */
/** > 0; default infinity. Scaled gradients are clipped, one by one, to this magnitude. */
#define LARS_CLIP_VALUE 16

#define LARS_DENOMINATOR_DECAYED 0  /**< |g + weight_decay * w| */
#define LARS_DENOMINATOR_SUM 1      /**< |g| + weight_decay * |w| */
#define LARS_DENOMINATOR_GRADIENT 2 /**< |g| */

#define LARS_OUTSIDE_NOTHING 0       /**< learning rate and trust ratio multiply what enters the momentum */
#define LARS_OUTSIDE_LEARNING_RATE 1 /**< the learning rate multiplies what leaves it */
#define LARS_OUTSIDE_TRUST_RATIO 2   /**< both do */

/** @} */

/** @name Variants
 * @{ */

#define LARS_VARIANT_OPTAX 0  /**< optax.lars: the default */
#define LARS_VARIANT_PAPER 1  /**< You et al. 2017, algorithm 1; MLPerf, MXNet, Paddle */
#define LARS_VARIANT_TORCH 2  /**< torchlars, timm, lightning-bolts: around torch.optim.SGD */
#define LARS_VARIANT_LARC 3   /**< apex LARC: at most the learning rate */
#define LARS_VARIANT_BARLOW 4 /**< Barlow Twins, MAE, vissl */
#define LARS_VARIANT_TF 5     /**< tf.contrib.opt.LARSOptimizer */

/** @} */

/** @name What a step does about NaN and Inf
 * @{ */

#define LARS_NONFINITE_REFUSE 0 /**< default: LARS_ERR_NONFINITE naming the tensor; nothing is written */
#define LARS_NONFINITE_SKIP 1   /**< LARS_SKIPPED; nothing is written, the step is not counted, the skip is */
#define LARS_NONFINITE_PROPAGATE 2 /**< no check: NaN and Inf pass into the parameters, as in optax */

/** @} */

/** @name Limits
 * @{ */

#define LARS_MAX_NAME 255     /**< bytes in a parameter's name, without the terminating NUL */
#define LARS_MAX_NDIM 64      /**< dimensions of a parameter */
#define LARS_MAX_THREADS 1024 /**< threads of one optimizer */

/** @} */

/** An optimizer: parameters, their hyper-parameters and their momentum. */
typedef struct lars_optimizer lars_optimizer;

/** A hyper-parameter's value as a function of the step number. Immutable. */
typedef struct lars_schedule lars_schedule;

/** Says whether a parameter is selected: 1 yes, 0 no, anything else: failed. name and shape are borrowed for
 * the call; shape may be NULL if ndim is 0. Callbacks must return (a C++ exception is caught; longjmp and the
 * thread's end are not), and what they call on the same handle returns LARS_ERR_BUSY. */
typedef int32_t (*lars_predicate)(void* user, uint32_t index, const char* name, int32_t dtype, uint32_t ndim,
                                  const int64_t* shape);

/** Writes a hyper-parameter's value at `step` (0 for the first) to *value. Returns 0, or anything else to
 * fail. Called on the calling thread by steps, the lars_accumulate that completes a batch, lars_get and
 * lars_schedule_value, as a rule once for each step number in a call of the library; it must not count its
 * calls. Otherwise as lars_predicate. */
typedef int32_t (*lars_schedule_function)(void* user, uint64_t step, double* value);

/** One piece of a step. Called with the `context` that was passed to the lars_parallel_for. */
typedef void (*lars_task)(void* context, uint32_t index);

/** A host's thread pool: calls task(context, i) once for each i in 0 ... count - 1, on any threads and in any
 * order, and returns after the last of them has returned. Returns 0, or anything else to fail. */
typedef int32_t (*lars_parallel_for)(void* user, uint32_t count, lars_task task, void* context);

/** @name Library
 * @{ */

/** LARS_VERSION_MAJOR * 10000 + LARS_VERSION_MINOR * 100 + LARS_VERSION_PATCH of the library that runs. */
LARS_API uint32_t lars_version(void) LARS_NOEXCEPT;

/** The same as text, "0.1.0". Static storage. */
LARS_API const char* lars_version_string(void) LARS_NOEXCEPT;

/** A status's name, "LARS_ERR_VALUE"; "unknown status" for a number that is none. Static storage. */
LARS_API const char* lars_status_name(int32_t status) LARS_NOEXCEPT;

/** @} */

/** @name Life of an optimizer
 * @{ */

/** Creates an optimizer without parameters in *optimizer, to be released by lars_destroy. On failure
 * *optimizer is NULL (LARS_ERR_MEMORY), or untouched if `optimizer` itself is NULL. Reads the environment
 * variables LARS_KERNELS and LARS_NUM_THREADS, as if by lars_set_kernels and lars_set_threads; a value that
 * these refuse is reported by the first step, unless they have been called by then. */
LARS_API int32_t lars_create(lars_optimizer** optimizer) LARS_NOEXCEPT;

/** Releases an optimizer and everything it returned. NULL is allowed and does nothing. While another call on
 * the handle runs, the handle stays alive and LARS_ERR_BUSY is returned. */
LARS_API int32_t lars_destroy(lars_optimizer* optimizer) LARS_NOEXCEPT;

/** The message of the last call on this handle that returned neither LARS_OK nor LARS_ERR_BUSY; "" if there
 * is none. Printable UTF-8: other bytes of what it quotes appear as "\x1b". Owned by the handle and valid
 * until its next call, so threads that share a handle must agree on who reads. For NULL, and while another
 * call on the handle runs, a static text says so.
 */
LARS_API const char* lars_error_message(const lars_optimizer* optimizer) LARS_NOEXCEPT;

/** @} */

/** @name Parameters
 * @{ */

/** Registers one tensor. name: 1 to LARS_MAX_NAME bytes of UTF-8, unique, no control characters
 * (LARS_ERR_NAME). dtype: the parameter's element type (LARS_ERR_TYPE); for LARS_F16 and LARS_BF16 the
 * library keeps a binary32 master copy and binary32 momentum. shape: ndim extents >= 0 (LARS_ERR_SHAPE), may
 * be NULL if ndim is 0 (a scalar). Tensors are dense; the order of their elements does not matter as long as
 * parameter and gradient agree. *index receives the parameter's index (0, 1, ... in order of registration);
 * index may be NULL. Only before the first step or accumulation (LARS_ERR_STATE). */
LARS_API int32_t lars_add_parameter(lars_optimizer* optimizer, const char* name, int32_t dtype, uint32_t ndim,
                                    const int64_t* shape, uint32_t* index) LARS_NOEXCEPT;

/** Writes the number of parameters to *count. */
LARS_API int32_t lars_parameter_count(lars_optimizer* optimizer, uint32_t* count) LARS_NOEXCEPT;

/** Writes the index of the parameter called `name` to *index; LARS_ERR_NAME if there is none. */
LARS_API int32_t lars_parameter_index(lars_optimizer* optimizer, const char* name,
                                      uint32_t* index) LARS_NOEXCEPT;

/** Writes a parameter's name, element type, number of dimensions and shape; each output may be NULL. *name
 * and *shape are valid until lars_destroy; *shape may be NULL if there are no dimensions. */
LARS_API int32_t lars_parameter_info(lars_optimizer* optimizer, uint32_t index, const char** name,
                                     int32_t* dtype, uint32_t* ndim, const int64_t** shape) LARS_NOEXCEPT;

/** Sets the element type of the selected parameters' gradients: their own (the default), LARS_F32 for an F16
 * or BF16 parameter, LARS_F16 or LARS_BF16 for an F32 parameter. selector as in lars_set. LARS_ERR_TYPE,
 * naming the parameter, if one of them cannot have it; nothing is changed then. Takes effect at once, but not
 * while micro-batches are accumulated (LARS_ERR_STATE). */
LARS_API int32_t lars_set_gradient_dtype(lars_optimizer* optimizer, const char* selector,
                                         int32_t dtype) LARS_NOEXCEPT;

/** Writes the element type of the parameter's gradient to *dtype. */
LARS_API int32_t lars_gradient_dtype(lars_optimizer* optimizer, uint32_t index, int32_t* dtype) LARS_NOEXCEPT;

#define LARS_ROLE_PARAMETER 0 /**< of the parameter's type; the same holds for updates */
#define LARS_ROLE_GRADIENT 1  /**< of lars_gradient_dtype */
#define LARS_ROLE_MOMENTUM 2  /**< LARS_F64 of an F64 parameter, else LARS_F32 */
#define LARS_ROLE_MASTER 3    /**< LARS_F32 of F16, LARS_I16 of BF16; no elements of other parameters */

/** Checks, for callers whose arrays know type and length, that `count` arrays fit what steps take as `role`,
 * one of LARS_ROLE_*: as many as parameters (LARS_ERR_ARGUMENT), each of the right type (LARS_ERR_TYPE) and
 * number of elements (LARS_ERR_SHAPE); the message names the first that does not. Changes nothing. */
LARS_API int32_t lars_check_arrays(lars_optimizer* optimizer, int32_t role, uint32_t count,
                                   const int32_t* dtypes, const uint64_t* elements) LARS_NOEXCEPT;

/** As lars_check_arrays, for the array of one parameter. */
LARS_API int32_t lars_check_array(lars_optimizer* optimizer, int32_t role, uint32_t index, int32_t dtype,
                                  uint64_t elements) LARS_NOEXCEPT;

/** As lars_check_arrays, for one array that holds those of all parameters end to end. */
LARS_API int32_t lars_check_flat(lars_optimizer* optimizer, int32_t role, int32_t dtype,
                                 uint64_t elements) LARS_NOEXCEPT;

/** @} */

/** @name Hyper-parameters: one mechanism for masks, groups and schedules
 * @{ */

/** Sets `key` to `value` for the selected parameters. selector NULL: all, also those added later. Otherwise a
 * glob on names, matched against those added so far: `*` any text, `?` one byte, `\` takes the next character
 * literally; a glob that matches nothing is LARS_ERR_SELECTOR. A value outside the key's range is
 * LARS_ERR_VALUE. Later calls override earlier ones. Allowed at any time; takes effect at the next step. */
LARS_API int32_t lars_set(lars_optimizer* optimizer, const char* selector, int32_t key,
                          double value) LARS_NOEXCEPT;

/** As lars_set, for the parameters added so far for which predicate(user, ...) returns 1. A predicate that
 * selects nothing is LARS_ERR_SELECTOR; one that fails or throws is LARS_ERR_CALLBACK. user is passed
 * through. */
LARS_API int32_t lars_set_if(lars_optimizer* optimizer, lars_predicate predicate, void* user, int32_t key,
                             double value) LARS_NOEXCEPT;

/** As lars_set, with a schedule evaluated at every step from the parameter's own step count. For numeric keys
 * only (masks and nesterov: LARS_ERR_KEY). The schedule is copied: it may be destroyed at once, its callbacks
 * may not. A value outside the key's range is LARS_ERR_VALUE at the step. */
LARS_API int32_t lars_set_schedule(lars_optimizer* optimizer, const char* selector, int32_t key,
                                   const lars_schedule* schedule) LARS_NOEXCEPT;

/** As lars_set_schedule, selected as in lars_set_if. */
LARS_API int32_t lars_set_schedule_if(lars_optimizer* optimizer, lars_predicate predicate, void* user,
                                      int32_t key, const lars_schedule* schedule) LARS_NOEXCEPT;

/** Writes the value of `key` that the parameter's next step will use to *value. Schedules are evaluated, and
 * fail as at the step (LARS_ERR_CALLBACK, LARS_ERR_VALUE). For a learning rate that was never set, or a
 * callback that lars_load could not restore: LARS_ERR_STATE. */
LARS_API int32_t lars_get(lars_optimizer* optimizer, uint32_t index, int32_t key,
                          double* value) LARS_NOEXCEPT;

/** Sets the keys that distinguish a variant, one of LARS_VARIANT_*, for all parameters, also those added
 * later. Learning rate, trust coefficient, eps, momentum and masks stay: their defaults differ from one
 * implementation to the next, and docs/variants.md lists them. LARS_ERR_ARGUMENT for an unknown variant. */
LARS_API int32_t lars_set_variant(lars_optimizer* optimizer, int32_t variant) LARS_NOEXCEPT;

/** Sets MLPerf's recipe for ResNet-50 on ImageNet: variant PAPER, eps 0, momentum and weight decay by the
 * batch, and a learning rate that rises linearly and falls polynomially (power 2) to 1e-4. The row of the
 * nearest batch is taken (docs/variants.md has the table). Trust coefficient 0.001, nesterov 0. Parameters
 * added so far that have one dimension or none are neither decayed nor adapted, all others are both, whatever
 * their masks were. batch, steps_per_epoch >= 1 (LARS_ERR_VALUE). Single keys may be set afterwards. */
LARS_API int32_t lars_set_mlperf_resnet50(lars_optimizer* optimizer, uint64_t batch,
                                          uint64_t steps_per_epoch) LARS_NOEXCEPT;

/** Clips gradients by their global norm, the norm of all of them together after gradient_scale and
 * clip_value: where it is not below max_norm, all are multiplied by max_norm / norm
 * (optax.clip_by_global_norm). max_norm > 0 (LARS_ERR_VALUE); infinity (the default) clips nothing. Costs
 * no pass over memory, but takes PROPAGATE its waves; not for lars_step_parameter, which does not see all
 * gradients (LARS_ERR_STATE). */
LARS_API int32_t lars_set_gradient_clip(lars_optimizer* optimizer, double max_norm) LARS_NOEXCEPT;

/** Writes the norm to which gradients are clipped to *max_norm; infinity if they are not. */
LARS_API int32_t lars_gradient_clip(lars_optimizer* optimizer, double* max_norm) LARS_NOEXCEPT;

/** Chooses what a step does about NaN and Inf: one of LARS_NONFINITE_* (LARS_ERR_ARGUMENT). The check is
 * free: it looks at the sums that the norms need anyway. */
LARS_API int32_t lars_set_nonfinite_policy(lars_optimizer* optimizer, int32_t policy) LARS_NOEXCEPT;

/** Writes the policy, one of LARS_NONFINITE_*, to *policy. */
LARS_API int32_t lars_nonfinite_policy(lars_optimizer* optimizer, int32_t* policy) LARS_NOEXCEPT;

/** Under LARS_NONFINITE_SKIP, makes the step after `most` skipped ones in a row an error (LARS_ERR_NONFINITE)
 * instead of one more skip; 0 (default): no limit. (optax.apply_if_finite takes such a step instead.) */
LARS_API int32_t lars_set_max_consecutive_skips(lars_optimizer* optimizer, uint64_t most) LARS_NOEXCEPT;

/** Writes how many skipped steps in a row are allowed to *most; 0: no limit. */
LARS_API int32_t lars_max_consecutive_skips(lars_optimizer* optimizer, uint64_t* most) LARS_NOEXCEPT;

/** Chooses the kernels: "auto" (default: "simd" if the processor has vectors, as nearly all have, else
 * "reference"), "simd" with the widest it has, "simd/<target>" with one of those it has ("simd/AVX2"),
 * "reference" or "blas"; LARS_ERR_ARGUMENT for others. All but "blas" give the same bits. docs/design.md
 * compares them. */
LARS_API int32_t lars_set_kernels(lars_optimizer* optimizer, const char* kernels) LARS_NOEXCEPT;

/** The kernels in use: "simd/<target>", "reference" or "blas". Static storage. For NULL, "". While another
 * call on the handle runs, the choice it found. */
LARS_API const char* lars_kernels(const lars_optimizer* optimizer) LARS_NOEXCEPT;

/** Sets how many threads a step may use, the caller's among them: 0 (default), as many as help, by the amount
 * of work and the processors there are; 1, none but the caller's; at most LARS_MAX_THREADS (LARS_ERR_VALUE).
 * Small steps stay on the caller's thread in any case. No result depends on it. Replaces the pool of
 * lars_set_parallel_for. In a child forked after liblars has used threads, steps run on the caller's thread;
 * a host that forks after using oneTBB itself sets 1 in the child. */
LARS_API int32_t lars_set_threads(lars_optimizer* optimizer, uint32_t threads) LARS_NOEXCEPT;

/** Writes the number of threads that a step of all parameters will use at most, the caller's among them, to
 * *threads. */
LARS_API int32_t lars_threads(lars_optimizer* optimizer, uint32_t* threads) LARS_NOEXCEPT;

/** Lets the host's own pool run the steps: run(user, count, task, context) is called on the calling thread,
 * about twice a step, with count <= threads (0: as many as there are processors). run NULL returns to the
 * built-in threads. threads above LARS_MAX_THREADS: LARS_ERR_VALUE. What run leaves undone the calling thread
 * does; so it may fail or throw: before the first write that is LARS_ERR_CALLBACK of the step, later the step
 * is completed. In a child after fork it is not called. */
LARS_API int32_t lars_set_parallel_for(lars_optimizer* optimizer, lars_parallel_for run, void* user,
                                       uint32_t threads) LARS_NOEXCEPT;

/** @} */

/** @name Steps
 * @{ */

/** Steps all parameters in place. parameters and gradients: one pointer per parameter, in order of index,
 * each to as many elements as the shape says, aligned to the element; NULL for a tensor without elements.
 * Parameters must not overlap each other or a gradient (LARS_ERR_ALIAS); gradients may overlap each other.
 * The first step allocates the momentum; later ones that succeed allocate nothing. Returns LARS_SKIPPED, or
 * LARS_ERR_NONFINITE, by the non-finite policy; LARS_ERR_STATE without a learning rate, LARS_ERR_CALLBACK and
 * LARS_ERR_VALUE by schedules, LARS_ERR_ALIGNMENT. So do all forms of a step. */
LARS_API int32_t lars_step(lars_optimizer* optimizer, void* const* parameters,
                           const void* const* gradients) LARS_NOEXCEPT;

/** As lars_step, with all parameters end to end in one buffer in order of index, without gaps, and likewise
 * the gradients. With mixed element types, each tensor must still fall on its own alignment
 * (LARS_ERR_ALIGNMENT). */
LARS_API int32_t lars_step_flat(lars_optimizer* optimizer, void* parameters,
                                const void* gradients) LARS_NOEXCEPT;

/** Steps one parameter, for trainers that walk their tensors: its own step count selects the value of
 * schedules. The result is bit for bit that of lars_step. */
LARS_API int32_t lars_step_parameter(lars_optimizer* optimizer, uint32_t index, void* parameter,
                                     const void* gradient) LARS_NOEXCEPT;

/** optax's form of lars_step: writes the increments to `updates` and leaves the parameters alone; adding them
 * gives bit for bit what lars_step gives. updates must not overlap each other, a parameter or a gradient.
 * Momentum and step counts advance as in lars_step. Not for F16 and BF16 parameters (LARS_ERR_TYPE): their
 * increments are too small for their own type, which is what the master copy is for. Otherwise fails as
 * lars_step. */
LARS_API int32_t lars_update(lars_optimizer* optimizer, const void* const* parameters,
                             const void* const* gradients, void* const* updates) LARS_NOEXCEPT;

/** As lars_step, with a state that the caller keeps, as frameworks do: momentum[i] of LARS_ROLE_MOMENTUM and
 * masters[i] of LARS_ROLE_MASTER, both read and written, zeros before the first step. masters may be NULL if
 * there are no F16 and BF16 parameters, and entries without elements, too. The optimizer allocates none of
 * its own, and has nothing to save. Its first step decides: no later one can change between a state of the
 * library's and the caller's (LARS_ERR_STATE); lars_load does, to that of the checkpoint. The non-finite
 * policy does not look at momentum[i], which is first read when parameters are written: NaN or Inf that the
 * caller put there passes into the parameter. */
LARS_API int32_t lars_step_external(lars_optimizer* optimizer, void* const* parameters,
                                    const void* const* gradients, void* const* momentum,
                                    void* const* masters) LARS_NOEXCEPT;

/** As lars_update, with a momentum that the caller keeps; see lars_step_external. */
LARS_API int32_t lars_update_external(lars_optimizer* optimizer, const void* const* parameters,
                                      const void* const* gradients, void* const* momentum,
                                      void* const* updates) LARS_NOEXCEPT;

/** @} */

/** @name Accumulation: LARS at the price of plain momentum-SGD
 *
 * A large batch is computed in micro-batches. The library adds up their gradients, and gathers the norms when
 * the last of them arrives, so that the step itself makes one pass over memory instead of two.
 *
 * @code
 *     lars_set_accumulation(opt, 4);
 *     for each batch:
 *         4 times: lars_accumulate(opt, parameters, gradients of a micro-batch);
 *         lars_step_accumulated(opt, parameters);
 * @endcode
 * @{ */

/** Sets the number of micro-batches in a batch, >= 1 (LARS_ERR_VALUE); default 1. The step uses their mean,
 * as optax.MultiSteps does. Not while micro-batches are accumulated (LARS_ERR_STATE). */
LARS_API int32_t lars_set_accumulation(lars_optimizer* optimizer, uint32_t micro_batches) LARS_NOEXCEPT;

/** Adds the gradients of one micro-batch to the accumulators: binary64 for F64 parameters, else binary32,
 * allocated by the first call. Arrays as in lars_step. parameters are only read, and only by the call that
 * completes the batch, which also reads the hyper-parameters and fails by them as lars_step: others may pass
 * NULL. A batch that is complete must be stepped or discarded before the next (LARS_ERR_STATE). NaN and Inf
 * are accumulated; the step's policy decides. */
LARS_API int32_t lars_accumulate(lars_optimizer* optimizer, const void* const* parameters,
                                 const void* const* gradients) LARS_NOEXCEPT;

/** As lars_step, with the mean of the accumulated micro-batches, of which there must be as many as
 * lars_set_accumulation says (LARS_ERR_STATE). Bit for bit the lars_step whose gradients are the accumulators
 * and whose gradient_scale is divided by the number of micro-batches. The parameters must be as they were
 * when the last micro-batch was added; if they were changed, lars_parameters_changed must tell. Taken or
 * skipped, the batch is used up; refused, it stays. */
LARS_API int32_t lars_step_accumulated(lars_optimizer* optimizer, void* const* parameters) LARS_NOEXCEPT;

/** Forgets the micro-batches accumulated so far. */
LARS_API int32_t lars_discard_accumulated(lars_optimizer* optimizer) LARS_NOEXCEPT;

/** Writes the number of micro-batches accumulated so far, and the number that makes a batch; each output may
 * be NULL. */
LARS_API int32_t lars_accumulated(lars_optimizer* optimizer, uint32_t* accumulated,
                                  uint32_t* micro_batches) LARS_NOEXCEPT;

/** carry 1: every step in place also gathers the norms of the parameters it writes, and the next need not
 * read them for it; where weight decay is 0, that saves a pass over the parameters. By this the caller
 * promises that no two parameters share memory and that between steps nothing but this optimizer changes
 * them or the masters of lars_step_external, or that lars_parameters_changed tells; the results are then bit
 * for bit the same (with kernels "blas", if the gradients' types stay). 0 (default): no such promise. */
LARS_API int32_t lars_set_carry_norms(lars_optimizer* optimizer, int32_t carry) LARS_NOEXCEPT;

/** Writes whether norms are carried, 1 or 0, to *carry. */
LARS_API int32_t lars_carry_norms(lars_optimizer* optimizer, int32_t* carry) LARS_NOEXCEPT;

/** Tells that parameters were changed from outside (loaded, averaged, clipped): the next step gathers all
 * norms afresh. Needed only with lars_set_carry_norms, and between lars_accumulate and lars_step_accumulated.
 */
LARS_API int32_t lars_parameters_changed(lars_optimizer* optimizer) LARS_NOEXCEPT;

/** @} */

/** @name What the steps did
 * @{ */

/** Writes the number of steps that every parameter has taken to *steps (the least over parameters; 0 if there
 * are none). Skipped steps do not count. Saturates at UINT64_MAX. */
LARS_API int32_t lars_step_count(lars_optimizer* optimizer, uint64_t* steps) LARS_NOEXCEPT;

/** Writes the number of steps that one parameter has taken to *steps. */
LARS_API int32_t lars_parameter_step_count(lars_optimizer* optimizer, uint32_t index,
                                           uint64_t* steps) LARS_NOEXCEPT;

/** Sets the number of steps that the parameter has taken, for a run that others began: schedules go on from
 * there. Norms and telemetry stay as they are. */
LARS_API int32_t lars_set_parameter_step_count(lars_optimizer* optimizer, uint32_t index,
                                               uint64_t steps) LARS_NOEXCEPT;

/** Writes |w|, the denominator of the trust ratio without eps (|u|, or what the variant has there), and the
 * trust ratio r (1 outside trust_ratio_mask) of the parameter's last step; each output may be NULL. They are
 * by-products of the step and cost nothing. Before its first step: LARS_ERR_STATE. */
LARS_API int32_t lars_norms(lars_optimizer* optimizer, uint32_t index, double* weight_norm,
                            double* update_norm, double* trust_ratio) LARS_NOEXCEPT;

/** Writes how many steps LARS_NONFINITE_SKIP has skipped: in a row up to now, and in all. Each output may be
 * NULL. Both saturate at UINT64_MAX. A call that skips is one, whichever form of a step it is (an update, one
 * with a state of the caller's, one of accumulated micro-batches, one of a single parameter); a step that is
 * taken, of whichever parameters, ends the row. */
LARS_API int32_t lars_skip_count(lars_optimizer* optimizer, uint64_t* consecutive,
                                 uint64_t* total) LARS_NOEXCEPT;

/** @} */

/** @name Telemetry: the same for all parameters at once
 * @{ */

#define LARS_TELEMETRY_WEIGHT_NORM 0    /**< |w| */
#define LARS_TELEMETRY_GRADIENT_NORM 1  /**< |g|, scaled and clipped; NaN if it was not gathered */
#define LARS_TELEMETRY_UPDATE_NORM 2    /**< the denominator of the trust ratio, without eps */
#define LARS_TELEMETRY_TRUST_RATIO 3    /**< r */
#define LARS_TELEMETRY_EFFECTIVE_RATE 4 /**< learning rate * r */
#define LARS_TELEMETRY_LIMITED_SHARE 5  /**< share of its steps that a clip, be it of r, g or |g|, limited */
#define LARS_TELEMETRY_SKIPPED_SHARE 6  /**< of its steps and the skips that it caused, the share of skips */

/** Told of steps: status LARS_OK or LARS_SKIPPED; steps as by lars_step_count; count parameters;
 * quantities[LARS_TELEMETRY_*][index] of each one's last step, borrowed for the call. There are
 * quantity_count of them; later versions may pass more, and earlier ones fewer than this header has.
 * Otherwise as lars_predicate, but it cannot fail. */
typedef void (*lars_observer)(void* user, int32_t status, uint64_t steps, uint32_t count,
                              uint32_t quantity_count, const double* const* quantities);

/** Writes one quantity, LARS_TELEMETRY_*, of every parameter's last step to values[0 ... parameters - 1]; 0
 * before its first. */
LARS_API int32_t lars_telemetry(lars_optimizer* optimizer, int32_t quantity, double* values) LARS_NOEXCEPT;

/** wanted 1: steps gather |g| also where weight decay makes the denominator another norm. Costs no pass over
 * memory, but some arithmetic. 0 (default): there LARS_TELEMETRY_GRADIENT_NORM is NaN. */
LARS_API int32_t lars_set_gradient_norms(lars_optimizer* optimizer, int32_t wanted) LARS_NOEXCEPT;

/** Writes whether steps gather |g| in any case, 1 or 0, to *wanted. */
LARS_API int32_t lars_gradient_norms(lars_optimizer* optimizer, int32_t* wanted) LARS_NOEXCEPT;

/** Has `observer` called at the end of every call that took a step or skipped one, on the calling thread.
 * NULL: nobody. What it throws is dropped: the step is done. */
LARS_API int32_t lars_set_observer(lars_optimizer* optimizer, lars_observer observer,
                                   void* user) LARS_NOEXCEPT;

/** Where the last step that was refused or skipped for NaN or Inf found them: the first such parameter, and
 * how many elements of it and of its gradient are (none where only norms overflow). Each output may be NULL.
 * LARS_ERR_STATE if there was no such step. */
LARS_API int32_t lars_nonfinite(lars_optimizer* optimizer, uint32_t* index, uint64_t* parameter_elements,
                                uint64_t* gradient_elements) LARS_NOEXCEPT;

/** @} */

/** @name Checkpoints
 *
 * A safetensors file (docs/checkpoints.md) with all that the next steps depend on: momentum, masters,
 * accumulators, step counts, hyper-parameters, schedules, policy, clipping and counters; not the parameters
 * themselves, callbacks, and what steps run on or tell: kernels, threads, gradient types, carried norms, the
 * observer, gradient norms. A run that is saved, loaded and continued has the bits of one that never stopped.
 * @{ */

/** Saves to the file `path`, which is replaced whole or not at all, whenever the process or the system stops.
 * LARS_ERR_IO tells which file is there. The path must be UTF-8 on Windows; elsewhere it is the bytes that
 * the system knows the file by. After steps with a state of the caller's: LARS_ERR_STATE. */
LARS_API int32_t lars_save(lars_optimizer* optimizer, const char* path) LARS_NOEXCEPT;

/** Loads what lars_save has saved. The handle must have the same parameters: names, types and shapes, in any
 * order (LARS_ERR_MISMATCH). All is checked before anything changes: LARS_ERR_FORMAT, LARS_ERR_IO.
 * Hyper-parameters and schedules become those of the file; where it had a callback, the handle's own
 * schedule stays if that is one, else the next step asks for it (LARS_ERR_STATE). */
LARS_API int32_t lars_load(lars_optimizer* optimizer, const char* path) LARS_NOEXCEPT;

/** Writes the size of a checkpoint of the present state to *bytes. LARS_ERR_STATE as from lars_save. */
LARS_API int32_t lars_save_size(lars_optimizer* optimizer, uint64_t* bytes) LARS_NOEXCEPT;

/** As lars_save, to memory: `bytes` must be what lars_save_size says (LARS_ERR_VALUE). */
LARS_API int32_t lars_save_to(lars_optimizer* optimizer, void* buffer, uint64_t bytes) LARS_NOEXCEPT;

/** As lars_load, from memory. */
LARS_API int32_t lars_load_from(lars_optimizer* optimizer, const void* buffer, uint64_t bytes) LARS_NOEXCEPT;

/** @} */

/** @name Schedules: optax's, with optax's names and definitions
 *
 * Each constructor writes a new schedule to *schedule, to be released by lars_schedule_destroy. If an
 * argument is wrong, the constructor returns the status and *schedule receives an object that holds nothing
 * but the message (lars_schedule_error_message): using it anywhere returns the same status and message; it is
 * released the same way. *schedule is NULL only after LARS_ERR_MEMORY. A value outside its range is
 * LARS_ERR_VALUE; all must be finite. t is the step number, from 0. Values are computed in binary64 with the
 * same bits on every machine.
 * @{ */

#define LARS_INTERPOLATE_LINEAR 0 /**< straight lines between the points */
#define LARS_INTERPOLATE_COSINE 1 /**< half a period of cosine between the points */

/** value at every step. */
LARS_API int32_t lars_schedule_constant(double value, lars_schedule** schedule) LARS_NOEXCEPT;

/** From init_value to end_value in a straight line over transition_steps, starting at transition_begin;
 * init_value for good if transition_steps is 0. */
LARS_API int32_t lars_schedule_linear(double init_value, double end_value, uint64_t transition_steps,
                                      uint64_t transition_begin, lars_schedule** schedule) LARS_NOEXCEPT;

/** (init - end) * (1 - p)^power + end, p = clip(t - transition_begin, 0, transition_steps) /
 * transition_steps; init_value for good if transition_steps is 0. power >= 0. */
LARS_API int32_t lars_schedule_polynomial(double init_value, double end_value, double power,
                                          uint64_t transition_steps, uint64_t transition_begin,
                                          lars_schedule** schedule) LARS_NOEXCEPT;

/** init_value times the product of all scales[i] with boundaries[i] <= t. count entries; boundaries strictly
 * increasing; scales >= 0. */
LARS_API int32_t lars_schedule_piecewise_constant(double init_value, uint32_t count,
                                                  const uint64_t* boundaries, const double* scales,
                                                  lars_schedule** schedule) LARS_NOEXCEPT;

/** Interpolates between the points (0, init_value), (boundaries[0], init_value * scales[0]), ... with
 * accumulated scales. interpolation: LARS_INTERPOLATE_LINEAR or _COSINE. Otherwise as piecewise_constant. */
LARS_API int32_t lars_schedule_piecewise_interpolate(int32_t interpolation, double init_value, uint32_t count,
                                                     const uint64_t* boundaries, const double* scales,
                                                     lars_schedule** schedule) LARS_NOEXCEPT;

/** init_value * decay_rate^((t - transition_begin) / transition_steps), the exponent rounded down if
 * staircase is 1; init_value up to transition_begin, and for good if transition_steps or decay_rate is 0.
 * decay_rate >= 0. *end_value, unless NULL, bounds what varies: from below if decay_rate < 1, else from
 * above.
 */
LARS_API int32_t lars_schedule_exponential_decay(double init_value, uint64_t transition_steps,
                                                 double decay_rate, uint64_t transition_begin,
                                                 int32_t staircase, const double* end_value,
                                                 lars_schedule** schedule) LARS_NOEXCEPT;

/** init * ((1 - alpha) * (0.5 * (1 + cos(pi * min(t, T) / T)))^exponent + alpha), T = decay_steps > 0;
 * exponent >= 0. */
LARS_API int32_t lars_schedule_cosine_decay(double init_value, uint64_t decay_steps, double alpha,
                                            double exponent, lars_schedule** schedule) LARS_NOEXCEPT;

/** Straight lines peak / div_factor -> peak at pct_start * T -> peak / div_factor at pct_final * T ->
 * peak / div_factor / final_div_factor at T = transition_steps > 0. pct_* in [0, 1]; factors > 0. optax's
 * defaults: 0.3, 0.85, 25, 1e4. Fractional steps are cut to whole ones. As in optax, the factors are applied
 * in order of their steps: with pct_final < pct_start the peak is not reached. */
LARS_API int32_t lars_schedule_linear_onecycle(uint64_t transition_steps, double peak_value, double pct_start,
                                               double pct_final, double div_factor, double final_div_factor,
                                               lars_schedule** schedule) LARS_NOEXCEPT;

/** Cosine arcs peak / div_factor -> peak at pct_start * T -> peak / div_factor / final_div_factor at T.
 * optax's defaults: 0.3, 25, 1e4. Limits as above. */
LARS_API int32_t lars_schedule_cosine_onecycle(uint64_t transition_steps, double peak_value, double pct_start,
                                               double div_factor, double final_div_factor,
                                               lars_schedule** schedule) LARS_NOEXCEPT;

/** Linear from init_value to peak_value over warmup_steps, then peak_value; init_value for good if
 * warmup_steps is 0, as in optax. */
LARS_API int32_t lars_schedule_warmup_constant(double init_value, double peak_value, uint64_t warmup_steps,
                                               lars_schedule** schedule) LARS_NOEXCEPT;

/** Linear warm-up, then cosine decay to end_value, reached at step decay_steps (which counts the warm-up, so
 * decay_steps > warmup_steps). exponent >= 0. As in optax, end_value is a share of peak_value: where that is
 * 0, so is the end. */
LARS_API int32_t lars_schedule_warmup_cosine_decay(double init_value, double peak_value,
                                                   uint64_t warmup_steps, uint64_t decay_steps,
                                                   double end_value, double exponent,
                                                   lars_schedule** schedule) LARS_NOEXCEPT;

/** Linear warm-up, then exponential_decay from peak_value, counted from the end of the warm-up. */
LARS_API int32_t lars_schedule_warmup_exponential_decay(double init_value, double peak_value,
                                                        uint64_t warmup_steps, uint64_t transition_steps,
                                                        double decay_rate, uint64_t transition_begin,
                                                        int32_t staircase, const double* end_value,
                                                        lars_schedule** schedule) LARS_NOEXCEPT;

/** Warm restarts (Loshchilov and Hutter 2017): `count` >= 1 cycles of warmup_cosine_decay, one after the
 * other; cycle i lasts decay_steps[i] steps. Six arrays of `count` entries. */
LARS_API int32_t lars_schedule_sgdr(uint32_t count, const double* init_values, const double* peak_values,
                                    const uint64_t* warmup_steps, const uint64_t* decay_steps,
                                    const double* end_values, const double* exponents,
                                    lars_schedule** schedule) LARS_NOEXCEPT;

/** schedules[0] up to boundaries[0], then schedules[1] counted from there, and so on. `count` >= 1 schedules,
 * count - 1 strictly increasing boundaries. The parts are copied: they may be destroyed at once. At most 400
 * joins in each other (LARS_ERR_ARGUMENT). */
LARS_API int32_t lars_schedule_join(uint32_t count, const lars_schedule* const* schedules,
                                    const uint64_t* boundaries, lars_schedule** schedule) LARS_NOEXCEPT;

/** The caller's own function. function and user must outlive every optimizer and join that uses the schedule.
 * Two handles that use it may call it at the same time. */
LARS_API int32_t lars_schedule_callback(lars_schedule_function function, void* user,
                                        lars_schedule** schedule) LARS_NOEXCEPT;

/** Writes the schedule's value at `step` to *value. LARS_ERR_VALUE if it overflows, LARS_ERR_CALLBACK if its
 * function fails. Without a message: a schedule never changes, so that threads may share it. */
LARS_API int32_t lars_schedule_value(const lars_schedule* schedule, uint64_t step,
                                     double* value) LARS_NOEXCEPT;

/** Why the schedule could not be made; "" if it could, and a static text for NULL. Owned by the schedule. */
LARS_API const char* lars_schedule_error_message(const lars_schedule* schedule) LARS_NOEXCEPT;

/** Releases a schedule, which no other thread may be using. NULL is allowed and does nothing. */
LARS_API void lars_schedule_destroy(lars_schedule* schedule) LARS_NOEXCEPT;

/** @} */

#ifdef __cplusplus
}
#endif

#endif /* LARS_LARS_H */
