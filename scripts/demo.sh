#!/bin/sh
# The demo in a window; where there is no display, says so and shows the headless run instead.
set -eu
station="$1"
if "$(dirname "$station")/python" -c 'import sys; from station.display import has_display; sys.exit(not has_display())'
then
    exec "$station" demo
fi
echo "No display here, so no window: running the demo headless (5 m of cloth) instead."
exec "$station" demo --headless --metres 5
