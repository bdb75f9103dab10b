#!/bin/sh
# Name what is vendored from npm, with its version, as npm reads it: preact@11.2.0 katex@0.19.1 ...
cd "$(dirname "$0")/../src/attend_course" || exit 1
cat kit/explorers/vendor/README.md site/vendor/katex/README.md |
  grep -oE '(preact-render-to-string|preact|htm|KaTeX) [0-9]+\.[0-9]+\.[0-9]+' |
  tr 'A-Z ' 'a-z@' | sort -u
