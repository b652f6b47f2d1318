"""A run on disk: readable at any moment, resumed to the last bit, and never wrong in silence."""

import errno
import fcntl
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from refusals import refused
from sklearn.datasets import load_digits

from semantic_svd import RULES, Network, Run, load_items, train, training
from semantic_svd.errors import InputError
from semantic_svd.store import Store, files, writing

FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["semantic_svd.training", "semantic_svd.store", "sklearn.datasets", "dask.array"])
KILLS = 20


@pytest.fixture(scope="module", autouse=True)
def blocks():
    """Give blocks their length back, which the runs below make short."""
    before = files.BLOCK
    yield
    files.BLOCK = before


def items_run(out=None, resume=False, block=2**17, rule="bpa", **other):
    """A run on items with seeds that stop on the way, in many small blocks."""
    files.BLOCK = block
    settings = {"epochs": 700, "seeds": 6, "stop_below": 1e-4, "progress": False} | other
    network = Network((34, 8, 34), biases=False)
    return train(rule, network, load_items("mcclelland2020"), out=out, resume=resume, **settings)


def digits_run(out=None, resume=False):
    """A run on scikit-learn's digits in mini-batches, every seed in an order of its own."""
    files.BLOCK = 2**17
    x, labels = load_digits(return_X_y=True)
    network = Network((64, 12, 10), hidden="relu", output="softmax")
    y = np.eye(10)[labels]
    return train(
        "sum_oja",
        network,
        x / 16,
        y,
        epochs=60,
        seeds=2,
        batch_size=100,
        out=out,
        resume=resume,
        progress=False,
    )


def assert_same(one: xr.Dataset, other: xr.Dataset) -> None:
    """Every variable of the two is the same to the last bit, NaN where the other has NaN."""
    assert set(one.variables) == set(other.variables)
    for name in one.variables:
        a, b = one[name].values, other[name].values
        assert a.shape == b.shape, name
        same = a.tolist() == b.tolist() if a.dtype.kind in "UTO" else np.array_equal(a, b, equal_nan=True)
        assert same, name


def once_in(n, usual, unusual):
    """Return a function that is the usual one n times, then the unusual one."""
    calls = []

    def call(*args, **kwargs):
        calls.append(1)
        return (usual if len(calls) <= n else unusual)(*args, **kwargs)

    return call


@pytest.fixture
def stored(tmp_path):
    """A finished run on disk, and its folder."""
    path = tmp_path / "run.zarr"
    return items_run(path, epochs=60, stop_below=None), path


@pytest.fixture
def half_way(tmp_path, monkeypatch):
    """The folder of a run that was left in the middle."""
    return left_half_way(tmp_path / "half.zarr", monkeypatch)


def left_half_way(path, monkeypatch, **settings):
    """Leave a run at its third commit; return its folder."""
    commits = []
    real = Store.commit

    def commit(self, *args, **kwargs):
        real(self, *args, **kwargs)
        commits.append(self._first)
        if len(commits) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Store, "commit", commit)
    with pytest.raises(KeyboardInterrupt):
        items_run(path, **({"epochs": 200, "stop_below": None} | settings))
    monkeypatch.undo()
    return path


def test_a_run_on_disk_is_the_run_in_memory(tmp_path):
    in_memory, on_disk = items_run(), items_run(tmp_path / "run.zarr")
    assert "stopped" in in_memory.data.status
    assert_same(in_memory.data, on_disk.data)
    assert_same(in_memory.final().data, on_disk.final().data)
    assert on_disk.data.attrs["finished"] == 1
    assert {
        k: v for k, v in on_disk.data.attrs.items() if k not in ("finished", "snapshots")
    } == in_memory.data.attrs


def test_a_saved_run_is_the_run_that_was_saved(tmp_path):
    run = items_run(epochs=90)
    run.save(tmp_path / "saved.zarr")
    assert_same(Run.open(tmp_path / "saved.zarr").data, run.data)


