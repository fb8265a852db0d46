"""liblars.torch.LARS as an optimizer of PyTorch: what PyTorch's own suite asks of one (test/test_optim.py, which is in no
package), with the inputs and schedulers of the harness that it ships, and the agreement with another LARS."""

from __future__ import annotations

import copy
import doctest
import io
import warnings

import pytest

torch = pytest.importorskip("torch")
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR  # noqa: E402
from torch.testing._internal.common_optimizers import OptimizerInfo, OptimizerInput  # noqa: E402

import liblars  # noqa: E402
import liblars.torch  # noqa: E402
from liblars.torch import LARS  # noqa: E402

INFO = OptimizerInfo(
    LARS,
    optim_inputs_func=lambda device, dtype=None: [
        OptimizerInput(params=None, kwargs=kwargs, desc=str(kwargs))
        for kwargs in (
            {"lr": 0.1},
            {"lr": torch.tensor(0.1)},
            {"lr": 0.1, "momentum": 0.0},
            {"lr": 0.1, "momentum": 0.9, "dampening": 0.5},
            {"lr": 0.1, "weight_decay": 0.1, "nesterov": True},
            {"lr": 0.1, "weight_decay": 0.1, "maximize": True},
            {"lr": 0.1, "variant": "torch", "trust_ratio": False},
        )
    ],
    supported_impls=(),
    supports_complex=True,
    supports_multiple_devices=False,
)
INPUTS = [one.kwargs for one in INFO.optim_inputs_func("cpu")]


def model_and_batch(dtype=torch.float32):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2)).to(dtype)
    return model, torch.randn(7, 6, dtype=dtype), torch.randn(7, 2, dtype=dtype)


def loss_of(model, inputs, targets):
    return ((model(inputs) - targets) ** 2).mean()


def train(optimizer, model, inputs, targets, steps):
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of(model, inputs, targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def bits(tensors):
    return [tensor.detach().clone().contiguous().view(torch.uint8).tolist() if tensor.dim() else tensor.item() for tensor in tensors]


# ---- What any optimizer must do -------------------------------------------------------------------------


@pytest.mark.parametrize("kwargs", INPUTS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_goes_in_the_right_direction(kwargs, dtype):
    model, inputs, targets = model_and_batch(dtype)
    losses = train(LARS(model.parameters(), **(kwargs | {"trust_coefficient": 0.1})), model, inputs, targets, 60)
    assert (losses[-1] > losses[0]) == bool(kwargs.get("maximize"))


@pytest.mark.parametrize("schedulers", INFO.scheduler_inputs)
@pytest.mark.parametrize("kwargs", [one for one in INPUTS if not one.get("maximize")], ids=str)
def test_goes_in_the_right_direction_with_pytorchs_schedulers(kwargs, schedulers):
    model, inputs, targets = model_and_batch()
    optimizer = LARS(model.parameters(), **(copy.deepcopy(kwargs) | {"trust_coefficient": 0.1}))
    running = [scheduler(optimizer) for scheduler in schedulers]
    before = loss_of(model, inputs, targets).item()
    for _ in range(40):
        train(optimizer, model, inputs, targets, 1)
        for scheduler in running:
            scheduler.step(loss_of(model, inputs, targets).item()) if "Plateau" in type(scheduler).__name__ else scheduler.step()
    assert loss_of(model, inputs, targets).item() < before


@pytest.mark.parametrize("make", [lambda o: CosineAnnealingLR(o, 20), lambda o: OneCycleLR(o, 1.0, total_steps=20)])
def test_follows_the_learning_rate_of_a_scheduler(make):
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = LARS([parameter], lr=0.5, momentum=0.0, trust_ratio=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # OneCycleLR cycles the momentum, too
        scheduler = make(optimizer)
    for _ in range(10):
        before = parameter.detach().clone()
        momentum = optimizer.param_groups[0]["momentum"]
        velocity = optimizer.state[parameter].get("momentum_buffer", torch.zeros(3)).clone()
        rate = optimizer.param_groups[0]["lr"]
        parameter.grad = torch.ones(3)
        optimizer.step()
        torch.testing.assert_close(parameter.detach(), before - rate + momentum * velocity)
        scheduler.step()


def test_equals_torch_sgd_without_trust_ratio():
    def run(make):
        model, inputs, targets = model_and_batch(torch.float64)
        train(make(model.parameters()), model, inputs, targets, 20)
        return [parameter.detach() for parameter in model.parameters()]

    settings = {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01, "nesterov": True}
    ours = run(lambda parameters: LARS(parameters, trust_ratio=False, variant="torch", **settings))
    theirs = run(lambda parameters: torch.optim.SGD(parameters, **settings))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-13, atol=1e-13)


def test_groups_have_values_of_their_own():
    model, inputs, targets = model_and_batch()
    weights = [p for p in model.parameters() if p.dim() > 1]
    biases = [p for p in model.parameters() if p.dim() == 1]
    optimizer = LARS([{"params": weights, "weight_decay": 0.1}, {"params": biases, "lr": 0.0, "trust_ratio": False}], lr=0.1)
    before = bits(biases)
    train(optimizer, model, inputs, targets, 3)
    assert bits(biases) == before
    optimizer.param_groups[1]["lr"] = 0.1
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(2))]})
    train(optimizer, model, inputs, targets, 1)
    assert bits(biases) != before


