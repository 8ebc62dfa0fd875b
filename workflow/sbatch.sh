#!/bin/sh
# The same phases without Snakemake: sbatch.sh CONFIG [SHARES] [chorus run OPTIONS…]. `chorus plan` proposes how many shares. Each phase
# starts when the one before has ended well. A job whose node fails is started again by Slurm (--requeue), and goes on where it was.
# Paths and options must not hold spaces.
#
#   FIRST           the stage that is cut in shares before the training (featurize); embed for heads on a backbone
#   PREDICT_SHARES  in how many shares predict is cut (SHARES)
#   CHORUS          the program (chorus)
set -eu
config=$1
shares=${2:-64}
shift $(($# < 2 ? $# : 2))
predict_shares=${PREDICT_SHARES:-$shares}
call="${CHORUS:-chorus} run -c $config $*"
submit() { sbatch --parsable --requeue --mem="$1" --cpus-per-task="$2" $3 --wrap "$4"; }
read=$(submit 4G 2 "--array=1-$shares" "$call ingest --units \$SLURM_ARRAY_TASK_ID/$shares -j 2")
first=$(submit 4G 2 "--array=1-$shares --dependency=afterok:$read" \
    "$call ${FIRST:-featurize} --with-upstream --units \$SLURM_ARRAY_TASK_ID/$shares -j 2")
train=$(submit 16G 8 "--dependency=afterok:$first" "$call train --with-upstream -j 8")
predict=$(submit 4G 2 "--array=1-$predict_shares --dependency=afterok:$train" \
    "$call predict --units \$SLURM_ARRAY_TASK_ID/$predict_shares -j 2")
submit 8G 4 "--dependency=afterok:$predict" "$call -j 4"
