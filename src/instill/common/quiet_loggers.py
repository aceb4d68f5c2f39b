"""Libraries that write lines of their own to the terminal beside the errors that they raise."""

from __future__ import annotations

import logging


def quiet(*names: str) -> None:
    """These loggers, and those below them, write nothing but what is worse than an error that is raised.

    Example:
        >>> quiet("some_client")
        >>> logging.getLogger("some_client").isEnabledFor(logging.ERROR)
        False
    """
    for name in names:
        below = [each for each in logging.Logger.manager.loggerDict if each.startswith(f"{name}.")]
        for each in (name, *below):
            logging.getLogger(each).setLevel(logging.CRITICAL)
