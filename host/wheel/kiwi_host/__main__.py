"""`python -m kiwi_host`: becomes the command, with the same arguments."""

import os
import sys

from kiwi_host import command


def main() -> None:
    try:
        path = command()
    except FileNotFoundError as error:
        sys.exit(f"kiwi_host: {error}")
    os.execv(path, [path, *sys.argv[1:]])


if __name__ == "__main__":
    main()
