#!/usr/bin/env bash
# Serve a world to editors: ./serve_rag_proxy.sh scifi_world [--port 8001] [--model-url http://127.0.0.1:8000/v1]
set -euo pipefail

project="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)"
python="$project/.venv/bin/python"
if [ ! -x "$python" ]; then
    echo "Style Tuner is not installed yet: run 'make setup' in $project." >&2
    exit 1
fi
PYTHONPATH="$project${PYTHONPATH:+:$PYTHONPATH}" exec "$python" -m rag serve "$@"
