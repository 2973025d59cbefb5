# shellcheck shell=bash
# The guest's userland: Debian's static busybox of the guest's architecture, our init, two small programs.

INITRAMFS_FORMAT=1

# userland_ready ARCH: .work/userland/ARCH/{busybox,workload,account,key}
userland_ready() {
    local arch=$1 dir=$WORK_DIR/userland/$1 key
    key=$({ echo "format $INITRAMFS_FORMAT"; cat "$HERE/guest/"*.c; } | hash_of_stdin)
    if key_holds "$dir" "$key" || failed "userland $arch"; then return 0; fi
    lock "userland-$arch"
    key_holds "$dir" "$key" || step "userland $arch" userland_make "$arch" "$dir" "$key"
    unlock "userland-$arch"
}

userland_make() {
    local arch=$1 dir=$2 key=$3 deb program
    lock apt
    apt_refresh bookworm
    deb=$(package_fetch bookworm busybox-static "${DEBIAN_ARCH[$arch]}")
    unlock apt
    rm -rf "$dir.tmp"
    mkdir -p "$dir.tmp"
    dpkg-deb --fsys-tarfile "$deb" | tar xO ./bin/busybox >"$dir.tmp/busybox"
    chmod 755 "$dir.tmp/busybox"
    for program in workload account; do
        "${CROSS[$arch]}gcc" -O1 -g -static -pthread -Wall -Wextra -Werror -o "$dir.tmp/$program" \
            "$HERE/guest/$program.c"
    done
    echo "$key" >"$dir.tmp/key"
    rm -rf "$dir"
    mv "$dir.tmp" "$dir"
}

# initramfs_make FILE: from the loaded kernel (K_*) and recipe (R_*).
initramfs_make() {
    local file=$1 root=$1.tree word name applet program module
    rm -rf "$root"
    mkdir -p "$root"/{bin,dev,proc,sys,etc,tmp,modules}
    cp "$WORK_DIR/userland/$K_ARCH/busybox" "$root/bin/busybox"
    for applet in sh insmod mount mkfifo sleep cat dd kill killall; do
        ln -s busybox "$root/bin/$applet"
    done
    # In the guest without its debug information, which stays in the copy beside the dump.
    for program in workload account; do
        "${CROSS[$K_ARCH]}strip" -o "$root/$program" "$WORK_DIR/userland/$K_ARCH/$program"
    done
    for program in $R_PROGRAMS; do
        "${CROSS[$K_ARCH]}gcc" -O1 -s -static -pthread -Wall -Wextra -Werror -o "$root/$program" \
            "$HERE/guest/programs/$program.c"
    done
    for program in $R_PROGRAMS_ARM; do
        "${CROSS[arm]}gcc" -O1 -s -static -pthread -Wall -Wextra -Werror -o "$root/$program-arm" \
            "$HERE/guest/programs/$program.c"
    done
    echo "A file that the guest's workload holds open." >"$root/workload.txt"
    cp "$HERE/guest/init" "$root/"
    printf '#!/bin/sh\n%s\n' "$R_PREPARE" >"$root/prepare"
    chmod 755 "$root/init" "$root/prepare"
    if [[ -n $R_MISBEHAVE ]]; then
        cp "$HERE/guest/module/run" "$root/misbehave"
        chmod 755 "$root/misbehave"
    fi
    if [[ -n $R_TRIGGER ]]; then
        printf '#!/bin/sh\nread -r go </tmp/go\n%s\necho "guest: the trigger has returned"\n' "$R_TRIGGER" \
            >"$root/trigger"
        chmod 755 "$root/trigger"
    fi
    [[ $K_ARCH != arm ]] || : >"$root/etc/stacks-by-sysrq"
    : >"$root/etc/modules"
    for word in $R_MODULES; do
        name=${word%%:*}
        # A signature does not survive strip, so a packaged module (which has no debug information) stays whole.
        if [[ $K_KIND == source ]]; then
            module=$K_DIR/modules/$name.ko
            [[ -f $module ]] || module=$WORK_DIR/modules/$K_NAME/$name.ko
            "${CROSS[$K_ARCH]}strip" -g -o "$root/modules/$name.ko" "$module"
        else
            cp "$K_DIR/modules/$name.ko" "$root/modules/"
        fi
        if [[ $word == *:* ]]; then
            word=${word#*:}
            echo "$name ${word//,/ }" >>"$root/etc/modules"
        else
            echo "$name" >>"$root/etc/modules"
        fi
    done
    (cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) | gzip -1n >"$file"
    rm -rf "$root"
}
