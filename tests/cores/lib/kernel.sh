# shellcheck shell=bash disable=SC2034,SC2153
# Kernels: built from a Debian source package with our fragments, or taken from a Debian kernel package.
# Either way the result is .work/kernels/NAME/ with vmlinux (with debug information), image, config,
# release, modules/*.ko and key.

KERNEL_FORMAT=1 # raise it when the steps below change what they make

declare -A CROSS=([arm64]=aarch64-linux-gnu- [arm]=arm-linux-gnueabihf-)
declare -A DEBIAN_ARCH=([arm64]=arm64 [arm]=armhf)
declare -A IMAGE_PATH=([arm64]=arch/arm64/boot/Image [arm]=arch/arm/boot/zImage)

# kernel_load NAME: sets K_*.
kernel_load() {
    local KIND='' ARCH='' SOURCE='' SUITE=bookworm FRAGMENTS='' MODULES='' PACKAGE='' BUILD_SECONDS=400
    local file=$HERE/kernels/$1.kernel
    [[ -f $file ]] || die "no such kernel: $1"
    # shellcheck source=/dev/null
    . "$file"
    K_NAME=$1 K_KIND=$KIND K_ARCH=$ARCH K_SOURCE=$SOURCE K_SUITE=$SUITE K_FRAGMENTS=$FRAGMENTS
    K_MODULES=$MODULES K_PACKAGE=$PACKAGE K_SECONDS=$BUILD_SECONDS
    K_DIR=$WORK_DIR/kernels/$1
    K_KEY=$({
        echo "format $KERNEL_FORMAT"
        meaningful_lines "$file"
        [[ -z $K_FRAGMENTS ]] || kernel_fragments
    } | hash_of_stdin)
}

kernel_fragments() {
    local fragment
    for fragment in $K_FRAGMENTS; do
        meaningful_lines "$HERE/kernels/$fragment.config"
    done
}

# kernel_ready NAME: makes it when it is missing or its inputs have changed. The caller looks whether it is there
# afterwards; a kernel that has failed is not tried again for the next dump of it.
kernel_ready() {
    kernel_load "$1"
    if key_holds "$K_DIR" "$K_KEY" || failed "kernel $1"; then return 0; fi
    lock "kernel-$1"
    key_holds "$K_DIR" "$K_KEY" || step "kernel $1" "kernel_make_$K_KIND"
    unlock "kernel-$1"
}

# ---- from source

# kernel_source: unpacks the source package once; prints the folder.
kernel_source() {
    local tree=$WORK_DIR/src/$K_SOURCE here archive
    if [[ ! -d $tree ]]; then
        here=$(. /etc/os-release; echo "$VERSION_CODENAME")
        archive=/usr/src/$K_SOURCE.tar.xz
        rm -rf "$tree.tmp"
        mkdir -p "$tree.tmp"
        if [[ $K_SUITE == "$here" ]]; then
            [[ -f $archive ]] || host_packages_install "$K_SOURCE" >&2
            tar x -C "$tree.tmp" --strip-components=1 -f "$archive"
        else
            apt_refresh "$K_SUITE" >&2
            archive=$(package_fetch "$K_SUITE" "$K_SOURCE" amd64)
            dpkg-deb --fsys-tarfile "$archive" | tar xO "./usr/src/$K_SOURCE.tar.xz" |
                tar xJ -C "$tree.tmp" --strip-components=1
        fi
        mv "$tree.tmp" "$tree"
    fi
    echo "$tree"
}

# kernel_check_config FILE: every wanted symbol survived.
kernel_check_config() {
    local config=$1 gone=0 line name
    while read -r line; do
        case $line in
        '# '*) name=${line#\# } name=${name% is not set} ;;
        *) name=${line%%=*} ;;
        esac
        case $line in
        '# '* | *=n) ! grep -q "^$name=" "$config" || { say "still set: $(grep "^$name=" "$config")"; gone=1; } ;;
        *) grep -qxF -- "$line" "$config" || { say "did not survive: $line"; gone=1; } ;;
        esac
    done < <(kernel_fragments | awk '{ name = $1 == "#" ? $2 : $0; sub(/=.*/, "", name); line[name] = $0 }
                                     END { for (name in line) print line[name] }')
    return $gone
}

