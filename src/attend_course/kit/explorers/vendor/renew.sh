#!/bin/sh
# Make preact.js and render.js from npm, once for each new version; the result is committed.
# Nobody who reads, builds or writes explorers needs Node: `sh renew.sh 11.2.0 3.1.1 6.8.2 0.28.2`
# takes the versions of preact, htm, preact-render-to-string and esbuild.
set -e
HERE=$(cd "$(dirname "$0")" && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"
npm init --yes >/dev/null
npm install --no-audit --no-fund "preact@$1" "htm@$2" "preact-render-to-string@$3" "esbuild@$4"
esbuild() { node_modules/.bin/esbuild --bundle --minify --log-level=error "$@"; }

NAMES="h, hydrate, isValidElement, options, render, Fragment, createContext"
HOOKS="useContext, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState"
cat >entry.js <<END
export { $NAMES } from "preact";
export { $HOOKS } from "preact/hooks";
import { h } from "preact";
import htm from "htm";
export const html = htm.bind(h);
END
{
  echo "// preact $1 with its hooks, and htm $2; licences beside this file. Made by renew.sh."
  echo "export const { $NAMES, $HOOKS, html } = (() => {"
  esbuild entry.js --format=iife --global-name=preact
  echo "return preact;"
  echo "})();"
} >"$HERE/preact.js"

# Both files must share one preact: an element of another copy would be drawn as nothing.
echo 'export { renderToString } from "preact-render-to-string";' >render.js
{
  echo "// preact-render-to-string $3; licence beside this file. Made by renew.sh."
  echo 'import { Fragment, h, isValidElement, options } from "./preact.js";'
  echo "export const { renderToString } = ((require) => {"
  esbuild render.js --format=iife --global-name=drawn --external:preact --platform=neutral --main-fields=module,main
  echo "return drawn;"
  echo "})(() => ({ Fragment, h, isValidElement, options }));"
} >"$HERE/render.js"
for name in preact htm preact-render-to-string; do
  cp "node_modules/$name/LICENSE" "$HERE/LICENSE-$name"
done
