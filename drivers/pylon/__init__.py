"""This package opens Basler cameras through pylon, and pylon's own emulation of them.

What pylon reads of a camera it would keep in the user's home, guarded by semaphores that stay in the machine's shared
memory for ever; it opens a camera as fast without.  It must be imported after this package.
"""

import os

os.environ.setdefault("GENICAM_CACHE_V3_5", "")
