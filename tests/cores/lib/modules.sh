# shellcheck shell=bash disable=SC2153
# Our own kernel module, guest/module, built against a kernel that was built here.
# The result is .work/modules/KERNEL/{misbehave.ko,key}.

MODULE_FORMAT=1

# module_key: of the loaded kernel (K_*).
module_key() { { echo "format $MODULE_FORMAT kernel $K_KEY"; cat "$HERE/guest/module/"*; } | hash_of_stdin; }

# module_ready: for the loaded kernel, which is there.
module_ready() {
    local dir=$WORK_DIR/modules/$K_NAME key
    key=$(module_key)
    if key_holds "$dir" "$key" || failed "module for $K_NAME"; then return 0; fi
    lock "kernel-$K_NAME"
    key_holds "$dir" "$key" || step "module for $K_NAME" module_make "$dir" "$key"
    unlock "kernel-$K_NAME"
}

module_make() {
    local dir=$1 key=$2 tree out=$WORK_DIR/build/$K_NAME
    [[ $K_KIND == source ]] || { say "$K_NAME comes from a package: no build folder for a module"; return 1; }
    lock source
    tree=$(kernel_source)
    unlock source
    local kmake=(nice -n 10 make -s -C "$tree" "O=$out" "ARCH=$K_ARCH" "CROSS_COMPILE=${CROSS[$K_ARCH]}"
        KBUILD_BUILD_USER=inquest KBUILD_BUILD_HOST=corpus 'KBUILD_BUILD_TIMESTAMP=2026-01-01 00:00:00 UTC')
    if [[ ! -f $out/Module.symvers ]]; then
        # The build folder was cleaned away: enough of it comes back for a module; the kernel has its symbols itself.
        mkdir -p "$out"
        cp "$K_DIR/config" "$out/.config"
        "${kmake[@]}" olddefconfig
        "${kmake[@]}" modules_prepare
        kmake+=(KBUILD_MODPOST_WARN=1)
    fi
    rm -rf "$dir.tmp"
    mkdir -p "$dir.tmp/source"
    cp "$HERE/guest/module/"{Kbuild,*.c,*.h} "$dir.tmp/source/"
    "${kmake[@]}" "M=$dir.tmp/source" modules
    mv "$dir.tmp/source/misbehave.ko" "$dir.tmp/"
    rm -rf "$dir.tmp/source"
    echo "$key" >"$dir.tmp/key"
    rm -rf "$dir"
    mv "$dir.tmp" "$dir"
}
