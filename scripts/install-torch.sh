#!/bin/sh
# Install torch without the GPU libraries: install-torch.sh VERSION [REQUIREMENT]
# PIP is the command to install with, INDEX the address of PyTorch's index of CPU builds. With
# CPU_ONLY=yes it fails rather than take the general build, which holds several GB for GPUs.
set -u
version=$1
wanted=${2:-}

if [ -n "$wanted" ]; then
  echo "Installing $wanted, as asked."
  exec $PIP install "$wanted"
fi
if $PIP show torch 2>/dev/null | grep -q "^Version: $version"; then exit 0; fi
if [ "$(uname)" != Linux ]; then
  echo "Installing torch $version."
  exec $PIP install "torch==$version"
fi
echo "Installing torch $version, the build for CPUs."
echo "(For a GPU, afterwards: .venv/bin/pip install --force-reinstall torch==$version)"
if $PIP install "torch==$version+cpu" 2>/dev/null; then exit 0; fi
# Only torch itself from PyTorch's index: an index that does not answer costs seconds a package.
if $PIP install --retries 0 --timeout 10 --no-deps --index-url "$INDEX" "torch==$version+cpu" 2>/dev/null
then exec $PIP install "torch==$version"; fi
if [ "${CPU_ONLY:-}" = yes ]; then
  echo "PyTorch's index of CPU builds did not answer, and the general build is too large here." >&2
  exit 1
fi
echo "PyTorch's index of CPU builds did not answer, so this is the general build: several GB."
exec $PIP install "torch==$version"
