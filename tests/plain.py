"""The rules of the literature once more, one seed at a time and item by item: the truth that training is held to.

Nothing here is fast and nothing is taken from the package but the descriptions `Rule` and `Network`.
"""

import numpy as np

WEIGHTS, FEEDBACK, ORDER = (
    0,
    1,
    2,
)  # the documented streams of random numbers, default_rng((seed, stream, epoch))

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


def change(plasticity, W, seen):
    """Return dW of a plasticity; `seen` lists pre, post, error and teach, one entry an item."""
    kind = type(plasticity).__name__
    if kind == "Sum":
        return sum(change(part, W, seen) for part in plasticity.parts)
    if kind == "Scaled":
        return plasticity.factor * change(plasticity.of, W, seen)
    of_item = {
        "Frozen": lambda pre, post, error, teach: np.zeros_like(W),
        "Delta": lambda pre, post, error, teach: np.outer(teach, pre),
        "Hebb": lambda pre, post, error, teach: np.outer(post, pre),
        "Oja": lambda pre, post, error, teach: np.outer(post, pre) - _oja_decay(plasticity, post) @ W,
        "Sanger": lambda pre, post, error, teach: np.outer(post, pre) - np.tril(np.outer(post, post)) @ W,
    }
    assert kind in of_item, (
        f"tests/plain.py has no {kind}: write it there from the paper, not from the package"
    )
    return sum(of_item[kind](*signals) for signals in seen) / len(seen)


def _oja_decay(plasticity, post):
    return np.outer(post, post) if plasticity.decay == "subspace" else np.diag(post**2)


def step(rule, network, state, x, y, factor=1.0):
    """Return the weights after one batch."""
    last = len(network.sizes) - 1
    rates = rule.rate if isinstance(rule.rate, tuple) else (rule.rate,) * 3
    signals = []
    for item, target in zip(x, y, strict=True):
        a, h = respond(network, state, item)
        signals.append((h, *errors(rule, network, state, a, h, target)))
    after = {}
    for name, W in state.items():
        k = int(name[1:])
        sender = {"W": k - 1, "b": None, "B": _sender(rule, k, last)}[name[0]]
        seen = [(np.ones(1) if sender is None else h[sender], h[k], e[k], t[k]) for h, e, t in signals]
        if name[0] == "W":
            hidden = rule.hidden[k - 1] if isinstance(rule.hidden, tuple) and k < last else rule.hidden
            plasticity, rate = (rule.output, rates[1]) if k == last else (hidden, rates[0])
        elif name[0] == "b":
            plasticity, rate = rule.bias, rates[1] if k == last else rates[0]
        else:
            plasticity, rate = rule.feedback.learns, rates[2]
        dW = change(plasticity, W.reshape(len(W), -1), seen).reshape(W.shape)
        after[name] = W + factor * rate * dW
    return after


def train(rule, network, x, y, *, epochs, seed=0, batch_size=None, state=None):
    """Return the weights at every epoch, a list of epochs + 1 dicts."""
    states = [start(rule, network, seed) if state is None else state]
    for epoch in range(epochs):
        now, size = states[-1], batch_size or len(x)
        order = np.random.default_rng((seed, ORDER, epoch)).permutation(len(x))
        for first in range(0, len(x), size):
            batch = order[first : first + size]
            factor = 1 - epoch / epochs if rule.schedule == "linear" else 1.0
            now = step(rule, network, now, x[batch], y[batch], factor)
        states.append(now)
    return states


def angle(A, B):
    """Return the angle between two matrices as vectors, in degrees."""
    return float(np.degrees(np.arccos(np.sum(A * B) / np.linalg.norm(A) / np.linalg.norm(B))))
