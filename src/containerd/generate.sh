#!/bin/sh
# Writes src/containerd/generated from protos/. The same options are given to loadSync in protos.ts; change both.
set -eu
cd "$(dirname "$0")/../.."
out=src/containerd/generated
rm -rf "$out"
node_modules/.bin/proto-loader-gen-types \
  --longs=Number --enums=String --defaults --includeComments \
  --grpcLib=@grpc/grpc-js --importFileExtension=.ts --targetFileExtension=.ts \
  --includeDirs protos --outDir "$out" containerd.proto
node_modules/.bin/prettier --write --log-level warn "$out"
