# The numbers of lars.h, by the words that stand for them here.

const KEYS = (
    learning_rate = 1, weight_decay = 2, weight_decay_mask = 3, trust_coefficient = 4, eps = 5,
    trust_ratio_mask = 6, momentum = 7, nesterov = 8, gradient_scale = 9, denominator = 10,
    outside_momentum = 11, trust_clip = 12, dampening = 13, decay_in_update = 14,
    zero_norm_decay = 15, clip_value = 16,
)
const DENOMINATOR = (decayed = 0, sum = 1, gradient = 2)
const OUTSIDE = (nothing = 0, learning_rate = 1, trust_ratio = 2)
const VARIANT = (optax = 0, paper = 1, torch = 2, larc = 3, barlow = 4, tf = 5)
const NONFINITE = (refuse = 0, skip = 1, propagate = 2)
const ROLE = (parameter = 0, gradient = 1, momentum = 2, master = 3)
const TELEMETRY = (
    weight_norm = 0, gradient_norm = 1, update_norm = 2, trust_ratio = 3, effective_rate = 4,
    limited_share = 5, skipped_share = 6,
)
const INTERPOLATE = (linear = 0, cosine = 1)

"The number that a word stands for."
function number_of(choices::NamedTuple, choice::Symbol, what::String)
    haskey(choices, choice) && return Int32(choices[choice])
    status = choices === KEYS ? :LARS_ERR_KEY : :LARS_ERR_ARGUMENT
    message = "$what :$choice is unknown; the choices are $(join(keys(choices), ", "))"
    throw(LarsError(status, message))
end

"""
    Liblars.BFloat16

Storage of a bfloat16, the upper half of a `Float32`: `bits::UInt16`. For programs that have no type
of their own for it; those that do define [`Liblars.dtype`](@ref).
"""
struct BFloat16
    bits::UInt16
end
Base.Float32(x::BFloat16) = reinterpret(Float32, UInt32(x.bits) << 16)

"""
    Liblars.dtype(::Type)

The number that lars.h has for an element type, or `nothing`. A 16-bit type of another package joins
by a method; `Core.BFloat16`, where Julia has it, has one:

    Liblars.dtype(::Type{Package.BFloat16}) = Liblars.dtype(Liblars.BFloat16)
"""
dtype(::Type) = nothing
dtype(::Type{Float16}) = Int32(528)
dtype(::Type{Float32}) = Int32(544)
dtype(::Type{Float64}) = Int32(576)
dtype(::Type{BFloat16}) = Int32(1040)
dtype(::Type{Int16}) = Int32(16)
@static if isdefined(Core, :BFloat16) # as of Julia 1.11, which BFloat16s.jl then uses
    dtype(::Type{Core.BFloat16}) = dtype(BFloat16)
end

const TYPES = Dict(dtype(T) => T for T in (Float16, Float32, Float64, BFloat16, Int16))

"The number of an element type; errors call the array by `role` and position."
function required_dtype(T::Type, role, position = "")
    number = dtype(T)
    number === nothing || return number
    choices = "Float32, Float64, Float16, Liblars.BFloat16 and those with a method of Liblars.dtype"
    message = "$(strip("$role $position")) is of element type $T; the element types are $choices"
    throw(LarsError(:LARS_ERR_TYPE, message))
end