def test_a_run_whose_saving_is_killed_is_saved_the_next_time(tmp_path):
    process = FORK.Process(target=_killed_while_saving, args=(tmp_path / "run.zarr", tmp_path / "saved.zarr"))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not (tmp_path / "saved.zarr").exists()
    run = Run.open(tmp_path / "run.zarr")
    run.save(tmp_path / "saved.zarr")
    assert_same(Run.open(tmp_path / "saved.zarr").data, run.data)


def _killed_while_saving(path, saved):
    run, real = items_run(path, epochs=90), Store.commit

    def killed(self, *args, **kwargs):
        if self._first:
            os.kill(os.getpid(), signal.SIGKILL)
        real(self, *args, **kwargs)

    Store.commit = killed
    run.save(saved)


def test_a_run_that_cannot_be_saved_whole_leaves_nothing(tmp_path, monkeypatch):
    run, real = items_run(epochs=90), Store.commit

    def fails(self, ends, checkpoint, **attrs):
        if self._first:
            raise KeyboardInterrupt
        real(self, ends, checkpoint, **attrs)

    monkeypatch.setattr(Store, "commit", fails)
    with pytest.raises(KeyboardInterrupt):
        run.save(tmp_path / "saved.zarr")
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    for part in (run.final(), run.sel(seed=0), run.sel(epoch=90)):
        axis = "seed" if "epoch" in part.data.dims else "epoch"
        assert refused(part.save, tmp_path / "part.zarr") == (
            f"a store holds runs over seeds and epochs; this one has no axis {axis}"
        )
    records = [name for name, array in run.data.items() if "epoch" in array.dims]
    for data in (run.data.isel(epoch=slice(0)), run.data.drop_vars(records)):
        line = "a store holds runs with records and snapshots; this one has none"
        assert refused(Run(data).save, tmp_path / "part.zarr") == line


def test_plain_xarray_reads_a_store_without_a_warning(half_way):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = xr.open_zarr(half_way).load()
    committed = data.sizes["epoch"]
    assert data.W1.dims == ("seed", "epoch", "unit_1", "unit_0")
    assert 0 < committed < 201
    assert data.unit_0.values.tolist() == list(load_items("mcclelland2020").properties)
    assert data.attrs["finished"] == 0
    np.testing.assert_array_equal(data.W1, items_run(epochs=200, stop_below=None).data.W1[:, :committed])


def test_opening_is_lazy_and_responses_stay_lazy(stored):
    run = Run.open(stored[1])
    assert run.data.W1.chunks is not None
    assert run.response().chunks is not None
    np.testing.assert_array_equal(
        run.response().values, items_run(epochs=60, stop_below=None).response().values
    )


def test_a_run_is_read_from_where_it_was_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained, opened = items_run("run.zarr", epochs=60, stop_below=None), Run.open("run.zarr")
    monkeypatch.chdir("/")
    for run in (trained, opened):
        assert_same(run.data, items_run(epochs=60, stop_below=None).data)


def test_a_run_that_is_gone_or_was_replaced_is_not_read_as_nothing_or_as_another(stored):
    run, path = Run.open(stored[1]), stored[1]
    shutil.rmtree(path)
    assert (
        refused(run.data.compute) == f"{path / 'zarr.json'} is missing or damaged; the run was opened there"
    )
    for other in ({"rule": "backprop"}, {"seeds": range(6, 12)}):
        shutil.rmtree(path, ignore_errors=True)
        items_run(path, epochs=60, stop_below=None, **other)
        assert refused(run.data.compute) == f"{path} holds another run by now; open it anew"
    shutil.rmtree(path)
    items_run(path, epochs=60, stop_below=None)
    assert_same(run.data, items_run(epochs=60, stop_below=None).data)


