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

    function Optimizer(; hyperparameters...)
        handle = Ref(C_NULL)
        status = @ccall liblars.lars_create(handle::Ref{Handle})::Int32
        status < 0 && throw(error_of(status, "out of memory"))
        opt = finalizer(destroy, new(handle[], Dict(), nothing, nothing))
        for (key, value) in hyperparameters
            set!(opt, key, value)
        end
        return opt
    end
end

destroy(opt::Optimizer) = @ccall liblars.lars_destroy(opt::Handle)::Int32

Base.unsafe_convert(::Type{Handle}, opt::Optimizer) = opt.handle

"Releases the optimizer now. Closing it again does nothing; other calls fail."
function Base.close(opt::Optimizer)
    check(opt, destroy(opt))
    opt.handle = C_NULL
    return nothing
end

Base.isopen(opt::Optimizer) = opt.handle != C_NULL

Base.show(io::IO, opt::Optimizer) =
    print(io, "Optimizer(", isopen(opt) ? "parameters = $(parameter_count(opt))" : "closed", ")")

# A call that another one excludes leaves no message in the handle; what is there is of another.
const BUSY_MESSAGE = "another call on this handle is running; one handle serves one call at a time"

"The status, if it is no error."
function check(opt::Optimizer, status::Int32)
    status < 0 || return status
    isopen(opt) || throw(error_of(status, "this optimizer is closed"))
    status == BUSY && throw(error_of(status, BUSY_MESSAGE))
    # The text is the optimizer's, which the collector could release before it is copied.
    message = GC.@preserve opt begin
        unsafe_string(@ccall liblars.lars_error_message(opt::Handle)::Cstring)
    end
    throw(error_of(status, message))
end

"What `call` writes to the reference that it is given."
function output(call, opt::Optimizer, ::Type{T}) where {T}
    value = Ref(zero(T))
    check(opt, call(value))
    return value[]
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
parameter_count(opt::Optimizer) = Int(output(opt, UInt32) do count
    @ccall liblars.lars_parameter_count(opt::Handle, count::Ref{UInt32})::Int32
end)

"The index of the parameter called `name`."
parameter_index(opt::Optimizer, name::AbstractString) = 1 + output(opt, UInt32) do index
    @ccall liblars.lars_parameter_index(opt::Handle, name::Cstring, index::Ref{UInt32})::Int32
end

"A parameter's `index`, `name`, `eltype` and `shape`."
function parameter(opt::Optimizer, index::Integer)
    name, shape = Ref(Cstring(C_NULL)), Ref(Ptr{Int64}(C_NULL))
    dtype, ndim = Ref(Int32(0)), Ref(UInt32(0))
    status = @ccall liblars.lars_parameter_info(
        opt::Handle, (index - 1)::UInt32, name::Ref{Cstring}, dtype::Ref{Int32}, ndim::Ref{UInt32},
        shape::Ref{Ptr{Int64}}
    )::Int32
    check(opt, status)
    return GC.@preserve opt Parameter(UInt32(index - 1), name[], dtype[], ndim[], shape[])
end

"""
    Liblars.set_gradient_type!(opt, T; selector = nothing)

The element type of the selected parameters' gradients, their own unless it is set; `selector` is a
glob, or `nothing`.
"""
function set_gradient_type!(opt::Optimizer, T::Type; selector = nothing)
    number = required_dtype(T, "the gradient")
    status = @ccall liblars.lars_set_gradient_dtype(
        opt::Handle, glob(selector)::Cstring, number::Int32
    )::Int32
    check(opt, status)
    return nothing
end

"The element type of a parameter's gradient."
function gradient_type(opt::Optimizer, index::Integer)
    number = output(opt, Int32) do dtype
        @ccall liblars.lars_gradient_dtype(
            opt::Handle, (index - 1)::UInt32, dtype::Ref{Int32}
        )::Int32
    end
    return TYPES[number]
end

glob(selector::AbstractString) = String(selector)
glob(::Nothing) = Cstring(C_NULL)
