"""One training, in this process or in several that are started.

Torch is not imported here before it has to be.
"""

import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import paths
from pipeline.signals import KilledBySignal
from pipeline.tracking.mlflow_store import tracking_uri
from saccade.core.errors import UserError
from saccade.core.ranks import LAUNCHER_VARIABLE, RENDEZVOUS_VARIABLE, current_rank

if TYPE_CHECKING:
    from pipeline.params.load import Params
    from pipeline.stages.train.run import TrainingRun

MEMBER_VARIABLE = "SACCADE_MEMBER"  # which one the processes that we launch train; not there: the run itself
AfterTraining = Callable[[str, str, Path], None]
"""``after_training(run, name, folder)``: called when a training has ended, with its run's key, its own name (that of a
member of an ensemble is another) and its folder in .saccade/runs; by the process that trained."""


def train_in_processes(
    params: "Params", run: str, member: int | None, *, fresh: bool, after_training: AfterTraining
) -> None:
    """Train one member of a run, or the run itself, here or in processes that are started.

    Args:
        params: the whole file.
        run: key in ``runs:``.
        member: number of the member, from 0: with seed + member; it is not published. None: the run itself, which is.
        fresh: forget an earlier training of the same identity.
        after_training: callback that is called at the end.

    Raises:
        UserError: it cannot be trained, or one of several processes was killed.
        SystemExit: one of several processes ended, and has said why.
    """
    me = current_rank()
    if me.world_size == 1 and params.runs[run].train.processes > 1:
        _launch(run, params.runs[run].train.processes, fresh, member)
    elif me.rank > 0:
        from pipeline.stages.train.run import TrainingRun
        from pipeline.stages.train.stage import train_worker

        train_worker(_chosen(TrainingRun.of(params, run), member), me)
    else:
        from pipeline.tracking.uploader import MlflowUploader

        with MlflowUploader(tracking_uri(paths.home())) as uploader:  # imports MLflow while we import torch
            from pipeline.stages.train.run import TrainingRun
            from pipeline.stages.train.stage import train

            chosen = _chosen(TrainingRun.of(params, run), member)
            folder = train(chosen, me, uploader, fresh=fresh, publish=member is None)
        after_training(run, chosen.name, folder)


def _chosen(run: "TrainingRun", member: int | None) -> "TrainingRun":
    return run if member is None else run.member(member)


def _launch(run: str, count: int, fresh: bool, member: int | None) -> None:
    """Start ``count`` processes of this command on this machine, and wait for them.

    They meet in a file, so no port is opened for the meeting, and exchange gradients over the loopback interface.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    for name in list(logging.root.manager.loggerDict):
        if name.startswith("torch.distributed.elastic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # we tell it ourselves, in a line
    with tempfile.TemporaryDirectory(prefix="saccade-") as folder:
        os.environ[RENDEZVOUS_VARIABLE] = str(Path(folder, "ranks"))
        os.environ[LAUNCHER_VARIABLE] = str(os.getpid())
        if member is not None:
            os.environ[MEMBER_VARIABLE] = str(member)
        os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"  # else the launcher listens at a port after all
        if sys.platform == "linux":
            os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=count,
            run_id=Path(folder).name,
            rdzv_backend="c10d",
            rdzv_endpoint=str(Path(folder, "launcher")),
            rdzv_configs={"store_type": "file"},
            local_addr="127.0.0.1",  # else the machine's name is looked up
            max_restarts=0,  # the same command goes on from the last checkpoint; a rank that dies of memory would again
            monitor_interval=0.1,
        )
        arguments = ["-m", "pipeline", "train", run, *(["--fresh"] if fresh else [])]
        try:
            elastic_launch(config, sys.executable)(*arguments)
        except SignalException as error:
            raise KeyboardInterrupt if error.sigval.name == "SIGINT" else KilledBySignal(error.sigval) from None
        except ChildFailedError as error:
            # Those that end by SIGTERM were mostly stopped by the launcher, because another one had ended.
            failures = error.failures.items()
            killed = [each for each in failures if each[1].exitcode < 0 and each[1].exitcode != -signal.SIGTERM]
            if not killed:  # it has said itself why
                raise SystemExit(1) from None
            rank, failure = killed[0]
            raise UserError(
                f"rank {rank} of {count} (process {failure.pid}) ended with signal {failure.signal_name()}; the others "
                "were stopped. The same command goes on from the last checkpoint."
            ) from None
        finally:
            for name in (RENDEZVOUS_VARIABLE, LAUNCHER_VARIABLE, MEMBER_VARIABLE):
                os.environ.pop(name, None)  # they are for those that we launch; another member may follow
