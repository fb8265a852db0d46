"""
    Optimizer(; hyperparameters...)

LARS for parameters that are added by name with [`add_parameter!`](@ref); hyper-parameters as by
[`set!`](@ref). It and its momentum are released when nobody refers to it any more, or by `close`.
"""
mutable struct Optimizer
    handle::Handle
    # What the library calls, kept alive: functions of schedules by key, the observer, the host's threads.
    functions::Dict{Symbol,Vector{Any}}
    observer::Any
    parallel_for::Any
    running::Threads.Atomic{Int} # 1 during a call

    function Optimizer(; hyperparameters...)
        handle = Ref(C_NULL)
        status = @ccall liblars.lars_create(handle::Ref{Handle})::Int32
        status < 0 && throw(error_of(status, "out of memory"))
        opt = finalizer(destroy, new(handle[], Dict(), nothing, nothing, Threads.Atomic{Int}(0)))
        for (key, value) in hyperparameters
            set!(opt, key, value)
        end
        return opt
    end
end

# As the finalizer: nobody refers to the optimizer, so nothing excludes this.
destroy(opt::Optimizer) = @ccall liblars.lars_destroy(opt::Handle)::Int32

Base.unsafe_convert(::Type{Handle}, opt::Optimizer) = opt.handle

"Releases the optimizer now. Closing it again does nothing; other calls fail."
function Base.close(opt::Optimizer)
    isopen(opt) || return nothing
    return exclusively(opt) do
        handle, opt.handle = opt.handle, C_NULL # before it is gone, for whoever looks meanwhile
        @ccall liblars.lars_destroy(handle::Handle)::Int32
        opt.observer = opt.parallel_for = nothing
        empty!(opt.functions)
        return nothing
    end
end

Base.isopen(opt::Optimizer) = opt.handle != C_NULL

Base.show(io::IO, opt::Optimizer) =
    print(io, "Optimizer(", isopen(opt) ? "parameters = $(parameter_count(opt))" : "closed", ")")

"""
Runs `call` while no other call of the optimizer can begin, so that `close` finds nothing in use, and
what Julia notes beside the handle fits it. Errors' texts are copied within.
"""
function exclusively(call, opt::Optimizer)
    Threads.atomic_cas!(opt.running, 0, 1) == 0 || throw(LarsError(:LARS_ERR_BUSY, BUSY_MESSAGE))
    try
        isopen(opt) || throw(LarsError(:LARS_ERR_ARGUMENT, "this optimizer is closed"))
        return call()
    finally
        opt.running[] = 0
    end
end

const BUSY_MESSAGE =
    "another call on this optimizer is running; one optimizer serves one call at a time"
const DONE_MESSAGE =
    "the step is done, but a function that it called failed: the observer, or set_parallel_for!'s"

"The status, if neither it is an error nor what the library has called threw. Within `exclusively`."
function check(opt::Optimizer, status::Int32)
    cause = take_remembered()
    if status >= 0
        cause === nothing && return status
        throw(LarsError(:LARS_ERR_CALLBACK, DONE_MESSAGE, cause))
    end
    # The text is the optimizer's, which the collector could release before it is copied.
    message = GC.@preserve opt begin
        unsafe_string(@ccall liblars.lars_error_message(opt::Handle)::Cstring)
    end
    throw(error_of(status, from_one(message), cause))
end

"`call`, which makes a call of the library, with nothing beside it; its status is checked."
checked(call, opt::Optimizer) = exclusively(() -> check(opt, call()), opt)

"What `call` writes to the reference that it is given."
function output(call, opt::Optimizer, ::Type{T}) where {T}
    value = Ref(zero(T))
    checked(() -> call(value), opt)
    return value[]
end

# ---- Indices count from 1 here, from 0 in the library

const INDEX_IN_MESSAGE = r"(?<=' \(index )\d+(?=\))|(?<=already taken by parameter )\d+(?=;)"

"A message of the library with indices as they are here."
from_one(message) = replace(message, INDEX_IN_MESSAGE => index -> string(parse(Int, index) + 1))

"How many parameters there are. Within `exclusively`."
function count_parameters(opt::Optimizer)
    count = Ref(UInt32(0))
    check(opt, @ccall liblars.lars_parameter_count(opt::Handle, count::Ref{UInt32})::Int32)
    return Int(count[])
end

"The library's index of a parameter. Within `exclusively`."
function c_index(opt::Optimizer, index::Integer)
    count = count_parameters(opt)
    1 <= index <= count && return UInt32(index - 1)
    indices = count == 0 ? "there are no parameters" : "indices are 1 to $count"
    throw(LarsError(:LARS_ERR_INDEX, "index $index is out of range; $indices"))
end

"""
    add_parameter!(opt, name, array)
    add_parameter!(opt, name, T, shape)

Registers a tensor: one like `array`, or of element type `T` and the given extents. Returns its
index, the position of its array in the calls to come. Only before the first step.
"""
add_parameter!(opt::Optimizer, name::AbstractString, array::AbstractArray) =
    add_parameter!(opt, name, eltype(array), size(array))

function add_parameter!(opt::Optimizer, name::AbstractString, T::Type, shape)
    number = required_dtype(T, "parameter '$name'")
    extents = collect(Int64, shape)
    index = output(opt, UInt32) do index
        @ccall liblars.lars_add_parameter(
            opt::Handle, name::Cstring, number::Int32, length(extents)::UInt32, extents::Ptr{Int64},
            index::Ref{UInt32}
        )::Int32
    end
    return index + 1
end

"The number of parameters."
parameter_count(opt::Optimizer) = exclusively(() -> count_parameters(opt), opt)

"The index of the parameter called `name`."
parameter_index(opt::Optimizer, name::AbstractString) = 1 + output(opt, UInt32) do index
    @ccall liblars.lars_parameter_index(opt::Handle, name::Cstring, index::Ref{UInt32})::Int32
end

"A parameter's `index`, `name`, `eltype` and `shape`."
function parameter(opt::Optimizer, index::Integer)
    name, shape = Ref(Cstring(C_NULL)), Ref(Ptr{Int64}(C_NULL))
    dtype, ndim = Ref(Int32(0)), Ref(UInt32(0))
    return exclusively(opt) do
        number = c_index(opt, index)
        status = @ccall liblars.lars_parameter_info(
            opt::Handle, number::UInt32, name::Ref{Cstring}, dtype::Ref{Int32}, ndim::Ref{UInt32},
            shape::Ref{Ptr{Int64}}
        )::Int32
        check(opt, status)
        return GC.@preserve opt Parameter(number, name[], dtype[], ndim[], shape[])
    end
end

"""
    Liblars.set_gradient_type!(opt, T; selector = nothing)

The element type of the selected parameters' gradients, their own unless it is set; `selector` is a
glob, or `nothing`.
"""
function set_gradient_type!(opt::Optimizer, T::Type; selector = nothing)
    number = required_dtype(T, "the gradient")
    checked(opt) do
        @ccall liblars.lars_set_gradient_dtype(
            opt::Handle, glob(selector)::Cstring, number::Int32
        )::Int32
    end
    return nothing
end

"The element type of a parameter's gradient."
function gradient_type(opt::Optimizer, index::Integer)
    number = output(opt, Int32) do dtype
        @ccall liblars.lars_gradient_dtype(
            opt::Handle, c_index(opt, index)::UInt32, dtype::Ref{Int32}
        )::Int32
    end
    return TYPES[number]
end

glob(selector::AbstractString) = String(selector)
glob(::Nothing) = Cstring(C_NULL)
