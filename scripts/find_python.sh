#!/bin/sh
# Prints a Python 3.11 or 3.12 to build the virtual environment with; explains where there is none.
for candidate in "${PYTHON:-}" python3 python3.11 python3.12; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1; then
        echo "$candidate"
        exit 0
    fi
done
echo "The station needs Python 3.11 or 3.12; install one (or name it: make PYTHON=/path/to/python3.12 …)." >&2
exit 1
