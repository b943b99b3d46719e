#!/usr/bin/env bash
# Train with several processes on this machine (GPUs with nccl, else CPUs with gloo):
#   tools/dist_train.sh CONFIG NPROC [options of tools/train.py]
# More machines: NNODES=2 NODE_RANK=0 MASTER_ADDR=host0 [PORT=29500] on each.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: tools/dist_train.sh CONFIG NPROC [options of tools/train.py]" >&2; exit 2; }
CONFIG=$1
NPROC=$2
shift 2
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" --nproc_per_node="$NPROC" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
    "$(dirname "$0")/train.py" "$CONFIG" --launcher pytorch "$@"