def test_parameters_without_gradients_are_left_alone():
    model, inputs, targets = model_and_batch()
    optimizer = LARS(model.parameters(), lr=0.1)
    optimizer.step()
    assert not optimizer.state
    first = next(model.parameters())
    first.requires_grad_(False)
    before = bits([first])
    train(optimizer, model, inputs, targets, 2)
    assert bits([first]) == before
    assert first not in optimizer.state
    first.requires_grad_(True)
    train(optimizer, model, inputs, targets, 1)
    assert bits([first]) != before


def test_closure_and_hooks():
    model, inputs, targets = model_and_batch()
    optimizer = LARS(model.parameters(), lr=0.1)
    seen = []
    optimizer.register_step_pre_hook(lambda *_: seen.append("before"))
    optimizer.register_step_post_hook(lambda *_: seen.append("after"))

    def closure():
        assert torch.is_grad_enabled()
        optimizer.zero_grad()
        loss = loss_of(model, inputs, targets)
        loss.backward()
        return loss

    assert optimizer.step(closure).item() > 0
    assert seen == ["before", "after"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_a_run_goes_on_from_its_state_dict_with_the_same_bits(dtype):
    def fresh():
        parameters = [torch.nn.Parameter(torch.linspace(-1, 1, 9).to(dtype)), torch.nn.Parameter(torch.ones((), dtype=dtype))]
        return parameters, LARS(parameters, lr=0.5, weight_decay=0.01, trust_coefficient=0.1)

    def step(parameters, optimizer, count):
        for number in range(count):
            for parameter in parameters:
                parameter.grad = torch.full_like(parameter, 0.1 * (number + 1)) + parameter.detach() / 7
            optimizer.step()

    parameters, optimizer = fresh()
    step(parameters, optimizer, 3)
    file = io.BytesIO()
    torch.save({"optimizer": optimizer.state_dict(), "parameters": parameters}, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=True)
    again, resumed = fresh()
    for parameter, value in zip(again, loaded["parameters"], strict=True):
        parameter.data.copy_(value)
    resumed.load_state_dict(loaded["optimizer"])
    step(parameters, optimizer, 2)
    step(again, resumed, 2)
    assert bits(parameters) == bits(again)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    assert resumed.state[again[0]]["momentum_buffer"].dtype == wide


def test_deep_copies_and_older_states():
    model, inputs, targets = model_and_batch()
    optimizer = LARS(model.parameters(), lr=0.1)
    train(optimizer, model, inputs, targets, 2)
    twin_model, twin = copy.deepcopy((model, optimizer))
    train(optimizer, model, inputs, targets, 2)
    train(twin, twin_model, inputs, targets, 2)
    assert bits(model.parameters()) == bits(twin_model.parameters())
    state = optimizer.state_dict()
    for group in state["param_groups"]:
        del group["trust_ratio"]  # as from a version before it
    optimizer.load_state_dict(state)
    train(optimizer, model, inputs, targets, 1)


def test_gradients_that_lie_otherwise_and_parameters_that_move():
    weight = torch.nn.Parameter(torch.arange(24.0).reshape(1, 2, 3, 4).to(memory_format=torch.channels_last))
    plain = torch.nn.Parameter(torch.arange(24.0).reshape(1, 2, 3, 4))
    for parameter in (weight, plain):
        optimizer = LARS([parameter], lr=1.0, trust_coefficient=0.1)
        for _ in range(3):
            parameter.grad = torch.ones(1, 2, 3, 4)
            optimizer.step()
            parameter.data = parameter.data.clone()  # elsewhere from now on
    torch.testing.assert_close(weight.detach(), plain.detach(), rtol=1e-6, atol=0)


# ---- Mixed precision ------------------------------------------------------------------------------------


def test_grad_scaler_unscales_and_skips():
    parameter = torch.nn.Parameter(torch.ones(4))
    optimizer = LARS([parameter], lr=0.5, momentum=0.0, trust_ratio=False)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=2)
    scaler.scale((parameter * 0.25).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    torch.testing.assert_close(parameter.detach(), torch.full((4,), 0.875))
    optimizer.zero_grad()
    scaler.scale((parameter * torch.tensor([1.0, 1.0, float("inf"), 1.0])).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    torch.testing.assert_close(parameter.detach(), torch.full((4,), 0.875))
    assert scaler.get_scale() == 512.0


def test_nan_is_refused_with_nothing_written():
    parameter = torch.nn.Parameter(torch.ones(4))
    optimizer = LARS([parameter], lr=0.5)
    parameter.grad = torch.tensor([1.0, float("nan"), 1.0, 1.0])
    with pytest.raises(liblars.LarsArithmeticError, match="NaN or Inf in 1 of 4"):
        optimizer.step()
    assert parameter.tolist() == [1, 1, 1, 1]
    skipping = LARS([parameter], lr=0.5, nonfinite="skip")
    skipping.step()
    assert parameter.tolist() == [1, 1, 1, 1]


# ---- Mistakes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"lr": -0.1}, "learning_rate: -0.1 is not allowed"),
        ({"lr": 0.1, "momentum": 1.5}, "momentum: 1.5"),
        ({"lr": 0.1, "weight_decay": -1}, "weight_decay: -1"),
        ({"lr": 0.1, "eps": float("nan")}, "eps: nan"),
        ({"differentiable": True}, "differentiable: True is not allowed"),
        ({"threads": -1}, "threads: -1 is not allowed"),
        ({"gradient_clip": 0.0}, "max_norm: 0 is not allowed"),
        ({"lr": 0.1, "variant": "lamb"}, "variant 'lamb' is unknown"),
        ({"lr": 0.1, "nonfinite": "ignore"}, "policy 'ignore' is unknown"),
    ],
)
def test_refuses_hyper_parameters(kwargs, message):
    with pytest.raises(ValueError, match=message):
        LARS([torch.nn.Parameter(torch.ones(2))], **kwargs)


