#!/bin/sh
# Print the name of a Python from 3.11 to 3.13 that can make environments.
for name in "${PYTHON:-python3.12}" python3.12 python3.13 python3.11 python3 python; do
  if "$name" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
    echo "$name"
    exit 0
  fi
done
echo "No Python 3.11, 3.12 or 3.13 with venv was found. Install one (Debian: apt install python3 python3-venv; macOS: from python.org), or name it: make book PYTHON=/path/to/python3.12" >&2
exit 1
