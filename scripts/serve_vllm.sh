#!/usr/bin/env bash
# Serve a model as the style-transfer guide calls it: serve_vllm.sh [MODEL [PORT [GPU_TENTHS [MAX_LEN]]]]
# GPU_TENTHS is the share of the GPU's memory in tenths: 9 means 0.9. Without MODEL: the base of the newest voice.
# Without vLLM (see `make vllm`) transformers serves instead. More options: python -m style_tuner serve --help
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
model=${1:-}
port=${2:-}
tenths=${3:-}
max_len=${4:-}

python=$root/.venv/bin/python
[ -x "$python" ] || python=$(command -v python3)

arguments=()
[ -z "$model" ] || arguments+=("$model")
[ -z "$port" ] || arguments+=(--port "$port")
if [ -n "$tenths" ]; then
  [[ $tenths =~ ^([1-9]|10)$ ]] || {
    echo "GPU_TENTHS must be a whole number from 1 to 10 (9 means 0.9 of the GPU's memory), not '$tenths'." >&2
    exit 2
  }
  ((tenths < 10)) && share=0.$tenths || share=1.0
  arguments+=(--gpu-memory "$share")
fi
[ -z "$max_len" ] || arguments+=(--max-model-len "$max_len")

export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}
exec "$python" -m style_tuner serve ${arguments[@]+"${arguments[@]}"}
