"""The model, MFRNet, learns from images of good cloth and gives raw anomaly maps.

A station has nothing to tell anybody: OpenVINO, which looks its maker's host up as soon as it is imported and leaves an
identity in the user's home, is imported without the part that does so.  It must be imported after this package.
"""

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # as if it were not installed