@pytest.mark.parametrize("value", ["0.1", None, torch.tensor([0.1, 0.2])], ids=["text", "None", "two"])
def test_refuses_what_is_no_number(value):
    with pytest.raises(TypeError, match="^lr: .* is not allowed; it must be a number"):
        LARS([torch.nn.Parameter(torch.ones(2))], lr=value)


def test_refuses_parameters():
    for parameter, message in (
        (torch.ones(2, dtype=torch.float8_e5m2), "parameter 0 is of dtype torch.float8_e5m2"),
        (torch._neg_view(torch.ones(2)), "group 0, parameter 0 is a view marked as negated"),  # noqa: SLF001
        (torch.ones(2, device="meta"), "device meta"),
        (torch.ones(4, 4)[:, 1], "not dense"),
        (torch.ones(1).expand(4), "not dense"),
    ):
        with pytest.raises(liblars.LarsError, match=message):
            LARS([torch.nn.Parameter(parameter)], lr=0.1)
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = LARS([parameter], lr=0.1)
    with pytest.raises(ValueError, match="more than one parameter group"):
        optimizer.add_param_group({"params": [parameter]})
    with pytest.raises(liblars.LarsError):
        optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(2))], "momentum": 7})
    assert len(optimizer.param_groups) == 1
    parameter.grad = torch.ones(3).to_sparse()
    with pytest.raises(liblars.LarsError) as caught:
        optimizer.step()
    assert isinstance(caught.value, RuntimeError)  # as of PyTorch's own optimizers
    assert str(caught.value) == (
        "the gradient of group 0, parameter 0 has the layout torch.sparse_coo; LARS takes dense gradients (torch.strided)"
    )
    with warnings.catch_warnings(), pytest.raises(liblars.LarsError, match="group 0 has the same parameter twice: its parameters 0 and 1"):
        warnings.simplefilter("ignore")  # PyTorch warns of it
        LARS([parameter, parameter])


def test_refuses_states_that_do_not_fit():
    parameter, other = torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(4))
    optimizer, wrong = LARS([parameter], lr=0.1), LARS([other], lr=0.1)
    other.grad, parameter.grad = torch.ones(4), torch.ones(3)
    wrong.step()
    optimizer.load_state_dict(wrong.state_dict())
    with pytest.raises(liblars.LarsError, match="momentum_buffer of group 0, parameter 0"):
        optimizer.step()
    assert parameter.tolist() == [1, 1, 1]


def test_examples_of_the_documentation():
    assert doctest.testmod(liblars.torch).failed == 0
