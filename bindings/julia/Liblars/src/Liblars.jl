"""
Layer-wise adaptive rate scaling (LARS), the large-batch optimizer of You, Gitman and Ginsburg, by
the C library liblars.

    opt = Optimizer(learning_rate = 0.1)
    add_parameter!(opt, "dense.weight", weight)
    add_parameter!(opt, "dense.bias", bias)
    set!(opt, :trust_ratio_mask, false; selector = "*.bias")
    set!(opt, :learning_rate, 0.01; selector = "*.bias") # without a trust ratio they need a rate of their own
    step!(opt, (weight, bias), (weight_gradient, bias_gradient))

[`Liblars.setup`](@ref) and [`Liblars.update!`](@ref) do this for a model of nested named tuples.
Every function does what its namesake of `lars/lars.h` does, where ranges, defaults and errors are
documented, and throws a [`LarsError`](@ref), with nothing changed, if it fails. Indices count from
1 here and from 0 in lars.h; steps count from 0 in both. Arrays are borrowed for the call, and must
keep their memory until it ends: functions that it calls must not `resize!` them. Calls on one
optimizer exclude each other (`LARS_ERR_BUSY`).
"""
module Liblars

using Libdl: RTLD_LAZY, dlopen, dlsym, find_library

export LARS, LarsError, Optimizer, Schedules
export add_parameter!, set!, step!, step_accumulated!, step_external!, step_flat!, step_parameter!

include("library.jl")
include("numbers.jl")
include("errors.jl")
include("callbacks.jl")
include("schedules.jl")
include("optimizer.jl")
include("arrays.jl")
include("steps.jl")
include("settings.jl")
include("records.jl")
include("tree.jl")

end
