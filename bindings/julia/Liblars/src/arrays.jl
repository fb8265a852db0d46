# Where arrays are in memory. Callers preserve them from the garbage collector as long as the
# addresses are used, which is why they come in containers that hold them: a generator would not.

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

"The addresses of one array for each parameter, once they are checked to fit `role`."
function addresses(opt::Optimizer, role::Symbol, arrays::Arrays, name = role)
    count = length(arrays)
    found = Vector{Ptr{Cvoid}}(undef, count)
    dtypes = Vector{Int32}(undef, count)
    elements = Vector{UInt64}(undef, count)
    for (i, array) in enumerate(arrays)
        found[i], dtypes[i], elements[i] = locate(array, name, i)
    end
    status = @ccall liblars.lars_check_arrays(
        opt::Handle, ROLE[role]::Int32, count::UInt32, dtypes::Ptr{Int32}, elements::Ptr{UInt64}
    )::Int32
    check(opt, status)
    return found
end

"The address of the array of one parameter, checked."
function address(opt::Optimizer, role::Symbol, index::Integer, array)
    found, dtype, elements = locate(array, role)
    status = @ccall liblars.lars_check_array(
        opt::Handle, ROLE[role]::Int32, (index - 1)::UInt32, dtype::Int32, elements::UInt64
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
