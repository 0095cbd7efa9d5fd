"""This module runs the ``station`` command for ``python -m station.cli``."""

from station.cli.start import main

if __name__ == "__main__":
    main()
