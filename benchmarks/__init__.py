"""This package measures quality and speed.  It may import anything, nothing imports it, and it is not in the wheel."""

import model  # noqa: F401 - first of all, so that OpenVINO tells nobody
