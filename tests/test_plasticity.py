"""Claims about plasticities: each is its equation, they add and scale, and ask for no more than they read."""

import numpy as np
import plain
import pytest

from semantic_svd.errors import InputError
from semantic_svd.plasticity import (
    Delta,
    Frozen,
    Hebb,
    Oja,
    Outer,
    Plasticity,
    Sanger,
    Scaled,
    Sum,
    Synapse,
    apply,
)

SEEDS, N, POST, PRE = 3, 6, 4, 5
PLASTICITIES = [
    Delta(),
    Hebb(),
    Oja(),
    Oja("unit"),
    Sanger(),
    Frozen(),
    Delta() + 0.01 * Hebb(),
    Delta() + 0.01 * Oja(),
    -2.0 * Oja(),
    0.5 * (Delta() + Oja("unit")),
    Delta() + 0.1 * Sanger() + Frozen() + Hebb(),
    3.0 * Frozen(),
    0.1 * (0.7 * Hebb()),
]


def signals(shared=False, seed=0):
    rng = np.random.default_rng(seed)
    pre = rng.normal(size=(N, PRE) if shared else (SEEDS, N, PRE))
    W = rng.normal(size=(SEEDS, POST, PRE))
    return W, pre, *(rng.normal(size=(SEEDS, N, POST)) for _ in range(3))


def synapse(W, pre, post, error, teach):
    return Synapse(W, lambda: pre, lambda: post, lambda: error, lambda: teach)


def changed(plasticity, W, *rest):
    after = W.copy()
    apply(after, plasticity(synapse(W, *rest), plasticity.memory(W)), 1.0)
    return after - W


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("plasticity", PLASTICITIES, ids=repr)
def test_a_change_is_its_equation_item_by_item(plasticity, shared):
    W, pre, post, error, teach = signals(shared)
    actual = changed(plasticity, W, pre, post, error, teach)
    for s in range(SEEDS):
        of_items = zip(pre if shared else pre[s], post[s], error[s], teach[s], strict=True)
        expected = plain.change(plasticity, W[s], list(of_items))
        np.testing.assert_allclose(actual[s], expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("plasticity", PLASTICITIES, ids=repr)
def test_a_plasticity_changes_neither_its_signals_nor_its_matrix(plasticity):
    seen = signals()
    before = [a.copy() for a in seen]
    plasticity(synapse(*seen), plasticity.memory(seen[0]))
    for a, b in zip(seen, before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("plasticity", PLASTICITIES, ids=repr)
def test_the_text_of_a_plasticity_evaluates_to_it(plasticity):
    names = {"Delta": Delta, "Frozen": Frozen, "Hebb": Hebb, "Oja": Oja, "Sanger": Sanger}
    assert eval(repr(plasticity), names) == plasticity


def refuse():
    raise AssertionError("a signal was computed that the plasticity does not read")


@pytest.mark.parametrize("plasticity", [Hebb(), Oja(), Oja("unit"), Sanger(), Hebb() + 0.1 * Oja()], ids=repr)
def test_hebbian_plasticities_ask_for_no_error(plasticity):
    W, pre, post, _, _ = signals()
    assert plasticity(Synapse(W, lambda: pre, lambda: post, refuse, refuse), {}) is not None


def test_the_delta_rule_asks_for_no_activity_of_its_receivers():
    W, pre, _, _, teach = signals()
    assert isinstance(Delta()(Synapse(W, lambda: pre, refuse, refuse, lambda: teach), {}), Outer)


def test_a_frozen_synapse_asks_for_nothing():
    W = np.ones((1, 2, 3))
    assert Frozen()(Synapse(W, refuse, refuse, refuse, refuse), {}) is None


def test_sums_are_flat_and_scales_bind_closer_than_sums():
    assert Delta() + (Hebb() + Oja()) == Sum((Delta(), Hebb(), Oja())) == (Delta() + Hebb()) + Oja()
    assert 2 * Delta() + Hebb() == Sum((Scaled(2.0, Delta()), Hebb()))
    assert repr(2 * (Delta() + Hebb())) == "2.0 * (Delta() + Hebb())"


def test_outer_products_of_one_sender_are_one_product():
    W, pre, post, error, teach = signals()
    merged = (Delta() + 0.1 * Hebb())(synapse(W, pre, post, error, teach), {})
    assert len(merged) == 1
    np.testing.assert_allclose(merged[0].u, teach + 0.1 * post)
    assert merged[0].v is pre


def test_the_rate_multiplies_every_part_of_a_change():
    seen = signals()
    for plasticity in (Delta(), Sanger(), Delta() + Oja("unit")):
        after = seen[0].copy()
        apply(after, plasticity(synapse(*seen), {}), 0.25)
        np.testing.assert_allclose(after - seen[0], 0.25 * changed(plasticity, *seen), rtol=0, atol=1e-13)


def test_the_parts_of_a_sum_keep_memories_of_their_own():
    class Counter(Plasticity):
        """A count of steps that the change is scaled by."""

        def memory(self, W):
            return {"steps": np.zeros((len(W), 1, 1))}

        def __call__(self, s, memory):
            memory["steps"] += 1
            return memory["steps"] * np.ones_like(s.W)

    both = Counter() + 10.0 * Counter()
    W = np.zeros((2, 1, 1))
    memory = both.memory(W)
    assert sorted(memory) == ["0.steps", "1.steps"]
    for expected in (11.0, 33.0, 66.0):
        apply(W, both(Synapse(W, refuse, refuse, refuse, refuse), memory), 1.0)
        assert (expected == W).all()


def test_a_plasticity_of_no_equation_is_not_one():
    with pytest.raises(NotImplementedError):
        Plasticity()(synapse(*signals()), {})


def test_an_unknown_decay_is_refused():
    with pytest.raises(InputError) as refusal:
        Oja("weight")
    assert str(refusal.value) == "Oja has no decay 'weight'; it has 'subspace' and 'unit'"
