#!/bin/sh
# The same phases without Snakemake: sbatch.sh CONFIG [SHARES] [chorus run OPTIONS…]. `chorus plan` proposes how many shares. Each phase
# starts when the one before has ended well. A job whose node fails is started again by Slurm (--requeue), and goes on where it was. A
# training that reaches the end of its time saves where it is, and is put into the queue again.
# Paths and options must not hold spaces.
#
#   FIRST           the stage that is cut in shares before the training (featurize); embed for heads on a backbone
#   PREDICT_SHARES  in how many shares predict is cut (SHARES)
#   NO_TRAIN        1 for a run with model.path, which trains nothing
#   TRAIN_THREADS   threads of the training, and processors of its job (8). It is a setting of the run: another number, another model
#   TRAIN_TIME      time limit of the training's job (24:00:00)
#   TRAIN_WARNING   how many seconds before that the training stops (300)
#   CHORUS          the program (chorus)
set -eu
config=$1
shares=${2:-64}
shift $(($# < 2 ? $# : 2))
predict_shares=${PREDICT_SHARES:-$shares}
threads=${TRAIN_THREADS:-8}
call="${CHORUS:-chorus} run -c $config $* --set train.threads=$threads --set predict.threads=2"
submit() { sbatch --parsable --requeue --job-name="chorus-$1" --mem="$2" --cpus-per-task="$3" $4 --wrap "$5"; }
# At the end of its time Slurm signals the job's shell. It passes that on, waits for the checkpoint, and asks for another turn.
in_turns() {
    echo "trap 'kill -TERM \$training; wait \$training; scontrol requeue \$SLURM_JOB_ID' TERM; $1 & training=\$!; wait \$training"
}
read=$(submit read 4G 2 "--array=1-$shares" "$call ingest --units \$SLURM_ARRAY_TASK_ID/$shares -j 2")
first=$(submit features 4G 2 "--array=1-$shares --dependency=afterok:$read" \
    "$call ${FIRST:-featurize} --with-upstream --units \$SLURM_ARRAY_TASK_ID/$shares -j 2")
turns="--time=${TRAIN_TIME:-24:00:00} --signal=B:TERM@${TRAIN_WARNING:-300} --open-mode=append"
train=$first
if [ -z "${NO_TRAIN:-}" ]; then
    train=$(submit train 16G "$threads" "$turns --dependency=afterok:$first" "$(in_turns "$call train --with-upstream -j $threads")")
fi
predict=$(submit predict 4G 2 "--array=1-$predict_shares --dependency=afterok:$train" \
    "$call predict --units \$SLURM_ARRAY_TASK_ID/$predict_shares -j 2")
submit rest 8G 4 "--dependency=afterok:$predict" "$call -j 4"
