"""Claims about plasticities: each is its equation, they add and scale, and ask for no more than they read."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plain
import pytest
from refusals import refused

from semantic_svd import plasticity as module
from semantic_svd.items import load_items
from semantic_svd.network import Network
from semantic_svd.plasticity import (
    Adam,
    Delta,
    Frozen,
    Hebb,
    HebbianDescent,
    KrotovHopfield,
    Momentum,
    Oja,
    Outer,
    Plasticity,
    Rows,
    Sanger,
    Scaled,
    Sparsified,
    Sum,
    Synapse,
    Thresholded,
    apply,
    dense,
)
from semantic_svd.rules import Rule
from semantic_svd.runs import Run
from semantic_svd.store import Store, files
from semantic_svd.training import train

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
    HebbianDescent("oja"),
    HebbianDescent("nothing"),
    Sparsified(Hebb(), keep=0.3),
    Sparsified(Delta() + Oja("unit"), keep=0.05),
    0.5 * Sparsified(0.5 * Sanger()) + Delta(),
]
REMEMBERING = [
    HebbianDescent(),
    Thresholded(Oja()),
    Momentum(Delta()),
    Momentum(Hebb(), decay=0.0),
    Adam(Delta()),
    Sparsified(Thresholded(Hebb()), keep=0.4),
    Delta() + 0.2 * Momentum(Thresholded(Oja()), decay=0.5) + HebbianDescent(),
    Momentum(HebbianDescent() + Thresholded(Delta())) + Thresholded(Momentum(Hebb())),
    Thresholded(Thresholded(Delta())),
    KrotovHopfield(k=3),
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
@pytest.mark.parametrize("plasticity", PLASTICITIES + REMEMBERING, ids=repr)
def test_a_change_is_its_equation_item_by_item(plasticity, shared):
    W, pre, post, error, teach = signals(shared)
    actual = changed(plasticity, W, pre, post, error, teach)
    for s in range(SEEDS):
        of_items = zip(pre if shared else pre[s], post[s], error[s], teach[s], strict=True)
        expected = plain.change(plasticity, W[s], list(of_items))
        np.testing.assert_allclose(actual[s], expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("plasticity", PLASTICITIES + REMEMBERING, ids=repr)
def test_a_plasticity_changes_neither_its_signals_nor_its_matrix(plasticity):
    seen = signals()
    before = [a.copy() for a in seen]
    plasticity(synapse(*seen), plasticity.memory(seen[0]))
    for a, b in zip(seen, before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("plasticity", PLASTICITIES + REMEMBERING, ids=repr)
def test_a_change_is_the_same_however_the_matrix_lies_in_memory(plasticity):
    W, *seen = signals()
    turned = W.mT.copy().mT  # as weights to start from do that somebody transposed
    np.testing.assert_allclose(changed(plasticity, turned, *seen), changed(plasticity, W, *seen), 0, 1e-13)


@pytest.mark.parametrize("plasticity", PLASTICITIES + REMEMBERING, ids=repr)
def test_the_text_of_a_plasticity_evaluates_to_it(plasticity):
    assert eval(repr(plasticity), vars(module).copy()) == plasticity


# Plasticities that remember


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("plasticity", REMEMBERING, ids=repr)
def test_what_is_remembered_makes_each_step_that_of_its_equation(plasticity, shared):
    W = signals()[0]
    memory, pasts = plasticity.memory(W), [{} for _ in range(SEEDS)]
    for now in range(6):
        _, pre, *rest = signals(shared, seed=now)
        before = W.copy()
        apply(W, plasticity(synapse(before, pre, *rest), memory), 0.1)
        for s in range(SEEDS):
            of_items = list(zip(pre if shared else pre[s], *(a[s] for a in rest), strict=True))
            expected = before[s] + 0.1 * plain.change(plasticity, before[s], of_items, pasts[s])
            np.testing.assert_allclose(W[s], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("plasticity", REMEMBERING, ids=repr)
def test_memory_is_written_in_place_and_leads_by_the_seed(plasticity):
    W, *seen = signals()
    memory = plasticity.memory(W)
    arrays = dict(memory)
    assert {len(array) for array in arrays.values()} == {SEEDS}
    before = {name: array.copy() for name, array in arrays.items()}
    for _ in range(2):
        plasticity(synapse(W, *seen), memory)
    assert memory.keys() == arrays.keys()
    assert all(memory[name] is arrays[name] for name in arrays)
    assert any((memory[name] != before[name]).any() for name in arrays)


def arrays_of(change):
    """Return the arrays that a change is made of."""
    if isinstance(change, list | tuple):
        return [array for part in change for array in arrays_of(part)]
    return [] if change is None else [change]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("plasticity", PLASTICITIES + REMEMBERING, ids=repr)
def test_numbers_stay_of_the_type_of_the_matrix(plasticity, dtype):
    W, *seen = (a.astype(dtype) for a in signals())
    memory = plasticity.memory(W)
    change = plasticity(synapse(W, *seen), memory)
    assert {a.dtype for a in memory.values()} <= {np.dtype(dtype), np.dtype(bool)}
    assert {a.dtype for a in arrays_of(change) if a.dtype != int} <= {np.dtype(dtype)}


def test_the_mean_that_hebbian_descent_takes_off_starts_at_the_first_batch_and_moves_by_a_hundredth():
    W, pre, post, error, teach = signals(seed=1)
    plasticity, memory = HebbianDescent(), HebbianDescent().memory(W)
    plasticity(synapse(W, pre, post, error, teach), memory)
    mu = pre.mean(axis=1)
    np.testing.assert_allclose(memory["mu"], mu, rtol=0, atol=1e-15)
    for seed in (2, 3):
        _, pre, post, error, teach = signals(seed=seed)
        seen = synapse(W, pre, post, error, teach)
        centred = dense(plasticity(seen, memory), W)
        uncentred = dense(HebbianDescent("nothing")(seen, {}), W)
        less = teach.mean(axis=1)[:, :, None] * mu[:, None, :]  # <error> mu'
        np.testing.assert_allclose(centred, uncentred - less, rtol=0, atol=1e-14)
        mu = mu + 0.01 * (pre.mean(axis=1) - mu)
        np.testing.assert_allclose(memory["mu"], mu, rtol=0, atol=1e-15)


def test_a_threshold_lets_the_first_change_pass_and_takes_off_the_mean_of_all_before():
    W = signals()[0]
    plasticity, memory, past = Thresholded(Hebb()), Thresholded(Hebb()).memory(W), []
    for now in range(5):
        _, *seen = signals(seed=now)
        change = dense(Hebb()(synapse(W, *seen), {}), W)
        expected = change - np.mean(past, axis=0) if past else change
        np.testing.assert_allclose(plasticity(synapse(W, *seen), memory), expected, rtol=0, atol=1e-14)
        past.append(change)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9])
def test_momentum_is_the_plain_recursion(decay):
    W, plasticity = signals()[0], Momentum(Delta(), decay)
    memory, velocity = plasticity.memory(W), np.zeros(W.shape)
    for now in range(5):
        _, *seen = signals(seed=now)
        velocity = decay * velocity + dense(Delta()(synapse(W, *seen), {}), W)
        np.testing.assert_allclose(plasticity(synapse(W, *seen), memory), velocity, rtol=0, atol=1e-14)


@pytest.mark.parametrize("keep", [0.01, 0.05, 0.3, 0.5, 0.99, 1.0])
def test_the_largest_entries_are_kept_and_their_number_is_exact_for_each_seed(keep):
    W, *seen = signals()
    whole = dense(Hebb()(synapse(W, *seen), {}), W)
    sparse = Sparsified(Hebb(), keep)(synapse(W, *seen), {})
    for s in range(SEEDS):
        kept = sparse[s] != 0
        assert kept.sum() == int(keep * POST * PRE)
        np.testing.assert_array_equal(sparse[s][kept], whole[s][kept])
        assert np.abs(whole[s][kept]).min(initial=np.inf) > np.abs(whole[s][~kept]).max(initial=0)


def test_of_equal_entries_the_first_are_kept_and_the_number_stays_exact():
    W = np.zeros((2, 2, 4))
    change = np.array([[[1, -1, 3, 1], [-1, 1, 1, -2]], [[0, 0, 0, 5], [0, 0, 0, 0]]], float)

    class Given(Plasticity):
        """A change that is given."""

        def __call__(self, s, memory):
            return change

    sparse = Sparsified(Given(), keep=0.5)(synapse(W, *[None] * 4), {})
    expected = [[[1, -1, 3, 0], [0, 0, 0, -2]], [[0, 0, 0, 5], [0, 0, 0, 0]]]
    np.testing.assert_array_equal(sparse, expected)
    assert (change[0, 1] == [-1, 1, 1, -2]).all()  # what it was made of is left alone


RESUMED = {
    "threshold": (Thresholded(Oja()), {}),
    "momentum": (Momentum(Delta(), decay=0.5), {}),
    "nested": (Delta() + 0.1 * Momentum(Thresholded(Oja()), decay=0.5), {}),
    "sparse": (Sparsified(Thresholded(Oja())), {}),
    "mean": (HebbianDescent(), {}),
    "powers": (KrotovHopfield(k=3), {"initial": "normal"}),
}


def long_run(plasticity, settings, **other):
    rule = Rule(hidden=plasticity, rate=0.05, schedule="linear")
    network = Network((34, 8, 34), hidden="tanh", **settings)
    return train(
        rule, network, load_items("mcclelland2020"), epochs=60, batch_size=3, progress=False, **other
    )


@pytest.mark.parametrize("name", list(RESUMED))
def test_memories_go_on_where_a_run_was_interrupted(name, tmp_path, monkeypatch):
    plasticity, settings = RESUMED[name]
    whole = long_run(plasticity, settings, seeds=3)
    monkeypatch.setattr(files, "BLOCK", 2**16)
    real = Store.commit

    def once(self, *args, **kwargs):
        real(self, *args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Store, "commit", once)
        long_run(plasticity, settings, seeds=3, out=tmp_path / "run.zarr")
    assert 0 < Run.open(tmp_path / "run.zarr").data.sizes["epoch"] < 61
    resumed = long_run(plasticity, settings, seeds=3, out=tmp_path / "run.zarr", resume=True)
    for layer in (1, 2):
        np.testing.assert_array_equal(resumed.weights(layer), whole.weights(layer))


@pytest.mark.parametrize("name", list(RESUMED))
def test_memories_follow_their_seeds_when_others_leave(name):
    plasticity, settings = RESUMED[name]
    whole = long_run(plasticity, settings, seeds=4)
    stop = float(np.sort(whole.data.loss.values[:, 30])[1])
    beside = long_run(plasticity, settings, seeds=4, stop_below=stop)
    assert len(set(beside.data.end_epoch.values)) > 1
    for seed in range(4):
        end = int(beside.data.end_epoch.sel(seed=seed))
        expected = whole.weights(1).sel(seed=seed, epoch=end)
        np.testing.assert_allclose(beside.final().weights(1).sel(seed=seed), expected, rtol=0, atol=1e-11)


# What a plasticity reads, and what it is made of


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


def test_a_change_of_rows_is_added_to_these_rows_in_any_matrix():
    W = np.zeros((4, 2, 3)).transpose(1, 0, 2)  # of which a flat view would be a copy
    apply(W, module.Rows(np.array([1, 6]), np.ones((2, 3))), rate=0.5)
    expected = np.zeros((2, 4, 3))
    expected[0, 1] = expected[1, 2] = 0.5
    np.testing.assert_array_equal(W, expected)


def test_the_text_of_a_plasticity_is_source_wherever_its_numbers_came_from():
    for plasticity in (
        np.float32(0.5) * Hebb(),
        Sparsified(Hebb(), keep=np.float64(0.5)),
        Momentum(Delta(), decay=np.float64(0.5)),
        KrotovHopfield(p=np.float64(3), k=np.int64(7), delta=np.float32(0.5)),
    ):
        assert "np." not in repr(plasticity)
        assert eval(repr(plasticity), vars(module).copy()) == plasticity


def test_what_is_no_plasticity_is_neither_added_nor_multiplied():
    for wrong in (lambda: Delta() + 3, lambda: "a" * Hebb(), lambda: Delta() + Hebb):
        with pytest.raises(TypeError, match=r"unsupported operand|multiply"):
            wrong()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: HebbianDescent("all"),
            "HebbianDescent has no less='all'; it has 'mean', 'oja' and 'nothing'",
        ),
        (lambda: Sparsified(Hebb(), keep=0), "Sparsified keeps a share over 0 and up to 1, not 0.0"),
        (lambda: Sparsified(Hebb(), keep=1.5), "Sparsified keeps a share over 0 and up to 1, not 1.5"),
        (lambda: Sparsified(Hebb(), keep="all"), "keep of Sparsified is a number, not 'all'"),
        (lambda: Momentum(Hebb(), decay=1), "the decay of Momentum is 0 or more and under 1, not 1.0"),
        (lambda: Momentum(Hebb(), decay=None), "decay of Momentum is a number, not None"),
        (lambda: Momentum("delta"), "Momentum is made of plasticities, as Hebb(), not of 'delta'"),
        (lambda: Thresholded(0.5), "Thresholded is made of plasticities, as Hebb(), not of 0.5"),
        (lambda: Sparsified(None), "Sparsified is made of plasticities, as Hebb(), not of None"),
        (lambda: Sum((Delta(), 3)), "a sum is made of plasticities, as Hebb(), not of 3"),
        (lambda: float("nan") * Hebb(), "a plasticity is multiplied by a finite number, not nan"),
    ],
)
def test_a_plasticity_that_is_none_is_refused(make, message):
    assert refused(make) == message


def test_a_plasticity_of_no_equation_is_not_one():
    with pytest.raises(NotImplementedError):
        Plasticity()(synapse(*signals()), {})


@dataclass(frozen=True)
class Own(Plasticity):
    change: Any = field(default=None, repr=False)
    mean: Any = None

    def memory(self, W):
        return {} if self.mean is None else {"mean": self.mean}

    def __call__(self, s, memory):
        return self.change


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (np.zeros((3, 3)), "ndarray of (3, 3)"),
        (np.zeros((4, 6)), "ndarray of (4, 6)"),  # without the seeds it would change all of them alike
        (np.float64(1), "float64 of ()"),
        ((1, 2), "tuple"),
        (Outer(np.ones((2, 6, 4)), np.ones((6, 5))), "Outer of (2, 6, 4) and (6, 5)"),
        (
            Outer(np.ones((2, 6, 1)), np.ones((6, 6))),
            "Outer of (2, 6, 1) and (6, 6)",
        ),  # this would be repeated
        (Outer(np.ones((2, 6, 4)), np.ones((5, 6))), "Outer of (2, 6, 4) and (5, 6)"),
        (Outer(np.ones((6, 4)), np.ones((6, 6))), "Outer of (6, 4) and (6, 6)"),
        (Rows(np.array([8]), np.ones((1, 6))), "Rows of (1,) and (1, 6)"),  # there are 2 x 4
        (Rows(np.array([-1]), np.ones((1, 6))), "Rows of (1,) and (1, 6)"),
        (Rows(np.array([0, 1]), np.ones((1, 6))), "Rows of (2,) and (1, 6)"),
    ],
)
def test_a_change_that_is_not_shaped_like_its_matrix_is_refused_with_its_place(change, what):
    rule = Rule(hidden=Delta() + Own(change))
    assert refused(train, rule, Network((6, 4, 6)), np.eye(6), epochs=1, seeds=2) == (
        f"W1 learns by Delta() + Own(mean=None): {what} is no change of a matrix of (2, 4, 6)"
    )


@pytest.mark.parametrize("mean", [np.zeros((4, 6)), 0.0])
def test_a_memory_that_does_not_lead_by_the_seed_is_refused_before_any_training(mean):
    rule = Rule(hidden=Own(mean=mean))
    assert refused(train, rule, Network((6, 4, 6)), np.eye(6), epochs=1, seeds=2) == (
        "the memory 'mean' of what W1 learns by is no array over 2 seeds, then others"
    )


def test_an_unknown_decay_is_refused():
    assert refused(Oja, "weight") == "Oja has no decay 'weight'; it has 'subspace' and 'unit'"
