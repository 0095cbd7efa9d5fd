#!/bin/sh
# The demo in a window; where there is no display, says so and shows the headless run instead.
set -eu
station="$1"
case "$(uname)" in
    Linux | *BSD)
        if [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}${QT_QPA_PLATFORM:-}" ]; then
            echo "No display here, so no window: running the demo headless (5 m of cloth) instead."
            exec "$station" demo --headless --metres 5
        fi
        ;;
esac
exec "$station" demo
