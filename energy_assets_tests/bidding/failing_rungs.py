"""Rungs that fail in their child process, each in its own way; the child imports only this."""

import os
import signal
import threading

from energy_assets.bidding.handoff import Highs
from energy_assets.bidding.stochastic import solve


def killed_while_solving(bidding):
    """The full rung; its process is killed from outside the moment the solver is to run."""
    Highs._run = lambda _: os.kill(os.getpid(), signal.SIGKILL)
    return solve(bidding)


def exits(_):
    """What a failed assertion of a native library looks like."""
    os._exit(7)


def never_ends(_):
    """A solve that finds no end."""
    threading.Event().wait()


def raises_by_mistake(_):
    """A fault of our own."""
    msg = "operands could not be broadcast together"
    raise ValueError(msg)
