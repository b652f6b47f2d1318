"""Workers: independent work on all cores of this machine, or on a Dask cluster; one that dies costs what it was at.

joblib's own Parallel gives all up when a process dies. So each core has a pool of one of its processes, and on a
cluster the client is used as it is: its scheduler counts how often a piece of work has brought a worker down.
"""

import gc
import logging
import os
import signal
import threading
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from contextlib import contextmanager
from functools import partial
from multiprocessing import resource_tracker
from typing import Any, TypeVar

from semantic_svd.errors import InputError

TRIES = 3  # deaths after which a piece of work is given up
PATIENCE = 60  # seconds for a cluster to have a worker

T = TypeVar("T")


class Died(Exception):
    """Why nothing came of a piece of work: its worker died, again and again."""


def on_cores(work: Callable[[T], Any], pieces: Sequence[T]) -> Generator[tuple[T, Any], None, None]:
    """Do pieces of work on all cores, and yield each with what came of it (or `Died`) as it is done.

    joblib counts the cores; LOKY_MAX_CPU_COUNT makes them fewer.

    Examples
    --------
    >>> sorted(on_cores(abs, [-1, -2]))
    [(-2, 2), (-1, 1)]
    """
    from joblib import cpu_count
    from joblib.externals.loky import ProcessPoolExecutor

    # a worker that has grown large is renewed, which is no news
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    process = partial(ProcessPoolExecutor, 1, initializer=_end_with, initargs=(os.getpid(),))
    waiting, deaths = deque(range(len(pieces))), Counter[int]()
    running: dict[Future, tuple[Any, int]] = {}

    def start(pool: Any) -> None:
        if waiting:
            at = waiting.popleft()
            with _interrupts_held():
                running[pool.submit(work, pieces[at])] = pool, at
        else:
            pool.shutdown()

    try:
        for _ in range(min(cpu_count(), len(pieces))):
            start(process())
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                pool, at = running.pop(future)
                outcome: Any = None
                if isinstance(future.exception(), BrokenExecutor):
                    pool = process()
                    deaths[at] += 1
                    if deaths[at] < TRIES:
                        waiting.appendleft(at)
                        start(pool)
                        continue
                    outcome = Died(f"its worker died {TRIES} times")
                start(pool)
                yield pieces[at], outcome or future.result()
    finally:
        for pool, _ in running.values():
            pool.shutdown(kill_workers=True)


def _end_with(parent: int) -> None:
    """End this worker with the process that started it, even if that is killed: else it would work on unseen."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def on_cluster(
    work: Callable[[T], Any], pieces: Sequence[T], address: str
) -> Generator[tuple[T, Any], None, None]:
    """Do pieces of work on the workers of a Dask scheduler, and yield each with what came of it (or `Died`).

    Raises
    ------
    InputError
        If distributed is not installed, there is no scheduler at the address, or it has no workers.
    """
    try:
        from distributed import Client, KilledWorker, as_completed
        from distributed.comm import CommClosedError
    except ImportError:
        raise InputError("a scheduler needs distributed: pip install 'semantic-svd[cluster]'") from None
    client, why = None, ""
    try:
        client = Client(address, timeout=10, set_as_default=False)
    except (OSError, TypeError, ValueError) as error:
        why = " ".join(str(error).split())
    if client is None:
        gc.collect()  # what was begun of a client is closed now, not in whichever thread garbage is found by chance
        raise InputError(f"no Dask scheduler answers at {address}: {why}")
    with _connection_unheard(), client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise InputError(f"the scheduler at {address} has no workers") from None
        futures = {client.submit(work, piece, pure=False): piece for piece in pieces}
        try:
            for future in as_completed(futures, loop=client.loop):
                try:
                    outcome = future.result()
                except KilledWorker:
                    outcome = Died("its workers died, one after the other")
                except (CancelledError, CommClosedError):
                    outcome = Died("its scheduler was lost")
                yield futures[future], outcome
        finally:
            client.cancel(list(futures))


@contextmanager
def _connection_unheard() -> Iterator[None]:
    """Keep a client from printing a traceback when its scheduler is lost: what came of each piece says so."""
    logger = logging.getLogger("distributed.client")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while a process is started: that never gets one then, and leaves them to this one."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # started with the first worker it would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
