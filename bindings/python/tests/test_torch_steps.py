"""Steps of liblars.torch.LARS of tensors that change in place, with gradients of other types, and after steps that failed."""

from __future__ import annotations

import collections
import copy
import pickle

import pytest

torch = pytest.importorskip("torch")

import liblars  # noqa: E402
from liblars import _torch_plan  # noqa: E402
from liblars.torch import LARS  # noqa: E402

PLAIN = {"lr": 1.0, "momentum": 0.0, "trust_ratio": False}


def weight_of(value, gradient, elements=3, **arguments):
    weight = torch.nn.Parameter(torch.full((elements,), value, **arguments))
    weight.grad = torch.full((elements,), gradient, **arguments)
    return weight


@pytest.mark.parametrize(
    "other", [torch.zeros(2), torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.bfloat16)], ids=str
)
def test_a_momentum_that_is_replaced_in_place_is_looked_at(other):
    weight = weight_of(1.0, 0.5)
    optimizer = LARS([weight], **PLAIN)
    optimizer.step()
    optimizer.state[weight]["momentum_buffer"].data = other.clone()
    with pytest.raises(liblars.LarsError, match="momentum_buffer of group 0, parameter 0 is no torch.float32 tensor"):
        optimizer.step()
    assert weight.tolist() == [0.5] * 3


@pytest.mark.parametrize("shape", [(), (5,)])
def test_a_master_that_is_replaced_in_place_is_looked_at(shape):
    weight = weight_of(1.0, 0.5, dtype=torch.bfloat16)
    optimizer = LARS([weight], **PLAIN)
    optimizer.step()
    optimizer.state[weight]["master"].data = torch.zeros(shape, dtype=torch.int16)
    with pytest.raises(liblars.LarsError, match="master of group 0"):
        optimizer.step()


def test_what_grad_scaler_left_does_not_outlive_a_step_that_failed():
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = LARS([weight], **PLAIN)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    with torch.no_grad():
        weight[0] = float("nan")
    scaler.scale(weight[1:].sum()).backward()
    with pytest.raises(liblars.LarsArithmeticError):
        scaler.step(optimizer)
    assert not optimizer.state  # as if the step had never been
    with torch.no_grad():
        weight.fill_(1.0)
    weight.grad = torch.full((3,), 0.25)
    optimizer.step()
    assert weight.tolist() == [0.75] * 3


def test_training_steps_can_be_compiled():
    model = torch.nn.Linear(3, 2)
    twin = copy.deepcopy(model)

    def step_of(model, optimizer):
        def step(inputs):
            optimizer.zero_grad()
            model(inputs).sum().backward()
            optimizer.step()

        return step

    compiled = torch.compile(step_of(model, LARS(model.parameters(), lr=0.1)), backend="eager")
    plain = step_of(twin, LARS(twin.parameters(), lr=0.1))
    for _ in range(3):
        compiled(torch.ones(4, 3))
        plain(torch.ones(4, 3))
    assert torch.equal(model.weight, twin.weight)


def test_arguments_of_pytorchs_optimizers_are_in_the_state_from_the_start():
    optimizer = LARS([weight_of(1.0, 0.5)], foreach=None, fused=None, differentiable=False)
    first = optimizer.state_dict()
    optimizer.load_state_dict(first)
    assert optimizer.state_dict() == first


def test_plans_are_kept_for_parts_that_take_turns(monkeypatch):
    made = []
    monkeypatch.setattr(_torch_plan, "new_optimizer", lambda **settings: made.append(1) or new_optimizer(**settings))
    new_optimizer = liblars.torch.new_optimizer
    weights = [weight_of(float(value), 0.5) for value in range(4)]
    optimizer = LARS(weights, lr=0.1, momentum=0.9, dampening=0.5, variant="torch", trust_ratio=False)
    twins = [torch.nn.Parameter(weight.detach().clone()) for weight in weights]
    sgd = torch.optim.SGD(twins, lr=0.1, momentum=0.9, dampening=0.5)
    for step in range(12):
        for number, (weight, twin) in enumerate(zip(weights, twins, strict=True)):
            weight.grad = torch.full((3,), 0.1 * step) if (number + step) % 4 else None
            twin.grad = weight.grad
        optimizer.step()
        sgd.step()
    assert len(made) == 4
    for weight, twin in zip(weights, twins, strict=True):
        torch.testing.assert_close(weight, twin)
    assert [optimizer.state[weight]["step"] for weight in weights] == [9, 9, 9, 9]
    for bits in range(1, 2**4):
        for number, weight in enumerate(weights):
            weight.grad = torch.ones(3) if bits >> number & 1 else None
        optimizer.step()
    assert len(optimizer._plans) == liblars.torch._PLANS  # noqa: SLF001: memory is bounded


