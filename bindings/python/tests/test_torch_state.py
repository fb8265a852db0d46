"""liblars.torch.LARS where parameters, gradients and states change between steps, beside torch.optim.SGD: without trust ratio
the variant "torch" is SGD."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import liblars  # noqa: E402
from liblars.torch import LARS  # noqa: E402

AS_SGD = {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}


def sgd(parameters):
    return torch.optim.SGD(parameters, **AS_SGD)


def lars(parameters):
    return LARS(parameters, **AS_SGD, variant="torch", trust_ratio=False)


def parameters(*values):
    return [torch.full((2,), value, dtype=torch.float64, requires_grad=True) for value in values]


def stepped(make, values, steps, between=lambda optimizer, _make: optimizer):
    """The parameters after so many steps; the second has no gradient at odd ones."""
    tensors = parameters(*values)
    optimizer = make(tensors)
    for step in range(steps):
        for number, tensor in enumerate(tensors):
            tensor.grad = None if number == 1 and step % 2 else torch.full_like(tensor, 0.5 + step)
        optimizer.step()
        optimizer = between(optimizer, lambda: make(tensors))
    return torch.stack([tensor.detach() for tensor in tensors])


def reloaded(optimizer, make):
    other = make()
    other.load_state_dict(optimizer.state_dict())
    return other


def test_a_parameter_without_gradients_now_and_then_disturbs_no_other():
    torch.testing.assert_close(stepped(lars, (1.0, 2.0), 6), stepped(sgd, (1.0, 2.0), 6), rtol=1e-14, atol=0)


def test_a_reloaded_state_goes_on_as_if_nothing_had_been():
    for values in ((1.0,), (1.0, 2.0)):
        assert torch.equal(stepped(lars, values, 6, reloaded), stepped(lars, values, 6))


def test_a_state_of_sgd_goes_on():
    def changed(optimizer, make):
        other = make()
        other.load_state_dict({"state": optimizer.state_dict()["state"], "param_groups": other.state_dict()["param_groups"]})
        return other

    tensors = parameters(1.0)
    one = sgd(tensors)
    tensors[0].grad = torch.ones_like(tensors[0])
    one.step()
    two = changed(one, lambda: lars(tensors))
    two.step()
    alone = parameters(1.0)
    other = sgd(alone)
    for _ in range(2):
        alone[0].grad = torch.ones_like(alone[0])
        other.step()
    torch.testing.assert_close(tensors[0], alone[0], rtol=1e-14, atol=0)


def test_autograd_knows_that_a_step_has_changed_the_parameters():
    weight = torch.ones(3, requires_grad=True)
    loss = (weight * weight).sum()
    loss.backward(retain_graph=True)
    lars([weight]).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_model_of_another_type_after_a_step_is_refused():
    model = torch.nn.Linear(3, 2)
    optimizer = lars(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    model.double()
    optimizer.zero_grad()
    model(torch.ones(1, 3, dtype=torch.float64)).sum().backward()
    before = model.weight.detach().clone()
    with pytest.raises(liblars.LarsError, match="momentum_buffer of group 0, parameter 0 is no torch.float64 tensor"):
        optimizer.step()
    assert torch.equal(model.weight, before)


@pytest.mark.parametrize("other", [torch.ones(1000, 3), torch.ones(2, 3, dtype=torch.float64)], ids=["longer", "float64"])
def test_gradients_that_no_longer_fit_are_refused(other):
    weight = torch.ones(2, 3, requires_grad=True)
    weight.grad = torch.ones(2, 3)
    optimizer = lars([weight])
    optimizer.step()
    weight.data = other.clone()
    with pytest.raises(liblars.LarsError, match="the gradient of .*parameter 0 is a torch.float32 tensor of shape \\(2, 3\\)"):
        optimizer.step()
    assert torch.equal(weight, other)


def test_a_gradient_that_is_only_marked_as_negated():
    weight = torch.zeros(3, requires_grad=True)
    weight.grad = torch._neg_view(torch.ones(3))  # noqa: SLF001: .conj().imag is one, but not a dense one
    assert weight.grad.is_neg()
    lars([weight]).step()
    assert torch.equal(weight, torch.full((3,), 0.1))


def test_schedulers_may_end_a_hair_below_zero():
    weight = torch.ones(3, requires_grad=True)
    optimizer = lars([weight])
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.9, end_factor=0.0, total_iters=5)
    for _ in range(7):
        weight.grad = torch.ones(3)
        optimizer.step()
        scheduler.step()
    optimizer.param_groups[0]["lr"] = -0.1
    with pytest.raises(liblars.LarsValueError):
        optimizer.step()


def test_what_a_refused_value_left_is_known():
    weight = torch.zeros(3, requires_grad=True)
    optimizer = LARS([weight], lr=0.1, momentum=0.0, trust_ratio=False)
    group = optimizer.param_groups[0]
    weight.grad = torch.zeros(3)
    optimizer.step()
    group["lr"], group["momentum"] = 0.4, 2.0
    weight.grad = torch.ones(3)
    with pytest.raises(liblars.LarsValueError):
        optimizer.step()
    group["lr"], group["momentum"] = 0.1, 0.0
    optimizer.step()
    assert torch.equal(weight, torch.full((3,), -0.1))


def test_states_follow_the_memory_format():
    model = torch.nn.Conv2d(3, 4, 2)
    optimizer = lars(model.parameters())
    model(torch.ones(1, 3, 5, 5)).sum().backward()
    optimizer.step()
    saved = optimizer.state_dict()
    momentum = optimizer.state[model.weight]["momentum_buffer"].clone()
    model.to(memory_format=torch.channels_last)
    other = lars(model.parameters())
    other.load_state_dict(saved)
    for one in (optimizer, other):
        model.weight.grad.zero_()
        before = model.weight.detach().clone()
        one.step()
        torch.testing.assert_close(model.weight, before - 0.1 * 0.9 * momentum)


def test_hooks_of_load_state_dict_are_heeded():
    weight = torch.ones(3, dtype=torch.bfloat16, requires_grad=True)
    weight.grad = torch.ones(3, dtype=torch.bfloat16)
    optimizer = lars([weight])
    optimizer.step()
    optimizer.register_load_state_dict_pre_hook(lambda _, wrapped: wrapped["inner"])
    optimizer.load_state_dict({"inner": optimizer.state_dict()})
    assert optimizer.state[weight]["momentum_buffer"].dtype == torch.float32
    assert torch.equal(optimizer.state[weight]["momentum_buffer"], torch.full((3,), 1.0))
