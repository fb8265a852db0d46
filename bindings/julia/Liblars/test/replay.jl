"Plays the calls of tests/conformance/cases.json (see README.md there) with this binding."
module Replay

using ..JSON
using Liblars
using Liblars: BFloat16

const TYPES = Dict(
    "float16" => Float16, "float32" => Float32, "float64" => Float64, "bfloat16" => BFloat16, "int16" => Int16,
)
const WORDS = Dict(T => word for (word, T) in TYPES)

bits_of(value::Float64) = string(reinterpret(UInt64, value); base = 16, pad = 16)
bits_of(values) = Any[bits_of(value) for value in values]
digits_of(array) = bytes2hex(reinterpret(UInt8, array))

"A number of a call: \"nan\", \"inf\" and \"-inf\" are some."
number(value) = value
number(value::String) = parse(Float64, value)

selects(::Val{:ndim_at_most}, value) = parameter -> length(parameter.shape) <= value
selects(::Val{:name_ends_with}, value) = parameter -> endswith(parameter.name, value)
selects(::Val{:dtype}, value) = parameter -> parameter.eltype === TYPES[value]
selects(::Val{:index}, value) = parameter -> parameter.index == value + 1
selects(::Val{:first_extent}, value) = parameter -> !isempty(parameter.shape) && first(parameter.shape) == value
selects(::Val{:fails}, _) = _ -> error("told to fail")

function selector_of(call)
    haskey(call, "predicate") || return get(call, "selector", nothing)
    (kind, value) = only(call["predicate"])
    return selects(Val(Symbol(kind)), value)
end

function_of(name) = name == "reciprocal" ? step -> 1 / (1 + step) : _ -> error("told to fail")

pairs_of(boundaries) = [step => scale for (step, scale) in boundaries]
named(arguments) = (; (Symbol(name) => number(value) for (name, value) in arguments)...)

schedule_of(spec) = ((kind, arguments) = only(spec); schedule(Val(Symbol(kind)), arguments))
schedule(::Val{:constant}, given) = Schedules.constant(number(given["value"]))
schedule(::Val{:callback}, name) = Liblars.Schedule(function_of(name))
schedule(::Val{:sgdr}, given) = Schedules.sgdr(map(named, given["cycles"])...)
schedule(::Val{:piecewise_constant}, given) =
    Schedules.piecewise_constant(given["init_value"], pairs_of(given["boundaries"])...)
schedule(::Val{:piecewise_interpolate}, given) = Schedules.piecewise_interpolate(
    Symbol(given["interpolate_type"]), given["init_value"], pairs_of(given["boundaries"])...
)
function schedule(::Val{:join}, given)
    first, others = Iterators.peel(map(schedule_of, given["schedules"]))
    return Schedules.join(first, map(Pair, given["boundaries"], others)...)
end
schedule(::Val{kind}, given) where {kind} = getfield(Schedules, kind)(; named(given)...)

"One case: an optimizer, its arrays and checkpoints."
mutable struct Player
    opt::Optimizer
    arrays::Dict{String,Vector}
    checkpoints::Dict{String,Vector{UInt8}}
    reports::Vector{Any}
end

function Player(arrays)
    memory(array) = collect(reinterpret(TYPES[array["dtype"]], hex2bytes(array["bytes"])))
    return Player(Optimizer(), Dict(name => memory(array) for (name, array) in arrays), Dict(), [])
end

"What comes of a call: what it returns, or its error, and the arrays that it has changed."
function play(player, call)
    before = Dict(name => digits_of(array) for (name, array) in player.arrays)
    outcome = Dict{String,Any}()
    try
        returned = perform(player, player.opt, Val(Symbol(call["call"])), call)
        returned === nothing || (outcome["returns"] = returned)
    catch exception
        exception isa LarsError || rethrow()
        outcome["error"] = Dict{String,Any}("status" => string(exception.status))
        # How a function failed is told as languages differ.
        exception.status === :LARS_ERR_CALLBACK || (outcome["error"]["message"] = exception.message)
    end
    changed = Dict{String,Any}(
        name => digits_of(array) for (name, array) in player.arrays if digits_of(array) != before[name]
    )
    isempty(changed) || (outcome["arrays"] = changed)
    return outcome
end

