"""The command kiwi-host, as a Python package: `kiwi-host` or `python -m kiwi_host`."""

import os
import sysconfig

__all__ = ["command"]


def command() -> str:
    """The path of the command kiwi-host that was installed with this package.

    Raises FileNotFoundError if it is not where an installer puts it.
    """
    package = os.path.dirname(os.path.abspath(__file__))
    directories = [
        os.path.join(package, *[os.pardir] * 4, "bin"),  # PREFIX/lib/python3.x/site-packages/kiwi_host
        os.path.join(package, os.pardir, "bin"),  # pip install --target
        sysconfig.get_path("scripts"),
    ]
    for directory in directories:
        path = os.path.join(directory, "kiwi-host")
        if os.path.isfile(path):
            return os.path.normpath(path)
    places = ", ".join(os.path.normpath(directory) for directory in directories)
    raise FileNotFoundError(f"kiwi-host is not in {places}: install the package again")
