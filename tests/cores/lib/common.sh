# shellcheck shell=bash
# What every part of make-cores uses: folders, steps with one line of progress, hashes of inputs, locks.
# It knows nothing of kernels or guests.

CORES_DIR=${INQUEST_CORES:-$HOME/.cache/inquest-cores}
WORK_DIR=$CORES_DIR/.work
LOG_DIR=$WORK_DIR/logs
LOCK_DIR=$WORK_DIR/locks
JOBS=${JOBS:-$(nproc)}
START_SECONDS=$SECONDS

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }

# The lines of configuration-like files that matter: no comments, no blank lines, no time estimates.
meaningful_lines() {
    sed -e '/^# CONFIG_[A-Z0-9_]* is not set$/b' -e '/^[[:space:]]*#/d' -e '/^[[:space:]]*$/d' \
        -e '/^\(BUILD_\|RUN_\)SECONDS=/d' -e '/^NOTE=/d' -e '/^SET=/d' -e '/^expect_[a-z_]*=/d' -- "$@"
}

hash_of_stdin() { sha256sum | cut -c1-16; }

# key_holds FOLDER KEY: FOLDER is complete and was made from these inputs.
key_holds() { [[ -f $1/key && $(<"$1/key") == "$2" ]]; }

# step LABEL FUNCTION ARGUMENTS...: runs it with its output in a log; one line of progress. A failure is shown and
# noted in FAILED; step itself always returns 0, since bash ignores `set -e` in everything that runs below an `if`,
# `&&` or `||`, subshells included. The probe makes sure that nobody calls it from such a place.
FAILED=()
step() {
    local label=$1 log begin=$SECONDS status=0 probe=0
    shift
    ( set -e; false; true ) &
    wait $! || probe=$?
    ((probe)) || die "step $label was called where set -e has no effect"
    mkdir -p "$LOG_DIR"
    log=$LOG_DIR/${label//[^A-Za-z0-9._-]/_}.log
    printf '[%5d s] %s ... ' "$((SECONDS - START_SECONDS))" "$label" >&2
    # With job control the step is a process group of its own, which stop_step can end as a whole.
    set -m
    ( set -euo pipefail; "$@" ) >"$log" 2>&1 </dev/null &
    STEP_PID=$!
    set +m
    wait "$STEP_PID" || status=$?
    STEP_PID=
    if ((status)); then
        say "FAILED after $((SECONDS - begin)) s"
        say "---- last lines of $log"
        tail -n 20 -- "$log" >&2 || true
        say "${0##*/}: $label failed (status $status); whole log: $log"
        FAILED+=("$label")
    else
        say "$((SECONDS - begin)) s"
    fi
}

# failed LABEL: that step has failed in this run.
failed() {
    local label
    for label in "${FAILED[@]}"; do [[ $label != "$1" ]] || return 0; done
    return 1
}

# Ends the running step, and only that.
stop_step() { [[ -z ${STEP_PID:-} ]] || kill -TERM -- "-$STEP_PID" 2>/dev/null || true; }

# lock NAME: held until unlock NAME or the end of the process; says so when it has to wait.
declare -A LOCK_FD=()
lock() {
    local fd
    mkdir -p "$LOCK_DIR"
    exec {fd}>"$LOCK_DIR/$1"
    if ! flock -n "$fd"; then
        say "waiting for another run that holds $1"
        flock "$fd"
    fi
    LOCK_FD[$1]=$fd
}
unlock() {
    local fd=${LOCK_FD[$1]}
    exec {fd}>&-
    unset "LOCK_FD[$1]"
}
