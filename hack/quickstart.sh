#!/bin/sh
# `npm run quickstart [-- --keep]`: from a fresh clone to the results of two pipelines on a cluster of its own.
set -eu
cd "$(dirname "$0")/.."
sh hack/setup
node hack/build.mjs
exec node --enable-source-maps dist/hack/quickstart.js "$@"
