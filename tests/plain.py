"""The rules of the literature once more, one seed at a time and item by item: the truth that training is held to.

Nothing here is fast and nothing is taken from the package but the descriptions `Rule` and `Network`.
"""

import numpy as np

# The documented streams of random numbers, default_rng((seed, stream, epoch)).
WEIGHTS, FEEDBACK, ORDER = 0, 1, 2

ACTIVATION = {
    "linear": lambda a: a,
    "tanh": np.tanh,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "relu": lambda a: np.where(a > 0, a, 0.0),
    "softmax": lambda a: np.exp(a - a.max()) / np.exp(a - a.max()).sum(),
}
SLOPE = {
    "linear": lambda a: np.ones_like(a),
    "tanh": lambda a: np.cosh(a) ** -2.0,
    "sigmoid": lambda a: np.exp(-a) / (1 + np.exp(-a)) ** 2,
    "relu": lambda a: (a > 0) * 1.0,
    "softmax": lambda a: np.ones_like(a),  # with cross-entropy the error is t - y already
}


def start(rule, network, seed):
    """Return the first weights of a seed: W1, b1, W2, ... and B1, ... where the rule has feedback."""

    def draw(rng, shape):
        if network.initial == "normal":
            return rng.normal(0, network.scale, shape)
        return rng.uniform(-network.scale / np.sqrt(shape[1]), network.scale / np.sqrt(shape[1]), shape)

    sizes, last = network.sizes, len(network.sizes) - 1
    rng = np.random.default_rng((seed, WEIGHTS, 0))
    state = {f"W{k}": draw(rng, (sizes[k], sizes[k - 1])) for k in range(1, last + 1)}
    if network.biases:
        state |= {f"b{k}": np.zeros(sizes[k]) for k in range(1, last + 1)}
    if rule.path == "transpose":
        return state
    rng = np.random.default_rng((seed, FEEDBACK, 0))
    for k in range(1, last):
        B = draw(rng, (sizes[_sender(rule, k, last)], sizes[k])).T
        if rule.feedback.kind.startswith("binary"):
            size = network.scale / (1 if network.initial == "normal" else np.sqrt(3 * sizes[k]))
            B = np.where(B > 0, 1.0, -1.0) * (size if rule.feedback.scale is None else rule.feedback.scale)
        if rule.feedback.kind.endswith("sign"):
            B = _copy_signs(B, _forward(state, k, _sender(rule, k, last)))
        state[f"B{k}"] = B
    return state


def _sender(rule, k, last):
    return last if rule.path == "direct" else k + 1


def _learns(rule):
    return type(rule.feedback.learns).__name__ != "Frozen"


def _copy_signs(B, forward):
    return np.abs(B) * np.sign(forward.T)


def _forward(state, k, sender):
    """Return W of the sender times ... times W of layer k + 1."""
    return np.linalg.multi_dot(
        [np.eye(len(state[f"W{sender}"])), *(state[f"W{j}"] for j in range(sender, k, -1))]
    )


def respond(network, state, item):
    """Return a_l and h_l of every layer for one item."""
    a, h = {}, {0: item}
    last = len(network.sizes) - 1
    for k in range(1, last + 1):
        a[k] = state[f"W{k}"] @ h[k - 1] + state.get(f"b{k}", 0.0)
        h[k] = ACTIVATION[network.output if k == last else network.hidden](a[k])
    return a, h


def loss(network, state, x, y):
    """Return the mean over items of the squared error halved, or of the cross-entropy under softmax."""
    total = 0.0
    for item, target in zip(x, y, strict=True):
        response = respond(network, state, item)[1][len(network.sizes) - 1]
        if network.output == "softmax":
            total -= float(target @ np.log(response))
        else:
            total += float((target - response) @ (target - response)) / 2
    return total / len(x)


def errors(rule, network, state, a, h, target):
    """Return the error of every layer for one item, before and after the factor f'."""
    last = len(network.sizes) - 1
    error, teach = {}, {}
    for k in range(last, 0, -1):
        if k == last:
            error[k] = target - h[k]
        else:
            sender = k + 1 if rule.path == "transpose" else _sender(rule, k, last)
            back = state[f"W{sender}"].T if rule.path == "transpose" else state[f"B{k}"]
            if rule.path != "transpose" and rule.feedback.kind.endswith("sign") and not _learns(rule):
                back = _copy_signs(back, _forward(state, k, sender))
            error[k] = back @ teach[sender]
        slope = SLOPE[network.output if k == last else network.hidden](a[k])
        flat = rule.slopes == "none" or (rule.slopes == "hidden" and k == last)
        teach[k] = error[k] if flat else error[k] * slope
    return error, teach


def change(plasticity, W, seen, past=None):
    """Return dW of a plasticity.

    `seen` lists pre, post, error and teach, one entry an item. `past` is a dict in which a plasticity that remembers
    keeps what it needs of all the steps before; without one, this is the first step.
    """
    kind, past = type(plasticity).__name__, {} if past is None else past
    if kind == "Sum":
        parts = enumerate(plasticity.parts)
        return sum(change(part, W, seen, past.setdefault(i, {})) for i, part in parts)
    if kind in WRAPPED:
        dW = change(plasticity.of, W, seen, past.setdefault("of", {}))
        return WRAPPED[kind](plasticity, dW, past.setdefault("changes", []))
    if kind == "KrotovHopfield":
        return _krotov_hopfield(plasticity, W, seen)
    senders = np.mean([pre for pre, *_ in seen], axis=0)
    mu = past.setdefault("mu", senders)
    if kind == "HebbianDescent":
        past["mu"] = mu + 0.01 * (senders - mu)
    of_item = {
        "Frozen": lambda pre, post, error, teach: np.zeros_like(W),
        "Delta": lambda pre, post, error, teach: np.outer(teach, pre),
        "Hebb": lambda pre, post, error, teach: np.outer(post, pre),
        "Oja": lambda pre, post, error, teach: np.outer(post, pre) - _oja_decay(plasticity, post) @ W,
        "Sanger": lambda pre, post, error, teach: np.outer(post, pre) - np.tril(np.outer(post, post)) @ W,
        "HebbianDescent": lambda pre, post, error, teach: (
            np.outer(teach, pre)
            - {
                "nothing": lambda: 0.0,
                "mean": lambda: np.outer(teach, mu),
                "oja": lambda: np.outer(teach, post) @ W,
            }[plasticity.less]()
        ),
    }
    assert kind in of_item, (
        f"tests/plain.py has no {kind}: write it there from the paper, not from the package"
    )
    return sum(of_item[kind](*signals) for signals in seen) / len(seen)


