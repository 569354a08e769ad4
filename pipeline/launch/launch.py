"""How the training of a run starts: as it is, or with ``train.ensemble``, one member after another.

Torch is not imported here before it has to be.
"""

import os
from typing import TYPE_CHECKING

from pipeline.launch.processes import MEMBER_VARIABLE, AfterTraining, train_in_processes
from saccade.core.errors import UserError
from saccade.core.ranks import current_rank, is_launched_child

if TYPE_CHECKING:
    from pipeline.params.load import Params


def start_training(params: "Params", run: str, *, fresh: bool, after_training: AfterTraining) -> None:
    """Train a run here, or start the processes that do; with ``train.ensemble``, its members one after another.

    A process that torch's elastic launcher started (by us, or ``torchrun -m pipeline train RUN``) is one of them.

    Args:
        params: the whole file.
        run: key in ``runs:``.
        fresh: forget an earlier training of the same identity.
        after_training: callback that is called at the end of each training.

    Raises:
        UserError: it cannot be trained, or one of several processes was killed.
        SystemExit: one of several processes ended, and has said why.
    """
    count = params.runs[run].train.ensemble
    if count == 1 or is_launched_child():
        member = os.environ.get(MEMBER_VARIABLE) if is_launched_child() else None
        number = None if member is None else int(member)
        train_in_processes(params, run, number, fresh=fresh, after_training=after_training)
        return
    if current_rank().world_size > 1:
        raise UserError(
            f"train.ensemble ({count}) must be 1 where torchrun starts the processes: they meet once, and members are "
            "trained one after another. Set train.processes, and call `saccade train` itself"
        )
    from pipeline.launch.ensemble import train_ensemble

    train_ensemble(params, run, fresh=fresh, after_training=after_training)