kernel_make_source() {
    local tree out=$WORK_DIR/build/$K_NAME new=$K_DIR.tmp module
    lock source
    tree=$(kernel_source)
    unlock source
    mkdir -p "$out"
    kernel_fragments >"$out/wanted.config"
    local kmake=(nice -n 10 make -C "$tree" "O=$out" "ARCH=$K_ARCH" "CROSS_COMPILE=${CROSS[$K_ARCH]}"
        KBUILD_BUILD_USER=inquest KBUILD_BUILD_HOST=corpus 'KBUILD_BUILD_TIMESTAMP=2026-01-01 00:00:00 UTC')
    "${kmake[@]}" "KCONFIG_ALLCONFIG=$out/wanted.config" allnoconfig
    kernel_check_config "$out/.config"
    "${kmake[@]}" -j"$JOBS" vmlinux "$(basename "${IMAGE_PATH[$K_ARCH]}")" modules
    rm -rf "$new"
    mkdir -p "$new/modules"
    cp "$out/vmlinux" "$new/vmlinux"
    cp "$out/${IMAGE_PATH[$K_ARCH]}" "$new/image"
    cp "$out/.config" "$new/config"
    cp "$out/include/config/kernel.release" "$new/release"
    for module in $K_MODULES; do
        find "$out" -name "$module.ko" -exec cp {} "$new/modules/" \;
        [[ -f $new/modules/$module.ko ]] || { say "no module $module"; return 1; }
    done
    kernel_publish "$new"
}

# ---- from a package

kernel_make_package() {
    local arch=${DEBIAN_ARCH[$K_ARCH]} name image debug new=$K_DIR.tmp module wanted=() release
    lock apt
    apt_refresh "$K_SUITE"
    name=$(package_newest_abi "$K_SUITE" "$K_PACKAGE" "$arch")
    image=$(package_fetch "$K_SUITE" "$name" "$arch")
    debug=$(package_fetch "$K_SUITE" "$name-dbg" "$arch")
    unlock apt
    release=${name#linux-image-}
    rm -rf "$new"
    mkdir -p "$new/modules"
    for module in $K_MODULES; do wanted+=("*/$module.ko" "*/$module.ko.xz"); done
    package_extract "$image" "$new/image.tree" './boot/vmlinuz-*' './boot/config-*' "${wanted[@]}"
    package_extract "$debug" "$new/debug.tree" './usr/lib/debug/boot/vmlinux-*' "${wanted[@]}"
    mv "$new/image.tree/boot/vmlinuz-$release" "$new/image"
    mv "$new/image.tree/boot/config-$release" "$new/config"
    find "$new/debug.tree" -name "vmlinux-$release" -exec mv {} "$new/vmlinux" \;
    [[ -f $new/vmlinux ]]
    for module in $K_MODULES; do
        find "$new/image.tree" -name "$module.ko.xz" -exec unxz {} \;
        find "$new/image.tree" -name "$module.ko" -exec mv {} "$new/modules/" \;
        find "$new/debug.tree" -name "$module.ko" -exec mv {} "$new/modules/$module.ko.debug" \;
        [[ -f $new/modules/$module.ko ]] || { say "no module $module in $image"; return 1; }
    done
    rm -rf "$new/image.tree" "$new/debug.tree"
    echo "$release" >"$new/release"
    basename "$image" >"$new/package"
    kernel_publish "$new"
    rm -f "$debug" "$image"
}

kernel_publish() {
    local new=$1
    echo "$K_KEY" >"$new/key"
    rm -rf "$K_DIR.old"
    [[ ! -d $K_DIR ]] || mv "$K_DIR" "$K_DIR.old"
    mv "$new" "$K_DIR"
    rm -rf "$K_DIR.old"
}
