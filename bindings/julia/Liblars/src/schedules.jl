"""
    Schedule

The value of a hyper-parameter at every step: made by the functions of [`Schedules`](@ref), or
`Schedule(f)` for a Julia function `f(step)`; both immutable. `schedule(step)` is the value at a
step, from 0.
"""
mutable struct Schedule
    handle::Handle
    functions::Vector{Any} # that the library calls

    function Schedule(handle::Handle, functions)
        return finalizer(new(handle, functions)) do schedule
            @ccall liblars.lars_schedule_destroy(schedule::Handle)::Cvoid
        end
    end
end

Base.unsafe_convert(::Type{Handle}, schedule::Schedule) = schedule.handle
Base.show(io::IO, ::Schedule) = print(io, "Schedule")

# The text is the schedule's, which the collector could release before it is copied.
schedule_message(schedule) = GC.@preserve schedule begin
    unsafe_string(@ccall liblars.lars_schedule_error_message(schedule::Handle)::Cstring)
end

"The schedule that `construct` writes to its argument; if it fails, that one holds the message."
function make(construct, functions = [])
    handle = Ref(C_NULL)
    status = construct(handle)
    schedule = Schedule(handle[], functions)
    status < 0 && throw(error_of(status, schedule_message(schedule), take_remembered()))
    return schedule
end

function Schedule(f)
    kept = Ref{Any}(f)
    return make([kept]) do made
        @ccall liblars.lars_schedule_callback(
            schedule_pointer()::Ptr{Cvoid}, kept::Any, made::Ref{Handle}
        )::Int32
    end
end

function (schedule::Schedule)(step::Integer)
    value = Ref(0.0)
    status = @ccall liblars.lars_schedule_value(
        schedule::Handle, step::UInt64, value::Ref{Float64}
    )::Int32
    cause = take_remembered()
    status < 0 && throw(error_of(status, "the schedule has no value at step $step", cause))
    return value[]
end

"""
Schedules with optax's names, definitions and defaults; see lars.h. Arguments are keywords, but for
`constant(value)`, `piecewise_constant` and `piecewise_interpolate`, whose boundaries are pairs of
step and scale, `sgdr`, and `join`.

    Schedules.cosine_decay(init_value = 1, decay_steps = 10_000, alpha = 0.01)
    Schedules.piecewise_constant(0.1, 3000 => 0.1, 6000 => 0.1)
"""
module Schedules

using ..Liblars: Handle, INTERPOLATE, Schedule, liblars, make, number_of

"`value` at every step."
constant(value) = make() do made
    @ccall liblars.lars_schedule_constant(value::Float64, made::Ref{Handle})::Int32
end

"From `init_value` to `end_value` in a straight line."
linear(; init_value, end_value, transition_steps, transition_begin = 0) = make() do made
    @ccall liblars.lars_schedule_linear(
        init_value::Float64, end_value::Float64, transition_steps::UInt64, transition_begin::UInt64,
        made::Ref{Handle}
    )::Int32
end

"From `init_value` to `end_value` by a power of the way that is left."
polynomial(; init_value, end_value, power, transition_steps, transition_begin = 0) = make() do made
    @ccall liblars.lars_schedule_polynomial(
        init_value::Float64, end_value::Float64, power::Float64, transition_steps::UInt64,
        transition_begin::UInt64, made::Ref{Handle}
    )::Int32
end

steps_of(boundaries) = UInt64[step for (step, _) in boundaries]
scales_of(boundaries) = Float64[scale for (_, scale) in boundaries]

"`init_value`, multiplied by each scale from its step on: `piecewise_constant(0.1, 30 => 0.5)`."
piecewise_constant(init_value, boundaries::Pair...) = make() do made
    @ccall liblars.lars_schedule_piecewise_constant(
        init_value::Float64, length(boundaries)::UInt32, steps_of(boundaries)::Ptr{UInt64},
        scales_of(boundaries)::Ptr{Float64}, made::Ref{Handle}
    )::Int32
end

"As `piecewise_constant`, with lines (`:linear`) or arcs of cosine (`:cosine`) between the steps."
function piecewise_interpolate(interpolate_type::Symbol, init_value, boundaries::Pair...)
    interpolation = number_of(INTERPOLATE, interpolate_type, "interpolate_type")
    return make() do made
        @ccall liblars.lars_schedule_piecewise_interpolate(
            interpolation::Int32, init_value::Float64, length(boundaries)::UInt32,
            steps_of(boundaries)::Ptr{UInt64}, scales_of(boundaries)::Ptr{Float64},
            made::Ref{Handle}
        )::Int32
    end
end

optional(value) = Ref{Float64}(value)
optional(::Nothing) = Ptr{Float64}(C_NULL)

