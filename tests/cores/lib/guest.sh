# shellcheck shell=bash disable=SC2034,SC2153
# One dump: boots the recipe's kernel, lets it give its account and fail, dumps it, publishes the folder.

GUEST_FORMAT=1 # raise it when dumps have to be taken again although no recipe has changed

# recipe_load NAME: sets R_* and, through kernel_load, K_*.
recipe_load() {
    local KERNEL='' SMP=2 MEMORY=128 CPU='' CMDLINE='' MODULES='' PREPARE='' TRIGGER='' PANIC='' WAIT='' TIMEOUT=120
    local ON_TIMEOUT=fail SETTLE=1 SET=opt-in NOTE='' RUN_SECONDS=15 MACHINE='' PROGRAMS='' PROGRAMS_ARM='' ACCOUNT_TIMEOUT=300
    local MISBEHAVE='' BOOTS=''
    local file=$HERE/recipes/$1 program
    [[ -f $file ]] || die "no such recipe: $1 (see --list)"
    # shellcheck source=/dev/null
    . "$file"
    R_NAME=$1 R_KERNEL=$KERNEL R_SMP=$SMP R_MEMORY=$MEMORY R_CPU=$CPU R_CMDLINE=$CMDLINE R_MODULES=$MODULES
    R_PREPARE=$PREPARE R_TRIGGER=$TRIGGER R_PANIC=$PANIC R_WAIT=$WAIT R_TIMEOUT=$TIMEOUT R_ON_TIMEOUT=$ON_TIMEOUT
    R_SETTLE=$SETTLE R_SET=$SET R_NOTE=$NOTE R_SECONDS=$RUN_SECONDS R_MACHINE=$MACHINE
    R_PROGRAMS=$PROGRAMS R_PROGRAMS_ARM=$PROGRAMS_ARM R_ACCOUNT_TIMEOUT=$ACCOUNT_TIMEOUT
    R_MISBEHAVE=$MISBEHAVE R_BOOTS=$BOOTS
    if [[ -n $R_MISBEHAVE ]]; then
        R_MODULES="$R_MODULES misbehave"
        R_PREPARE="$R_PREPARE; /misbehave plan $R_MISBEHAVE" R_PREPARE=${R_PREPARE#; }
        R_TRIGGER=${R_TRIGGER:-/misbehave go}
    fi
    R_DIR=$CORES_DIR/$1
    kernel_load "$R_KERNEL"
    [[ -n $R_CPU ]] || { [[ $K_ARCH == arm64 ]] && R_CPU=cortex-a57 || R_CPU=cortex-a15; }
    [[ -n $R_WAIT || -z $R_PANIC ]] || R_WAIT='---\[ end Kernel panic'
    R_KEY=$({
        echo "format $GUEST_FORMAT $INITRAMFS_FORMAT kernel $K_KEY"
        meaningful_lines "$file" "$HERE/guest/init"
        cat "$HERE/guest/"*.c
        for program in $R_PROGRAMS $R_PROGRAMS_ARM; do cat "$HERE/guest/programs/$program.c"; done
        [[ -z $R_MISBEHAVE ]] || module_key
    } | hash_of_stdin)
    R_TRUTH_KEY=$(cat "$HERE/lib/truth.py" "$HERE/check-core" | hash_of_stdin)
}

# core_ready NAME: makes the dump, its truth, or nothing, as needed.
core_ready() {
    recipe_load "$1"
    if ! key_holds "$R_DIR" "$R_KEY"; then
        kernel_ready "$R_KERNEL"
        userland_ready "$K_ARCH"
        if [[ -n $R_MISBEHAVE ]] && ! failed "kernel $R_KERNEL"; then module_ready; fi
        if failed "kernel $R_KERNEL" || failed "userland $K_ARCH" || failed "module for $K_NAME"; then
            FAILED+=("core $1")
            return 0
        fi
        lock "core-$1"
        key_holds "$R_DIR" "$R_KEY" || step "core $1" core_make
        unlock "core-$1"
    elif [[ -z $R_BOOTS ]] && ! key_holds "$R_DIR/truth" "$R_TRUTH_KEY"; then
        lock "core-$1"
        key_holds "$R_DIR/truth" "$R_TRUTH_KEY" || step "truth $1" core_truth "$R_DIR"
        unlock "core-$1"
    fi
}

core_make() {
    local new=$CORES_DIR/.$R_NAME.tmp
    rm -rf "$new"
    mkdir -p "$new"
    if [[ -n $R_BOOTS ]]; then core_boots "$new"; else core_boot "$new"; fi
    echo "$R_KEY" >"$new/key"
    rm -rf "$CORES_DIR/.$R_NAME.old"
    [[ ! -d $R_DIR ]] || mv "$R_DIR" "$CORES_DIR/.$R_NAME.old"
    mv "$new" "$R_DIR"
    rm -rf "$CORES_DIR/.$R_NAME.old"
}

# core_boots FOLDER: boots with other RAM and CPUs. Kept are the small form of each dump, its console and what the guest was;
# the rest is checked and thrown away. Where the kernel is randomised, no two boots may lie at the same address.
core_boots() {
    local to=$1 word boot smp=$R_SMP places
    for word in $R_BOOTS; do
        boot=$to/${word%:*} R_MEMORY=${word%:*} R_SMP=$smp
        [[ $word != *:* ]] || R_SMP=${word#*:}
        core_boot "$boot"
        sed -n 's/^\([0-9a-f]*\) . _text$/text=\1/p' "$boot/truth/kallsyms" >>"$boot/truth/meta"
        rm -rf "$to"/{vmlinux,config,recipe,modules}
        mv "$boot"/{vmlinux,config,recipe,modules} "$to/"
        find "$boot" -type f ! -name vmcore.kdump ! -name console.log ! -name meta -delete
    done
    if grep -q '^CONFIG_RANDOMIZE_BASE=y' "$to/config"; then
        places=$(cat "$to"/*/truth/meta | grep '^text=' | sort -u | wc -l)
        ((places == $(wc -w <<<"$R_BOOTS"))) || { say "the kernel lay at $places addresses only"; return 1; }
    fi
}

# core_boot FOLDER: one guest, its dumps, its truth.
core_boot() {
    local new=$1 module word file qemu='qemu-system-arm'
    [[ $K_ARCH != arm64 ]] || qemu='qemu-system-aarch64'
    mkdir -p "$new/modules"
    initramfs_make "$new/initramfs"
    python3 "$HERE/lib/machine.py" --folder "$new" ${R_WAIT:+--pattern "$R_WAIT"} --timeout "$R_TIMEOUT" \
        --settle "$R_SETTLE" --on-timeout "$R_ON_TIMEOUT" --account-timeout "$R_ACCOUNT_TIMEOUT" -- \
        "$qemu" -M "virt,memory-backend=ram${R_MACHINE:+,$R_MACHINE}" -cpu "$R_CPU" -smp "$R_SMP" -m "${R_MEMORY}M" \
        -object "memory-backend-file,id=ram,size=${R_MEMORY}M,mem-path=ram.raw,share=on" \
        -kernel "$K_DIR/image" -initrd initramfs \
        -append "console=ttyAMA0 panic=0 oops=panic $([[ $K_ARCH != arm ]] || echo log_buf_len=1M) $R_CMDLINE" \
        -device vmcoreinfo -device virtio-serial-device,max_ports=2 \
        -chardev file,id=channel,path=channel -device virtserialport,chardev=channel,name=inquest \
        -display none -nic none -serial file:console.log
    for file in ram.raw vmcore.elf; do fallocate --dig-holes "$new/$file" || true; done
    chmod 644 "$new"/vmcore.*
    rm -f "$new/initramfs"
    zstd -q -3 --rm "$new/channel"
    ln "$K_DIR/vmlinux" "$new/vmlinux" 2>/dev/null || cp "$K_DIR/vmlinux" "$new/vmlinux"
    cp "$K_DIR/config" "$new/config"
    for word in $R_MODULES; do
        for module in {"$K_DIR/modules","$WORK_DIR/modules/$K_NAME"}/"${word%%:*}.ko"{,.debug}; do
            [[ ! -f $module ]] || cp "$module" "$new/modules/"
        done
    done
    cp "$WORK_DIR/userland/$K_ARCH/workload" "$new/workload"
    cp "$HERE/recipes/$R_NAME" "$new/recipe"
    core_truth "$new"
}

# core_truth FOLDER: takes the guest's account apart and checks the whole folder.
core_truth() {
    rm -rf "$1/truth.tmp"
    mkdir "$1/truth.tmp"
    zstd -q -d -c "$1/channel.zst" |
        python3 "$HERE/lib/truth.py" --console "$1/console.log" --out "$1/truth.tmp" \
            --fact "recipe=$R_NAME" --fact "kernel=$R_KERNEL" --fact "arch=$K_ARCH" --fact "cpus=$R_SMP" \
            --fact "memory_mb=$R_MEMORY" --fact "panic_expected=$R_PANIC" --fact "cpu_model=$R_CPU"
    rm -rf "$1/truth"
    mv "$1/truth.tmp" "$1/truth"
    "$HERE/check-core" "$1"
    echo "$R_TRUTH_KEY" >"$1/truth/key"
}