@pytest.mark.parametrize("work", [items_run, digits_run])
def test_a_run_killed_twenty_times_ends_in_the_same_bits(work, tmp_path):
    begun = time.monotonic()
    whole, path = work().data, tmp_path / "run.zarr"
    patience, rng, kills = 0.2 + time.monotonic() - begun, random.Random(0), 0
    middle = committed = 0
    while kills < KILLS:
        before = committed
        process = FORK.Process(target=work, args=(path, True))
        process.start()
        process.join(rng.uniform(0.02, patience))
        killed = process.is_alive()
        kills += killed
        process.kill()
        process.join()
        committed = 0
        if path.exists():
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                there = xr.open_zarr(path).load()
            committed = there.sizes["epoch"]
            middle += 0 < committed < whole.sizes["epoch"]
            assert_same(
                there[["W1", "loss", "epoch"]], whole[["W1", "loss", "epoch"]].isel(epoch=slice(committed))
            )
            if committed and Run.open(path).data.attrs["finished"]:
                shutil.rmtree(path)
        if not killed or committed <= before:  # how long a training takes hangs on what else the machine does
            patience *= 1.5 if killed else 1 / 1.5
    assert middle > KILLS // 4  # many kills met a training, not its start or its end
    assert_same(work(path, True).data, whole)
    assert not list(tmp_path.rglob("*.part"))


def test_the_first_interrupt_commits_what_is_done_and_a_resumed_run_ends_in_the_same_bits(tmp_path):
    path, whole = tmp_path / "run.zarr", items_run(epochs=20_000, stop_below=None, every=100)
    process = FORK.Process(target=_quiet_items_run, args=(path,))
    process.start()
    while not path.exists():
        time.sleep(0.01)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGINT)
    process.join()
    assert process.exitcode == 130
    committed = xr.open_zarr(path).sizes["epoch"]
    assert 0 < committed < 201
    assert_same(items_run(path, True, epochs=20_000, stop_below=None, every=100).data, whole.data)


def test_an_interrupt_does_not_wait_for_the_end_of_a_long_epoch(tmp_path):
    process = FORK.Process(target=_quiet_long_run, args=(tmp_path / "run.zarr",))
    process.start()
    while not (tmp_path / "run.zarr" / files.CHECKPOINT).exists():
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    begun = time.monotonic()
    process.join()
    assert process.exitcode == 130
    assert time.monotonic() - begun < 10  # an epoch takes minutes
    assert xr.open_zarr(tmp_path / "run.zarr").sizes["epoch"] == 1


def _quiet_long_run(path):
    writing.PATIENCE = 0.0
    x = np.random.default_rng(0).random((100_000, 40))
    try:
        train("backprop", Network((40, 20, 40)), x, epochs=3, batch_size=1, out=path, progress=False)
    except KeyboardInterrupt:
        sys.exit(130)


def _quiet_items_run(path):
    try:
        items_run(path, True, epochs=20_000, stop_below=None, every=100)
    except KeyboardInterrupt:
        sys.exit(130)


@pytest.mark.parametrize("every", [1, 7, 10])  # an odd and an even number of commits: two wrongs make a right
def test_a_commit_of_part_of_a_block_or_of_nothing_new_leaves_it_as_it_was(tmp_path, monkeypatch, every):
    settings = {"epochs": 300, "stop_below": None, "every": every}
    whole = items_run(**settings)
    # a commit after every epoch, with a new snapshot or without
    monkeypatch.setattr(writing, "PATIENCE", 0.0)
    assert_same(items_run(tmp_path / "run.zarr", **settings).data, whole.data)


