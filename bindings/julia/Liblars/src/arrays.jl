# Where arrays are in memory, as long as the library uses the addresses.

const Arrays = Union{Vector,Tuple,NamedTuple}
const Addresses = Ptr{Ptr{Cvoid}}

"Address, element type and length of a dense array, which errors call by `role` and `position`."
function locate(array::StridedArray{T}, role, position = "") where {T}
    isdense(array) || refuse("is not contiguous", role, position)
    return Ptr{Cvoid}(pointer(array)), required_dtype(T, role, position), UInt64(length(array))
end
locate(array, role, position = "") = refuse("is a $(typeof(array))", role, position)

function refuse(problem, role, position)
    message = "$(strip("$role $position")) $problem; pass a dense array, such as copy makes"
    throw(LarsError(:LARS_ERR_ARGUMENT, message))
end

isdense(::DenseArray) = true
function isdense(array)
    expected = 1
    for (extent, stride) in zip(size(array), strides(array))
        extent == 1 || stride == expected || return isempty(array)
        expected *= extent
    end
    return true
end

"""
Arrays of one role, for each parameter one, as the library takes them; errors call them by `name`.
Passed to it as `Addresses`, a list roots itself and so the arrays. It holds these themselves:
functions that the library calls may change the container that they came in.
"""
mutable struct List
    role::Symbol
    name::Symbol
    addresses::Vector{Ptr{Cvoid}}
    dtypes::Vector{Int32}
    elements::Vector{UInt64}
    roots::Vector{Any} # the arrays; `nothing` where there is none yet

    List(role, name, count) = new(
        role, name, fill(C_NULL, count), zeros(Int32, count), zeros(UInt64, count),
        fill!(Vector{Any}(undef, count), nothing),
    )
end

Base.unsafe_convert(::Type{Addresses}, list::List) = pointer(list.addresses)

function Base.setindex!(list::List, array, i::Int)
    list.addresses[i], list.dtypes[i], list.elements[i] = locate(array, list.name, i)
    list.roots[i] = array
    return list
end

"The addresses of one array for each parameter, once they are checked to fit `role`."
function addresses(opt::Optimizer, role::Symbol, arrays::Arrays, name = role)
    list = List(role, name, length(arrays))
    for (i, array) in enumerate(arrays)
        list[i] = array
    end
    return checked_list(opt, list)
end

function checked_list(opt::Optimizer, list::List)
    status = @ccall liblars.lars_check_arrays(
        opt::Handle, ROLE[list.role]::Int32, length(list.roots)::UInt32, list.dtypes::Ptr{Int32},
        list.elements::Ptr{UInt64}
    )::Int32
    check(opt, status)
    return list
end

"The address of the array of one parameter, by the library's index, checked."
function address(opt::Optimizer, role::Symbol, index::UInt32, array)
    found, dtype, elements = locate(array, role)
    status = @ccall liblars.lars_check_array(
        opt::Handle, ROLE[role]::Int32, index::UInt32, dtype::Int32, elements::UInt64
    )::Int32
    check(opt, status)
    return found
end

"The address of an array that holds those of all parameters end to end, checked."
function flat_address(opt::Optimizer, role::Symbol, array)
    found, dtype, elements = locate(array, role)
    status = @ccall liblars.lars_check_flat(
        opt::Handle, ROLE[role]::Int32, dtype::Int32, elements::UInt64
    )::Int32
    check(opt, status)
    return found
end
