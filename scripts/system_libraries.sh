#!/bin/sh
# Debian/Ubuntu: the few system libraries Qt and OpenCV need.  Installs them when root, else prints the exact command.
# Elsewhere (and where all are there) it does nothing.
set -eu
PATH="$PATH:/usr/sbin:/sbin"  # ldconfig lies there, which is not on every user's path
command -v apt-get >/dev/null 2>&1 || exit 0

missing=""
have() { ldconfig -p 2>/dev/null | grep -q "$1"; }
need() { have "$1" || missing="$missing $2"; }
need libEGL.so.1 libegl1
need libGL.so.1 libgl1
need libdbus-1.so.3 libdbus-1-3
need libfontconfig.so.1 libfontconfig1
need libfreetype.so.6 libfreetype6
need libglib-2.0.so.0 libglib2.0-0
need libX11-xcb.so.1 libx11-xcb1
need libxkbcommon.so.0 libxkbcommon0
need libxkbcommon-x11.so.0 libxkbcommon-x11-0
need libxcb-cursor.so.0 libxcb-cursor0
need libxcb-icccm.so.4 libxcb-icccm4
need libxcb-image.so.0 libxcb-image0
need libxcb-keysyms.so.1 libxcb-keysyms1
need libxcb-randr.so.0 libxcb-randr0
need libxcb-render-util.so.0 libxcb-render-util0
need libxcb-render.so.0 libxcb-render0
need libxcb-shape.so.0 libxcb-shape0
need libxcb-shm.so.0 libxcb-shm0
need libxcb-sync.so.1 libxcb-sync1
need libxcb-xfixes.so.0 libxcb-xfixes0
need libxcb-xkb.so.1 libxcb-xkb1
[ -d /usr/share/fonts/truetype/dejavu ] || missing="$missing fonts-dejavu-core"
"${1:-python3}" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"

[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ]; then
    echo "Installing system libraries:$missing"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "The window needs some system libraries.  Please run, then try again:" >&2
    echo "    sudo apt-get update && sudo apt-get install --no-install-recommends$missing" >&2
    exit 1
fi
