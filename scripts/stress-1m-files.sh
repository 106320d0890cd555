#!/bin/bash
# A million files: a walk, a Full through a real Bacula, its catalog against find, memory. Appends to docs/benchmarks/stress.md. As root, 10 to 20 minutes.
#   HPC_STRESS_FILES=100000 HPC_STRESS_FOLDER=/mnt/lustre/test HPC_LAB_RELEASES=9,15 scripts/stress-1m-files.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export PODHEITOR_HPC_LONG=1 HPC_LAB_RELEASES="${HPC_LAB_RELEASES:-9}"
npm run --silent build
NODE_OPTIONS="--max-old-space-size=8192 ${NODE_OPTIONS:-}" npx jest --config packages/hpc-lab/jest.lab.config.cjs stress
