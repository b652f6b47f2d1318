"""Claims about the names of runs as they are shown."""

from semantic_svd.names import broken, telling

SWEEP = [
    f"{rule}-mcclelland2020-rate_{rate}-{number}"
    for rule, rate, number in (
        ("bpa", "0.05", "f05c20a4"),
        ("bpa", "1e-05", "1ed6c119"),
        ("dfa", "0.05", "057139d8"),
    )
]


def test_runs_of_a_sweep_are_named_by_what_tells_them_apart():
    assert list(telling(SWEEP)) == SWEEP
    assert list(telling(SWEEP).values()) == ["bpa-rate_0.05", "bpa-rate_1e-05", "dfa-rate_0.05"]
    assert list(telling(SWEEP[:2]).values()) == ["rate_0.05", "rate_1e-05"]


def test_a_hash_stays_where_nothing_else_tells_runs_apart():
    twins = [SWEEP[0], SWEEP[0].replace("f05c20a4", "db022fd0")]
    assert list(telling(twins).values()) == ["f05c20a4", "db022fd0"]


def test_names_that_would_lose_all_or_be_one_stay_as_they_are():
    for names in (
        ["bpa", "bpa-2"],
        ["a-bpa", "bpa-a"],
        ["bpa", "backprop"],
        ["", "-"],
        ["a-x-b", "x-a-b", "x-q"],
    ):
        assert telling(names) == dict(zip(names, names, strict=True))


def test_names_break_after_hyphens_and_elsewhere_only_if_they_must():
    assert broken("backprop-rate_0.05-hidden_16", 20).splitlines() == ["backprop-rate_0.05-", "hidden_16"]
    assert broken("runs/of_monday", 9).splitlines() == ["runs/", "of_monday"]
    assert broken("bpa-long", 20) == "bpa-long"
