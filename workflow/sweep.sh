#!/bin/sh
# The runs of a sweep as one array of Slurm: sweep.sh CONFIG PARTS --vary KEY=V1,V2,… [chorus sweep OPTIONS…]. First what all runs have in
# common is made, then the parts at the same time, then the tables that compare the runs. Paths and options must not hold spaces.
#
#   TRAIN_THREADS   threads of a training, and processors of a job (8)
#   CHORUS          the program (chorus)
set -eu
config=$1
parts=$2
shift 2
threads=${TRAIN_THREADS:-8}
call="${CHORUS:-chorus} sweep -c $config $* --set train.threads=$threads -j $threads"
submit() { sbatch --parsable --requeue --job-name=chorus-sweep --mem=16G --cpus-per-task="$threads" $1 --wrap "$2"; }
shared=$(submit "" "$call --shared")
parts=$(submit "--array=1-$parts --dependency=afterok:$shared" "$call --part \$SLURM_ARRAY_TASK_ID/$parts")
submit "--dependency=afterok:$parts" "$call"
