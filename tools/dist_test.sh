#!/usr/bin/env bash
# Test with several processes on this machine (GPUs with nccl, else CPUs with gloo):
#   tools/dist_test.sh CONFIG CHECKPOINT NPROC [options of tools/test.py]
# A method without a checkpoint of its own: "none" for CHECKPOINT. More machines: as in dist_train.sh.
set -euo pipefail
[ $# -ge 3 ] || { echo "usage: tools/dist_test.sh CONFIG CHECKPOINT|none NPROC [options of tools/test.py]" >&2; exit 2; }
CONFIG=$1
CHECKPOINT=$2
NPROC=$3
shift 3
[ "$CHECKPOINT" = none ] || set -- "$CHECKPOINT" "$@"
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" --nproc_per_node="$NPROC" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
    "$(dirname "$0")/test.py" "$CONFIG" "$@" --launcher pytorch