def _oja_decay(plasticity, post):
    return np.outer(post, post) if plasticity.decay == "subspace" else np.diag(post**2)


def _thresholded(plasticity, dW, changes):
    """Less the mean of all changes before; the first is as it is."""
    changes.append(dW)
    return dW - np.mean(changes[:-1], axis=0) if changes[:-1] else dW


def _sparsified(plasticity, dW, changes):
    """All but the largest absolute entries set to zero; of equals, the first in the matrix stay."""
    kept = np.argsort(-np.abs(dW).ravel(), kind="stable")[: int(plasticity.keep * dW.size)]
    sparse = np.zeros(dW.size)
    sparse[kept] = dW.ravel()[kept]
    return sparse.reshape(dW.shape)


def _momentum(plasticity, dW, changes):
    """The sum of all changes so far, each less by a power of the decay."""
    changes.append(dW)
    return sum(plasticity.decay**age * past for age, past in enumerate(reversed(changes)))


def _adam(plasticity, dW, changes):
    """Kingma & Ba 2015, algorithm 1, its running means written out as sums over all changes so far."""
    changes.append(dW)
    t = len(changes)
    m = sum(0.1 * 0.9 ** (t - i) * past for i, past in enumerate(changes, 1)) / (1 - 0.9**t)
    v = sum(0.001 * 0.999 ** (t - i) * past**2 for i, past in enumerate(changes, 1)) / (1 - 0.999**t)
    return m / (np.sqrt(v) + 1e-8)


WRAPPED = {
    "Scaled": lambda plasticity, dW, changes: plasticity.factor * dW,
    "Thresholded": _thresholded,
    "Sparsified": _sparsified,
    "Momentum": _momentum,
    "Adam": _adam,
}


def _krotov_hopfield(plasticity, W, seen):
    """Return the change of Krotov and Hopfield's published algorithm, unit by unit, divided by its largest entry."""
    dW = np.zeros_like(W)
    for x, *_ in seen:
        drive = (np.sign(W) * np.abs(W) ** (plasticity.p - 1)) @ x
        ranked = np.argsort(drive)[::-1]
        for unit, g in ((ranked[0], 1.0), (ranked[plasticity.k - 1], -plasticity.delta)):
            dW[unit] += g * (x - drive[unit] * W[unit])
    return dW / max(np.abs(dW).max(), 1e-30)


def step(rule, network, state, x, y, factor=1.0, past=None):
    """Return the weights after one batch; `past` keeps what the plasticities remember."""
    last = len(network.sizes) - 1
    rates = rule.rate if isinstance(rule.rate, tuple) else (rule.rate,) * 3
    past = {} if past is None else past
    signals = []
    for item, target in zip(x, y, strict=True):
        a, h = respond(network, state, item)
        signals.append((h, *errors(rule, network, state, a, h, target)))
    after = {}
    for name, W in state.items():
        k = int(name[1:])
        sender = {"W": k - 1, "b": None, "B": _sender(rule, k, last)}[name[0]]
        seen = [(np.ones(1) if sender is None else h[sender], h[k], e[k], t[k]) for h, e, t in signals]
        rate = rates[2] if name[0] == "B" else rates[1] if k == last else rates[0]
        dW = change(_plasticity(rule, name, last), W.reshape(len(W), -1), seen, past.setdefault(name, {}))
        after[name] = W + factor * rate * dW.reshape(W.shape)
    return after


def _plasticity(rule, name, last):
    """Return what a parameter learns by."""
    k = int(name[1:])
    if name[0] == "B":
        return rule.feedback.learns
    if name[0] == "b":
        hidden, output = rule.bias if isinstance(rule.bias, tuple) else (rule.bias,) * 2
    else:
        hidden = rule.hidden[k - 1] if isinstance(rule.hidden, tuple) and k < last else rule.hidden
        output = rule.output
    return output if k == last else hidden


def train(rule, network, x, y, *, epochs, seed=0, batch_size=None, state=None):
    """Return the weights at every epoch, a list of epochs + 1 dicts."""
    states, past = [start(rule, network, seed) if state is None else state], {}
    for epoch in range(epochs):
        now, size = states[-1], batch_size or len(x)
        whole = "KrotovHopfield" in repr(rule)  # published: an incomplete last batch is dropped
        order = np.random.default_rng((seed, ORDER, epoch)).permutation(len(x))
        for first in range(0, len(x), size):
            batch = order[first : first + size]
            if whole and len(batch) < size:
                continue
            factor = 1 - epoch / epochs if rule.schedule == "linear" else 1.0
            now = step(rule, network, now, x[batch], y[batch], factor, past)
        states.append(now)
    return states


def angle(A, B):
    """Return the angle between two matrices as vectors, in degrees."""
    return float(np.degrees(np.arccos(np.sum(A * B) / np.linalg.norm(A) / np.linalg.norm(B))))