def test_states_that_are_taken_away_begin_anew():
    def run(make, forget):
        weight = weight_of(1.0, 1.0, 1)
        optimizer = make([weight])
        optimizer.step()
        optimizer.step()
        forget(optimizer, weight)
        optimizer.step()
        return weight.item()

    settings = {"lr": 1.0, "dampening": 0.5, "momentum": 0.9}
    for forget in (
        lambda optimizer, weight: setattr(optimizer, "state", collections.defaultdict(dict)),
        lambda optimizer, weight: optimizer.state.clear(),
        lambda optimizer, weight: optimizer.state.pop(weight),
        lambda optimizer, weight: optimizer.state.__setitem__(weight, {}),
    ):
        ours = run(lambda some: LARS(some, **settings, variant="torch", trust_ratio=False), forget)
        theirs = run(lambda some: torch.optim.SGD(some, **settings), forget)
        assert ours == pytest.approx(theirs, rel=1e-6)


def test_post_hooks_of_load_state_dict_have_the_last_word():
    weight = weight_of(1.0, 0.5, dtype=torch.bfloat16)
    optimizer = LARS([weight], **PLAIN)
    optimizer.step()
    optimizer.register_load_state_dict_post_hook(lambda one: one.state[weight]["momentum_buffer"].fill_(7.0))
    optimizer.load_state_dict(optimizer.state_dict())
    assert optimizer.state[weight]["momentum_buffer"].tolist() == [7.0] * 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_states_without_momentum_or_master_are_completed(dtype):
    weight = weight_of(1.0, 0.5, dtype=dtype)
    optimizer = LARS([weight], **PLAIN)
    groups = optimizer.state_dict()["param_groups"]
    for state in ({"momentum_buffer": None}, {"momentum_buffer": torch.zeros(3), "step": 1}):
        with torch.no_grad():
            weight.fill_(1.0)
        optimizer.load_state_dict({"state": {0: state}, "param_groups": groups})
        optimizer.step()
        assert weight.tolist() == [0.5] * 3


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
@pytest.mark.parametrize("conjugated", [False, True])
def test_complex_parameters_are_steps_of_their_parts(dtype, conjugated):
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(4, 3, dtype=dtype))
    parts = torch.nn.Parameter(torch.view_as_real(weight.detach()).clone())
    one, other = LARS([weight], lr=0.5, weight_decay=0.1), LARS([parts], lr=0.5, weight_decay=0.1)
    for _ in range(3):
        gradient = torch.randn(4, 3, dtype=dtype)
        weight.grad = gradient.conj() if conjugated else gradient
        parts.grad = torch.view_as_real(weight.grad.resolve_conj()).clone()
        one.step()
        other.step()
    assert torch.equal(torch.view_as_real(weight.detach()), parts.detach())
    assert one.state[weight]["momentum_buffer"].dtype == dtype
    fresh = LARS([weight], lr=0.5, weight_decay=0.1)
    fresh.load_state_dict(one.state_dict())
    fresh.step()


@pytest.mark.parametrize(
    ("dtype", "wide"),
    [(torch.bfloat16, torch.float32), (torch.float16, torch.float32), (torch.float32, torch.bfloat16)],
)
def test_gradients_of_another_type(dtype, wide):
    first, second = weight_of(1.0, 0.5, dtype=dtype), weight_of(1.0, 0.5, dtype=dtype)
    if not hasattr(first, "grad_dtype"):
        pytest.skip("this PyTorch has no gradients of another type than their parameter's")
    optimizer = LARS([("a*[", first), ("b", second)], **PLAIN)
    for _ in range(2):
        first.grad = None
        first.grad_dtype = wide
        first.grad = torch.full((3,), 0.25, dtype=wide)
        optimizer.step()
    assert first.tolist() == [0.5] * 3
    assert second.tolist() == [0.0] * 3


def test_errors_name_parameters():
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 2))
    model[0].requires_grad_(False)
    groups = [{"params": one.parameters()} for one in model]
    for params, name in ((groups, "group 1, parameter 1"), (model.named_parameters(), "group 0, 1.bias")):
        optimizer = LARS(params, lr=0.1)
        model(torch.ones(1, 3)).sum().backward()
        model[1].bias.grad[0] = float("nan")
        with pytest.raises(liblars.LarsArithmeticError, match=f"'{name}'"):
            optimizer.step()


def test_settings_and_norms():
    weight, idle = weight_of(2.0, 4.0, 4), torch.nn.Parameter(torch.ones(2))
    optimizer = LARS([weight, idle], lr=1.0, momentum=0.0, trust_coefficient=0.5, threads=1, gradient_clip=2.0)
    assert optimizer.norms() == {}
    twin = pickle.loads(pickle.dumps(optimizer))
    optimizer.step()
    told = optimizer.norms()
    assert list(told) == [weight]
    assert told[weight].weight_norm == pytest.approx(4.0)
    assert told[weight].trust_ratio == pytest.approx(0.5 * 4.0 / 2.0)  # the gradient's norm, 8, is clipped to 2
    other = twin.param_groups[0]["params"][0]
    other.grad = torch.full((4,), 4.0)
    twin.step()
    assert torch.equal(other, weight)
    assert next(iter(twin._plans.values())).optimizer.threads == 1  # noqa: SLF001


def test_parameters_made_in_inference_mode():
    with torch.inference_mode():
        weight = weight_of(1.0, 0.25)
        LARS([weight], **PLAIN).step()
        assert weight.tolist() == [0.75] * 3
