"""joblib's work on a Dask cluster, with errors for what goes wrong on other machines."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any

from distributed import KilledWorker
from joblib._dask import DaskDistributedBackend

from recog.dialects.errors import RecogError, first_line
from recog.dialects.words import counted


class DaskBackend(DaskDistributedBackend):
    """joblib's own backend leaves work pending for ever that no worker ends, as all die of it or
    cannot load it (joblib 1.6): its callback is not called. This one calls it with the failure."""

    got_work = False
    """Whether anything was submitted to the cluster."""

    def effective_n_jobs(self, n_jobs: int) -> int:
        """How many batches run at a time, at least two: joblib would do those of one itself, and
        leave a cluster of one thread idle."""
        return max(2, super().effective_n_jobs(n_jobs))

    def submit(self, func: Any, callback: Callable[[Any], None] | None = None) -> Future[Any]:
        """As joblib calls it: `func` is a batch, and `callback` gets what comes of it."""
        self.got_work = True
        future: Future[Any] = super().submit(func, callback)

        def ended(done: Future[Any]) -> None:
            if callback is not None and done.exception() is not None:
                callback(done.exception())

        future.add_done_callback(ended)
        return future

    def retrieve_result_callback(self, out: Any) -> Any:
        """The results of a batch.

        Raises:
            RecogError: workers died, lack a package, or the scheduler is gone.
            Exception: what the work itself raised.
        """
        try:
            return super().retrieve_result_callback(out)
        except (KilledWorker, CancelledError, ModuleNotFoundError) as error:
            raise _described(error) from None


def _described(error: KilledWorker | CancelledError | ModuleNotFoundError) -> RecogError:
    match error:
        case KilledWorker():
            died = counted(error.allowed_failures + 1, "worker")
            message = f"{died} died of the same work, the last at {error.last_worker.address}"
            hint = "the workers' log says why; for more memory, `dask worker --memory-limit`"
        case CancelledError():
            message = f"the cluster lost the work: {getattr(error, 'reason', first_line(error))}"
            hint = "the scheduler's log says why"
        case _:
            message = f"a worker has no Python package {error.name}"
            hint = "install recog[dask] where workers run, as here"
    return RecogError(message, where="--dask", hint=hint)
