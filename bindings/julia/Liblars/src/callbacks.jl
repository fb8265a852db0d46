# Functions that the library calls, on the thread of the call that it is in. Each gets, as `user`,
# the address of a Ref{Any} that holds the Julia function. It is passed as Any, which roots it for
# the call and keeps the compiler from putting it on the stack; what the library keeps longer, the
# optimizer or schedule keeps, too. No exception may pass through C: it is remembered in the task,
# and the call that the library is in throws an error with it as its cause.

const REMEMBERED = :Liblars_remembered

"What a callback has left by [`guard`](@ref), or `nothing`."
take_remembered()::Union{CapturedException,Nothing} =
    pop!(task_local_storage(), REMEMBERED, nothing)

"""
What the callback `f` returns, or -1 if it throws. One call may call back again after that, and
callbacks may make calls of their own, which must not find what waits for the outer one: it is put
aside meanwhile. The first exception of a call counts.
"""
function guard(f)
    pending = take_remembered()
    try
        return f()
    catch exception
        pending === nothing && (pending = CapturedException(exception, catch_backtrace()))
        return Int32(-1)
    finally
        pending === nothing || task_local_storage(REMEMBERED, pending)
    end
end

function_of(user::Ptr{Cvoid}) = (unsafe_pointer_to_objref(user)::Base.RefValue{Any})[]

"A parameter, as selectors and [`Liblars.parameter`](@ref) tell of it."
struct Parameter
    index::Int
    name::String
    eltype::Type
    shape::Dims
end

function Parameter(index::UInt32, name, dtype::Int32, ndim::UInt32, shape::Ptr{Int64})
    extents = ntuple(i -> Int(unsafe_load(shape, i)), ndim)
    return Parameter(index + 1, unsafe_string(name), TYPES[dtype], extents)
end

call_predicate(user, index, name, dtype, ndim, shape)::Int32 = guard() do
    function_of(user)(Parameter(index, name, dtype, ndim, shape))::Bool
end
predicate_pointer() =
    @cfunction(call_predicate, Int32, (Ptr{Cvoid}, UInt32, Cstring, Int32, UInt32, Ptr{Int64}))

call_schedule(user, step, value)::Int32 = guard() do
    unsafe_store!(value, function_of(user)(Int(step)))
    Int32(0)
end
schedule_pointer() = @cfunction(call_schedule, Int32, (Ptr{Cvoid}, UInt64, Ptr{Float64}))

"What an observer is told of a step; `quantities` by name, as from [`Liblars.telemetry`](@ref)."
struct StepReport
    skipped::Bool
    steps::Int
    quantities::NamedTuple{keys(TELEMETRY),NTuple{length(TELEMETRY),Vector{Float64}}}
end

function call_observer(user, status, steps, count, quantity_count, quantities)::Cvoid
    guard() do
        values = map(TELEMETRY) do quantity
            quantity < quantity_count || return Float64[] # of a later liblars than the one that runs
            copy(unsafe_wrap(Array, unsafe_load(quantities, quantity + 1), count))
        end
        function_of(user)(StepReport(status != 0, steps, values))
    end
    return nothing
end
observer_pointer() =
    @cfunction(
        call_observer, Cvoid, (Ptr{Cvoid}, Int32, UInt64, UInt32, UInt32, Ptr{Ptr{Float64}})
    )

const ENDED = 1 << 30 # more than there are threads

# A pool that throws, or returns too early, may leave tasks behind. What they run late does nothing,
# for `context` may be gone by then; what they are running is waited for.
function call_parallel_for(user, count, task, context)::Int32
    calls = Threads.Atomic{Int}(0) # those that run, plus ENDED if no more may begin
    function run(i)
        index = UInt32(i - 1)
        if Threads.atomic_add!(calls, 1) < ENDED
            ccall(task, Cvoid, (Ptr{Cvoid}, UInt32), context, index)
        end
        Threads.atomic_sub!(calls, 1)
        return nothing
    end
    return guard() do
        try
            function_of(user)(count, run)
            Int32(0)
        finally
            Threads.atomic_add!(calls, ENDED)
            while calls[] != ENDED
                GC.safepoint()
            end
        end
    end
end
parallel_for_pointer() =
    @cfunction(call_parallel_for, Int32, (Ptr{Cvoid}, UInt32, Ptr{Cvoid}, Ptr{Cvoid}))