function expected(call)
    outcome = Dict{String,Any}(key => call[key] for key in ("returns", "error", "arrays") if haskey(call, key))
    haskey(outcome, "error") || return outcome
    outcome["error"] = Dict{String,Any}(
        key => key == "message" ? message_here(value) : value for (key, value) in outcome["error"]
    )
    return outcome
end

"A message of the library as it must be here, where indices count from 1."
function message_here(message)
    next(number) = string(parse(Int, number) + 1)
    out = match(r"^index (\d+) is out of range; there (?:is|are) (\d+) parameters?$", message)
    out === nothing || return "index $(next(out[1])) is out of range; indices are 1 to $(out[2])"
    return replace(message, r"(?<=' \(index )\d+(?=\))|(?<=by parameter )\d+" => next)
end

"Equal in value and kind: in JSON, true is not 1."
same(a, b) = a == b && (a isa Bool) == (b isa Bool)
same(a::AbstractVector, b::AbstractVector) = length(a) == length(b) && all(map(same, a, b))
same(a::AbstractDict, b::AbstractDict) = keys(a) == keys(b) && all(same(a[key], b[key]) for key in keys(a))

# ---- The calls, in the order of lars.h

arrays(player, names) = [player.arrays[name] for name in names]
index(call) = call["index"] + 1
list(values...) = Any[values...]

function perform(player, _, ::Val{:new}, _)
    player.opt = Optimizer()
    return nothing
end
perform(_, opt, ::Val{:add_parameter}, call) =
    add_parameter!(opt, call["name"], TYPES[call["dtype"]], call["shape"]) - 1
function perform(_, opt, ::Val{:parameter}, call)
    found = Liblars.parameter(opt, index(call))
    return Dict("name" => found.name, "dtype" => WORDS[found.eltype], "shape" => collect(found.shape))
end
perform(_, opt, ::Val{:parameter_count}, _) = Liblars.parameter_count(opt)
perform(_, opt, ::Val{:parameter_index}, call) = Liblars.parameter_index(opt, call["name"]) - 1
perform(_, opt, ::Val{:set_gradient_dtype}, call) =
    Liblars.set_gradient_type!(opt, TYPES[call["dtype"]]; selector = get(call, "selector", nothing))
perform(_, opt, ::Val{:gradient_dtype}, call) = WORDS[Liblars.gradient_type(opt, index(call))]
function perform(_, opt, ::Val{:set}, call)
    value = haskey(call, "schedule") ? schedule_of(call["schedule"]) : number(call["value"])
    return set!(opt, Symbol(call["key"]), value; selector = selector_of(call))
end
perform(_, opt, ::Val{:get}, call) = bits_of(Liblars.get(opt, index(call), Symbol(call["key"])))
perform(_, opt, ::Val{:set_variant}, call) = Liblars.set_variant!(opt, Symbol(call["variant"]))
perform(_, opt, ::Val{:set_mlperf_resnet50}, call) =
    Liblars.set_mlperf_resnet50!(opt; batch = call["batch"], steps_per_epoch = call["steps_per_epoch"])
perform(_, opt, ::Val{:set_gradient_clip}, call) = Liblars.set_gradient_clip!(opt, number(call["max_norm"]))
perform(_, opt, ::Val{:gradient_clip}, _) = bits_of(Liblars.gradient_clip(opt))
perform(_, opt, ::Val{:nonfinite_policy}, _) = String(Liblars.nonfinite_policy(opt))
perform(_, opt, ::Val{:max_consecutive_skips}, _) = Liblars.max_consecutive_skips(opt)
perform(_, opt, ::Val{:carry_norms}, _) = Liblars.carry_norms(opt)
perform(_, opt, ::Val{:gradient_norms}, _) = Liblars.gradient_norms(opt)
perform(_, opt, ::Val{:set_nonfinite_policy}, call) = Liblars.set_nonfinite_policy!(opt, Symbol(call["policy"]))
perform(_, opt, ::Val{:set_max_consecutive_skips}, call) = Liblars.set_max_consecutive_skips!(opt, call["most"])
perform(_, opt, ::Val{:set_kernels}, call) = Liblars.set_kernels!(opt, call["kernels"])
perform(_, opt, ::Val{:kernels}, _) = Liblars.kernels(opt)
perform(_, opt, ::Val{:set_threads}, call) = Liblars.set_threads!(opt, call["threads"])