"`init_value * decay_rate^((step - transition_begin) / transition_steps)`, bounded by `end_value`."
exponential_decay(;
    init_value, transition_steps, decay_rate, transition_begin = 0, staircase = false,
    end_value = nothing,
) = make() do made
    @ccall liblars.lars_schedule_exponential_decay(
        init_value::Float64, transition_steps::UInt64, decay_rate::Float64,
        transition_begin::UInt64, staircase::Int32, optional(end_value)::Ptr{Float64},
        made::Ref{Handle}
    )::Int32
end

"Half a period of cosine from `init_value` to `alpha * init_value`."
cosine_decay(; init_value, decay_steps, alpha = 0, exponent = 1) = make() do made
    @ccall liblars.lars_schedule_cosine_decay(
        init_value::Float64, decay_steps::UInt64, alpha::Float64, exponent::Float64,
        made::Ref{Handle}
    )::Int32
end

"Straight lines up to `peak_value` and down."
linear_onecycle(;
    transition_steps, peak_value, pct_start = 0.3, pct_final = 0.85, div_factor = 25,
    final_div_factor = 1e4,
) = make() do made
    @ccall liblars.lars_schedule_linear_onecycle(
        transition_steps::UInt64, peak_value::Float64, pct_start::Float64, pct_final::Float64,
        div_factor::Float64, final_div_factor::Float64, made::Ref{Handle}
    )::Int32
end

"Cosine arcs up to `peak_value` and down."
cosine_onecycle(;
    transition_steps, peak_value, pct_start = 0.3, div_factor = 25, final_div_factor = 1e4,
) = make() do made
    @ccall liblars.lars_schedule_cosine_onecycle(
        transition_steps::UInt64, peak_value::Float64, pct_start::Float64, div_factor::Float64,
        final_div_factor::Float64, made::Ref{Handle}
    )::Int32
end

"A line from `init_value` to `peak_value`, which stays."
warmup_constant(; init_value, peak_value, warmup_steps) = make() do made
    @ccall liblars.lars_schedule_warmup_constant(
        init_value::Float64, peak_value::Float64, warmup_steps::UInt64, made::Ref{Handle}
    )::Int32
end

"A line up to `peak_value`, then cosine decay to `end_value` at `decay_steps`, warm-up included."
warmup_cosine_decay(;
    init_value, peak_value, warmup_steps, decay_steps, end_value = 0, exponent = 1,
) = make() do made
    @ccall liblars.lars_schedule_warmup_cosine_decay(
        init_value::Float64, peak_value::Float64, warmup_steps::UInt64, decay_steps::UInt64,
        end_value::Float64, exponent::Float64, made::Ref{Handle}
    )::Int32
end

"A line up to `peak_value`, then `exponential_decay` from there."
warmup_exponential_decay(;
    init_value, peak_value, warmup_steps, transition_steps, decay_rate, transition_begin = 0,
    staircase = false, end_value = nothing,
) = make() do made
    @ccall liblars.lars_schedule_warmup_exponential_decay(
        init_value::Float64, peak_value::Float64, warmup_steps::UInt64, transition_steps::UInt64,
        decay_rate::Float64, transition_begin::UInt64, staircase::Int32,
        optional(end_value)::Ptr{Float64}, made::Ref{Handle}
    )::Int32
end

"""
Warm restarts: cycles of `warmup_cosine_decay`, each a named tuple of its arguments, one after the
other.

    cycle(peak_value, decay_steps) = (
        init_value = 0, peak_value = peak_value, warmup_steps = 2, decay_steps = decay_steps,
        end_value = 0, exponent = 1,
    )
    Schedules.sgdr(cycle(1, 10), cycle(0.5, 20))
"""
function sgdr(cycles::NamedTuple...)
    column(T, name) = T[cycle[name] for cycle in cycles]
    return make() do made
        @ccall liblars.lars_schedule_sgdr(
            length(cycles)::UInt32, column(Float64, :init_value)::Ptr{Float64},
            column(Float64, :peak_value)::Ptr{Float64}, column(UInt64, :warmup_steps)::Ptr{UInt64},
            column(UInt64, :decay_steps)::Ptr{UInt64}, column(Float64, :end_value)::Ptr{Float64},
            column(Float64, :exponent)::Ptr{Float64}, made::Ref{Handle}
        )::Int32
    end
end

"`first`, and from each boundary on its schedule, counted from there: `join(warmup, 500 => decay)`."
function join(first::Schedule, others::Pair{<:Integer,Schedule}...)
    schedules = [first, last.(others)...]
    handles = [schedule.handle for schedule in schedules]
    boundaries = UInt64[boundary for (boundary, _) in others]
    return make(reduce(vcat, [schedule.functions for schedule in schedules])) do made
        GC.@preserve schedules @ccall liblars.lars_schedule_join(
            length(handles)::UInt32, handles::Ptr{Handle}, boundaries::Ptr{UInt64},
            made::Ref{Handle}
        )::Int32
    end
end

end