def test_a_run_that_was_stopped_after_its_checkpoint_and_before_its_root_goes_on(tmp_path, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    settings = {"epochs": 40, "stop_below": None}
    path, whole = tmp_path / "run.zarr", items_run(**settings)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(writing, "PATIENCE", 0.0)  # a commit after every epoch
        patch.setattr(Store, "_write_root", once_in(4, Store._write_root, stop))
        items_run(path, **settings)
    with np.load(path / files.CHECKPOINT) as ahead:
        assert ahead["snapshots"] == Run.open(path).data.sizes["epoch"] + 1
    assert_same(items_run(path, True, **settings).data, whole.data)


def test_a_run_that_was_left_ends_for_now_at_its_last_snapshot(half_way):
    run = Run.open(half_way)
    final, last = run.final().data, run.data.isel(epoch=-1, drop=True)
    assert set(run.data["status"].values) == {"training"}
    assert (final["end_epoch"] == run.data["epoch"].values[-1]).all()
    for name in ("W1", "W2", "loss"):
        xr.testing.assert_identical(final[name].compute(), last[name].compute())


def test_weights_that_no_snapshot_of_a_run_that_was_left_holds_are_not_made_up(tmp_path, monkeypatch):
    def stop(self, *args, **kwargs):
        raise KeyboardInterrupt

    def left(name, **settings):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            # every epoch is committed, and after the third it is left
            patch.setattr(writing, "PATIENCE", -1.0)
            patch.setattr(training, "step", once_in(3, training.step, stop))
            items_run(tmp_path / name, epochs=9, seeds=2, **settings)
        return Run.open(tmp_path / name)

    thinned = left("thinned.zarr", stop_below=1e-9, every=2)
    xr.testing.assert_identical(
        thinned.final().data["W1"].compute(), thinned.data["W1"].isel(epoch=-1, drop=True).compute()
    )
    small = left("small.zarr", stop_below=None, record=("responses",))
    assert small.final().response().notnull().all()
    assert refused(small.final().weights, 1) == "the run has no W1; it has no weights"


def test_a_finished_run_is_resumed_by_opening_it(stored):
    before = {f: f.stat().st_mtime_ns for f in stored[1].rglob("*") if f.is_file()}
    assert_same(items_run(stored[1], True, epochs=60, stop_below=None).data, stored[0].data)
    assert {f: f.stat().st_mtime_ns for f in stored[1].rglob("*") if f.is_file()} == before


def test_a_run_that_no_seed_survived_says_where_it_is_kept_and_says_so_again(tmp_path):
    path = tmp_path / "run.zarr"
    said = rf"no seed survived at rate 3\.0: seed \d left .*; what it was before is kept in {path}"
    for resume in (False, True):
        with pytest.raises(InputError, match=said):
            train(
                replace(RULES["bpa"], rate=3.0),
                Network((34, 8, 34), biases=False),
                load_items("mcclelland2020"),
                epochs=99,
                out=path,
                resume=resume,
            )
    assert np.isfinite(Run.open(path).final().data["W1"]).all()


def test_the_names_of_outputs_are_kept_beside_a_probe(tmp_path):
    items = load_items("mcclelland2020")
    settings = {"epochs": 1, "probe": items.select(["oak"]), "record": ("responses",)}
    run = train("bpa", Network((34, 8, 34), biases=False), items, out=tmp_path / "run.zarr", **settings)
    for seen in (run, train("bpa", Network((34, 8, 34), biases=False), items, **settings)):
        assert seen.response()["property"].values.tolist() == list(items.properties)


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"epochs": 61}, "epochs are 60, not 61"),
        ({"every": 59}, "every is 1, not 59"),
        ({"seeds": 5}, "seeds are [0, 1, 2, 3, 4, 5], not [0, 1, 2, 3, 4]"),
        ({"batch_size": 4}, "batch_size is 8, not 4"),
        ({"stop_below": 0.5}, "stop_below is 0.0, not 0.5"),
        ({"record": ("strengths",)}, "records are ['W1', 'W2', 'loss'], not ['loss', 'strength']"),
        ({"dtype": np.float32}, "dtype is float64, not float32"),
    ],
)
def test_a_store_of_another_run_is_refused_with_what_differs(stored, change, differs):
    said = refused(items_run, stored[1], True, **{"epochs": 60, "stop_below": None} | change)
    assert said == f"{stored[1]} is another run, so it can't be resumed: its {differs}"