perform(player, opt, ::Val{:step}, call) =
    step!(opt, arrays(player, call["parameters"]), arrays(player, call["gradients"]))
perform(player, opt, ::Val{:step_flat}, call) =
    step_flat!(opt, player.arrays[call["parameters"]], player.arrays[call["gradients"]])
perform(player, opt, ::Val{:step_parameter}, call) =
    step_parameter!(opt, index(call), player.arrays[call["parameter"]], player.arrays[call["gradient"]])
perform(player, opt, ::Val{:update}, call) =
    Liblars.update!(opt, (arrays(player, call[role]) for role in ("parameters", "gradients", "updates"))...)
function perform(player, opt, ::Val{:step_external}, call)
    roles = ("parameters", "gradients", "momentum", "masters")
    return step_external!(opt, (arrays(player, call[role]) for role in roles if haskey(call, role))...)
end
function perform(player, opt, ::Val{:update_external}, call)
    roles = ("parameters", "gradients", "momentum", "updates")
    return Liblars.update_external!(opt, (arrays(player, call[role]) for role in roles)...)
end

perform(_, opt, ::Val{:set_accumulation}, call) = Liblars.set_accumulation!(opt, call["micro_batches"])
perform(player, opt, ::Val{:accumulate}, call) =
    Liblars.accumulate!(opt, (arrays(player, call[r]) for r in ("parameters", "gradients") if haskey(call, r))...)
perform(player, opt, ::Val{:step_accumulated}, call) = step_accumulated!(opt, arrays(player, call["parameters"]))
perform(_, opt, ::Val{:discard_accumulated}, _) = Liblars.discard_accumulated!(opt)
perform(_, opt, ::Val{:accumulated}, _) = list(Liblars.accumulated(opt)...)
perform(_, opt, ::Val{:set_carry_norms}, call) = Liblars.set_carry_norms!(opt, call["carry"])
perform(_, opt, ::Val{:parameters_changed}, _) = Liblars.parameters_changed!(opt)

perform(_, opt, ::Val{:step_count}, call) =
    haskey(call, "index") ? Liblars.step_count(opt, index(call)) : Liblars.step_count(opt)
perform(_, opt, ::Val{:set_step_count}, call) = Liblars.set_step_count!(opt, index(call), call["steps"])
perform(_, opt, ::Val{:norms}, call) = bits_of(Liblars.norms(opt, index(call)))
perform(_, opt, ::Val{:skip_count}, _) = list(Liblars.skip_count(opt)...)
function perform(_, opt, ::Val{:nonfinite}, _)
    found = Liblars.nonfinite(opt)
    return list(found.index - 1, found.parameter_elements, found.gradient_elements)
end
perform(_, opt, ::Val{:telemetry}, call) = bits_of(Liblars.telemetry(opt, Symbol(call["quantity"])))
perform(_, opt, ::Val{:set_gradient_norms}, call) = Liblars.set_gradient_norms!(opt, call["wanted"])
function perform(player, opt, ::Val{:observe}, call)
    told(report) =
        push!(player.reports, list(report.skipped, report.steps, bits_of(report.quantities.trust_ratio)))
    return Liblars.set_observer!(call["wanted"] ? told : nothing, opt)
end
perform(player, _, ::Val{:observed}, _) = splice!(player.reports, 1:length(player.reports))

function perform(player, opt, ::Val{:save}, call)
    checkpoint = Liblars.save(opt)
    player.checkpoints[call["to"]] = checkpoint
    return length(checkpoint)
end
perform(player, opt, ::Val{:load}, call) =
    Liblars.load!(opt, haskey(call, "from") ? player.checkpoints[call["from"]] : hex2bytes(call["bytes"]))
perform(_, opt, ::Val{:save_and_load_file}, _) = mktempdir() do folder
    path = joinpath(folder, "checkpoint.safetensors")
    Liblars.save(opt, path)
    Liblars.load!(opt, path)
end
perform(_, opt, ::Val{:load_file}, call) = Liblars.load!(opt, call["path"])
perform(_, _, ::Val{:schedule_values}, call) = bits_of(map(schedule_of(call["schedule"]), call["steps"]))

end
