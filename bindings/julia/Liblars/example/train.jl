# Trains a network of two layers on a part of Fashion-MNIST, with plain arrays and LARS.
#
#   julia --project=bindings/julia/Liblars bindings/julia/Liblars/example/train.jl IMAGES LABELS [EPOCHS [COUNT]]
#
# IMAGES and LABELS: gzipped files in IDX format, as Debian's dataset-fashion-mnist has them; EPOCHS: 5; COUNT: the first
# 4096 images. examples/README.md at the repository's root has the task.

using Liblars
using Printf

const BATCH = 64

"The content of a gzipped IDX file: bytes, of which the last dimension is the item."
function read_idx(path)
    isfile(path) || error("there is no $path; install dataset-fashion-mnist, or give the folder that has it")
    return open(`gzip -dc $path`) do stream
        ndim = read(stream, 4)[4]
        shape = [Int(ntoh(read(stream, UInt32))) for _ in 1:ndim]
        reshape(read(stream, prod(shape)), reverse(shape)...)
    end
end

"The first images as columns of numbers from 0 to 1, and their classes from 1 to 10."
function read_set(images_path, labels_path, count)
    images = read_idx(images_path)
    labels = read_idx(labels_path)
    columns = reshape(images, :, size(images, 3))[:, 1:count]
    return Float32.(columns) ./ 255, Int.(labels[1:count]) .+ 1
end

"Weights of every layer, the same on every machine; columns are the inputs, so outputs vary fastest."
function initial_model(sizes...)
    state = UInt64(20170813)
    function weight(inputs, outputs)
        return map(CartesianIndices((outputs, inputs))) do _
            state = state * 6364136223846793005 + 1442695040888963407
            Float32(((state >> 40) / 2^24 - 0.5) * 2 / sqrt(inputs))
        end
    end
    layer(inputs, outputs) = (weight = weight(inputs, outputs), bias = zeros(Float32, outputs))
    return (layers = map(layer, sizes[1:end-1], sizes[2:end]),)
end

"The classes' scores, and the hidden layer."
function forward(model, images)
    first, second = model.layers
    hidden = max.(first.weight * images .+ first.bias, 0)
    return second.weight * hidden .+ second.bias, hidden
end

"Mean cross-entropy of softmax, and its gradients."
function loss_and_gradients(model, images, labels)
    scores, hidden = forward(model, images)
    scores .-= maximum(scores; dims = 1)
    probabilities = exp.(scores) ./ sum(exp.(scores); dims = 1)
    targets = CartesianIndex.(labels, axes(labels, 1))
    loss = -sum(log.(probabilities[targets])) / length(labels)

    scores_gradient = probabilities
    scores_gradient[targets] .-= 1
    scores_gradient ./= length(labels)
    hidden_gradient = (model.layers[2].weight' * scores_gradient) .* (hidden .> 0)
    layer(gradient, inputs) = (weight = gradient * inputs', bias = vec(sum(gradient; dims = 2)))
    return loss, (layers = (layer(hidden_gradient, images), layer(scores_gradient, hidden)),)
end

"The share of images whose class has the highest score."
function accuracy(model, images, labels)
    scores, _ = forward(model, images)
    found = [argmax(view(scores, :, i)) for i in axes(scores, 2)]
    return count(found .== labels) / length(labels)
end

function train(images_path, labels_path, epochs, count)
    images, labels = read_set(images_path, labels_path, count)
    model = initial_model(784, 100, 10)
    steps = epochs * cld(count, BATCH)
    decay(rate) = Schedules.cosine_decay(init_value = rate, decay_steps = steps)
    rule = LARS(
        "*.bias" => (trust_ratio_mask = false, weight_decay_mask = false, learning_rate = decay(0.2));
        learning_rate = decay(2.0), momentum = 0.9, weight_decay = 1e-4, trust_coefficient = 0.01,
    )
    state = Liblars.setup(rule, model)
    for epoch in 1:epochs
        for batch in Iterators.partition(1:count, BATCH)
            _, gradients = loss_and_gradients(model, images[:, batch], labels[batch])
            Liblars.update!(state, model, gradients)
        end
    end
    loss, _ = loss_and_gradients(model, images, labels)
    @printf("final loss %.4f, accuracy %.4f\n", loss, accuracy(model, images, labels))
end

length(ARGS) >= 2 || error("usage: train.jl IMAGES LABELS [EPOCHS [COUNT]]")
train(ARGS[1], ARGS[2], parse(Int, get(ARGS, 3, "5")), parse(Int, get(ARGS, 4, "4096")))