def test_another_rule_network_or_data_is_refused(stored):
    items, network = load_items("mcclelland2020"), Network((34, 8, 34), biases=False)
    settings = {"epochs": 60, "seeds": 6, "out": stored[1], "resume": True}
    for what, call in (
        ("rule", lambda: train("bpa_unit", network, items, **settings)),
        ("network", lambda: train("bpa", replace(network, hidden="tanh"), items, **settings)),
        ("data_hash", lambda: train("bpa", network, items.values * 2, **settings)),
        ("start", lambda: train("bpa", network, items, start={"W1": np.ones((8, 34))}, **settings)),
        ("probe_hash", lambda: train("bpa", network, items, probe=items, **settings)),
    ):
        said = refused(call)
        assert said.startswith(f"{stored[1]} is another run, so it can't be resumed: its {what} is ")
        assert ", not " in said


def test_of_another_rule_only_what_differs_is_told(stored):
    faster = replace(RULES["bpa"], rate=0.2)
    said = refused(items_run, stored[1], True, epochs=60, stop_below=None, rule=faster)
    assert said.endswith(": its rule is ..., rate=0.1, ..., not ..., rate=0.2, ...")


def test_a_run_that_is_tested_with_others_is_refused(tmp_path):
    items, path = load_items("mcclelland2020"), tmp_path / "run.zarr"
    items_run(path, epochs=2, test=(items, items))
    said = refused(items_run, path, True, epochs=2, test=(items.values / 2, items))
    assert said.startswith(f"{path} is another run, so it can't be resumed: its test_hash is ")


def test_a_run_that_is_not_finished_ends_for_now_where_its_seeds_are(tmp_path, monkeypatch):
    there = {"epochs": 700, "every": 7, "block": 2**17}
    left = Run.open(left_half_way(tmp_path / "left.zarr", monkeypatch, **there))
    # half of the seeds have come so far
    bound = there | {"stop_below": float(np.median(left.data.loss[:, -2]))}
    run = Run.open(left_half_way(tmp_path / "half.zarr", monkeypatch, **bound))
    status, ends = run.data.status.values, run.data.end_epoch.values
    assert {"training", "stopped"} == set(status) and np.isin(ends, run.data.epoch).all()
    whole, final = items_run(**bound, record=("weights",)), run.final()
    stopped = status == "stopped"
    np.testing.assert_array_equal(final.weights(1)[stopped], whole.final().weights(1)[stopped])
    np.testing.assert_array_equal(final.weights(1)[~stopped], run.weights(1)[~stopped, -1])


def test_a_store_that_never_held_a_snapshot_is_taken_away_and_one_that_was_killed_says_so(tmp_path):
    items, network = load_items("mcclelland2020"), Network((34, 8, 34), biases=False)
    path = tmp_path / "run.zarr"
    huge = {"W1": np.full((8, 34), 1e200)}
    said = (
        "the loss of seed 0 is not finite before any training: what is learned, or started from, is too large"
    )
    for out in (None, path):
        assert refused(train, "bpa", network, items, epochs=3, start=huge, out=out) == said
    assert not list(tmp_path.iterdir())
    kept = {"W1": (("unit_1", "unit_0"), (2, 3))}
    empty = Store(path, [0], [0], kept, np.dtype(float), xr.Dataset(), {"identity": []})
    empty._writer.shutdown()  # as a kill leaves it: never closed
    os.close(empty._lock)
    assert refused(Run.open, path) == f"{path} holds no snapshot yet; resume its training"


def test_what_is_there_is_never_written_over(stored, tmp_path):
    assert refused(items_run, stored[1]) == f"{stored[1]} is there already; resume it, or name another place"
    assert refused(stored[0].save, stored[1]) == f"{stored[1]} is there already; name another place"
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("words")
    for resume in (False, True):
        said = refused(items_run, tmp_path / "thesis", resume)
        assert said == f"{tmp_path / 'thesis'} is there already and is not a run; name another place"
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "words"


def test_a_second_writer_is_refused(half_way):
    lock = os.open(half_way, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    said = refused(items_run, half_way, True, epochs=200, stop_below=None)
    assert said == f"{half_way} is being written by another process"
    os.close(lock)
    assert items_run(half_way, True, epochs=200, stop_below=None).data.attrs["finished"] == 1


def test_no_single_bit_flips_in_silence(half_way):
    rng = random.Random(0)
    whole = sorted(f for f in half_way.rglob("*") if f.is_file())
    flips = [(file, rng.randrange(8 * file.stat().st_size)) for file in rng.choices(whole, k=200)]
    assert {file.name for file, _ in flips} >= {"zarr.json", "checkpoint.npz", "0"}
    for file, bit in flips:
        raw = file.read_bytes()
        damaged = bytearray(raw)
        damaged[bit // 8] ^= 1 << bit % 8
        file.write_bytes(damaged)
        if file.name == files.CHECKPOINT:
            said = refused(items_run, half_way, True, epochs=200, stop_below=None)
        else:
            said = refused(lambda: Run.open(half_way).data.compute())
        assert str(file) in said, (file, bit)
        file.write_bytes(raw)
    assert items_run(half_way, True, epochs=200, stop_below=None).data.attrs["finished"] == 1


@pytest.mark.parametrize(
    "name", ["W1/c/0/1/0/0", "loss/c/0/0", "W1/zarr.json", "item/c/0", "input/c/0/0", "zarr.json"]
)
def test_a_missing_or_short_file_is_named(stored, name):
    file = stored[1] / name
    raw = file.read_bytes()
    file.write_bytes(raw[:-1])
    assert refused(lambda: Run.open(stored[1]).data.compute()).startswith(f"{file} is damaged")
    file.unlink()
    missing = file if name != "zarr.json" else stored[1]
    assert refused(Run.open, stored[1]).startswith(f"{missing} is ")


def test_what_is_not_a_run_is_refused(tmp_path):
    assert refused(Run.open, tmp_path / "nothing.zarr") == f"{tmp_path / 'nothing.zarr'} is not there"
    assert refused(Run.open, tmp_path) == f"{tmp_path} is not a run: it has no zarr.json"
    (tmp_path / "zarr.json").write_text(json.dumps({"attributes": {}}))
    assert refused(Run.open, tmp_path) == f"{tmp_path / 'zarr.json'} is damaged, or not of a run"


@pytest.mark.filterwarnings("ignore:.*onsolidated metadata", "ignore:.*Zarr V3 specification")
@pytest.mark.parametrize("consolidated", [True, False])
@pytest.mark.parametrize("read", [xr.open_zarr, lambda path: Run.open(path).data])
def test_a_run_that_xarray_wrote_is_told_from_a_damaged_one_and_saved_it_is_a_run(
    stored, tmp_path, consolidated, read
):
    run, path = stored
    plain, again = tmp_path / "plain.zarr", tmp_path / "again.zarr"
    read(path).load().to_zarr(plain, consolidated=consolidated)
    assert refused(Run.open, plain) == (
        f"{plain} was written by another program; Run(xarray.open_zarr(path)).save(other) makes it a run"
    )
    Run(xr.open_zarr(plain)).save(again)
    assert_same(Run.open(again).data, run.data)
    assert Run.open(again).data.attrs == Run.open(path).data.attrs
    (plain / "zarr.json").write_bytes((plain / "zarr.json").read_bytes()[:-9])
    assert refused(Run.open, plain) == f"{plain / 'zarr.json'} is damaged, or not of a run"


def test_no_byte_of_the_root_that_becomes_a_lines_end_looks_like_another_program(stored):
    root = stored[1] / files.ROOT
    raw = root.read_bytes()
    for place in {*range(100), *random.Random(0).sample(range(len(raw)), 300)}:
        root.write_bytes(raw[:place] + b"\n" + raw[place + 1 :])
        assert refused(Run.open, stored[1]).startswith(f"{root} is damaged")


def test_a_path_that_cannot_be_used_is_said_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "run.zarr"
    assert refused(items_run, path) == f"{path} can't be used: Not a directory"


def test_a_link_to_nowhere_is_refused_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "run.zarr"
    path.symlink_to("nowhere")
    assert refused(items_run, path) == f"{path} can't be used: Not a directory"
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def mounted(tmp_path):
    """A function that mounts a small file system, for those who may."""
    folders = []

    def mount(*options):
        folder = tmp_path / "disk"
        folder.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
        if (
            shutil.which("mount") is None
            or subprocess.run(command, capture_output=True, check=False).returncode
        ):
            pytest.skip("a file system can only be mounted by root")
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_run_that_cannot_fit_is_refused_beforehand(mounted):
    path = mounted("size=1m") / "run.zarr"
    assert refused(items_run, path, stop_below=None) == (
        f"{path} would take 18 MB, its disk has 1 MB free; keep fewer epochs (every) or record less than weights"
    )
    assert not path.exists()


def test_a_full_disk_ends_with_one_line_and_a_readable_store(mounted, monkeypatch):
    path = mounted("size=8m") / "run.zarr"
    monkeypatch.setattr(writing, "_check_space", lambda *_: None)
    said = refused(items_run, path, stop_below=None)
    assert said == f"no space is left on the disk of {path}; what was committed before stands"
    there = Run.open(path).data
    committed = there.sizes["epoch"]
    assert 0 < committed < 701 and not list(path.rglob("*.part"))
    np.testing.assert_array_equal(there.W1, items_run(stop_below=None).data.W1[:, :committed])


def test_a_disk_that_is_full_before_the_first_commit_is_not_said_to_keep_anything(mounted, monkeypatch):
    path = mounted("size=64k") / "run.zarr"
    monkeypatch.setattr(writing, "_check_space", lambda *_: None)
    assert refused(items_run, path) == f"no space is left on the disk of {path}"
    assert not list(path.parent.iterdir())


def test_a_disk_that_is_full_with_the_first_block_is_not_said_to_keep_anything_either(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "shard", full)
    path = tmp_path / "run.zarr"
    assert refused(items_run, path) == f"no space is left on the disk of {path}"
    assert not path.exists()


def test_a_read_only_disk_is_said_in_one_line(mounted):
    path = mounted("ro") / "run.zarr"
    assert refused(items_run, path) == f"{path} can't be used: Read-only file system"


def test_memory_does_not_grow_with_the_epochs_on_disk(tmp_path):
    code = """
import resource, sys
from semantic_svd import Network, train
from semantic_svd.store import files
import numpy as np
files.BLOCK = 2**20
train("bpa", Network((40, 20, 40), biases=False), np.eye(40), epochs=int(sys.argv[1]), seeds=4, out=sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    peaks = {}
    for epochs in (300, 3_000):
        command = [sys.executable, "-c", code, str(epochs), str(tmp_path / f"{epochs}.zarr")]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks[epochs] = int(result.stdout) / 1024
    raw = sum(f.stat().st_size for f in (tmp_path / "3000.zarr").rglob("*") if f.is_file()) / 2**20
    assert raw > 140
    assert peaks[3_000] - peaks[300] < 15  # MB


def test_a_store_takes_little_more_than_its_raw_bytes(tmp_path):
    path = tmp_path / "run.zarr"
    run = items_run(path, epochs=2_000, stop_below=None)
    raw = sum(run.data[name].nbytes for name in ("W1", "W2", "loss"))
    assert sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) < 1.05 * raw


def test_one_seed_is_read_without_the_others(tmp_path):
    path = tmp_path / "run.zarr"
    items_run(path, block=2**23, epochs=1_000, seeds=20, stop_below=None)
    code = f"""
from semantic_svd import Run
from semantic_svd.modes import strengths, svd
import pathlib, dask.array
dask.array.ones(3).compute()  # what is imported for this is read too
read = lambda: int(pathlib.Path("/proc/self/io").read_text().split()[1])
run = Run.open({str(path)!r})
svd(run.data.target)
before = read()
strengths(run.sel(seed=3).response(), run.data.target.values).values
print(read() - before)
"""
    if not Path("/proc/self/io").exists():
        pytest.skip("this system does not count the bytes that a process reads")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    whole = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    assert int(result.stdout) < 1.1 * whole / 20


def test_after_a_training_ctrl_c_does_what_it_did_before(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    items_run(epochs=2, out=tmp_path / "run.zarr")
    assert signal.getsignal(signal.SIGINT) is before
