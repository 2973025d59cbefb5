# shellcheck shell=bash
# Debian packages: those that this host needs (installed), and those of other architectures and suites
# (only downloaded, through an apt state of our own under the cache, so that the host's dpkg and apt
# never learn of a foreign architecture). The mirrors are the host's own, whatever they are.

HOST_PACKAGES="qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-arm-linux-gnueabihf
    libc6-dev-armhf-cross make gcc libc6-dev bc bison flex cpio xz-utils zstd rsync python3 kmod binutils
    libssl-dev libelf-dev dwarves"

# host_packages_missing: names of the packages that are not installed, one line.
host_packages_missing() {
    local package missing=()
    # shellcheck disable=SC2086
    for package in $HOST_PACKAGES "$@"; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
    done
    echo "${missing[*]:-}"
}

host_packages_install() {
    local sudo=
    ((EUID == 0)) || sudo=sudo
    $sudo apt-get update || true
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y --no-install-recommends "$@"
}

# apt_sources SUITE FOLDER: the host's Debian entries, turned to SUITE.
apt_sources() {
    local suite=$1 folder=$2 here file
    here=$(. /etc/os-release; echo "$VERSION_CODENAME")
    mkdir -p "$folder"
    rm -f "$folder"/*
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
        [[ -f $file ]] || continue
        case $file in
        *.sources)
            # One paragraph per source; keep those that serve this host's own suite.
            awk -v here="$here" -v suite="$suite" 'BEGIN { RS = ""; FS = "\n" }
                /(^|\n)Types:[^\n]*deb/ {
                    keep = 0; text = ""
                    for (i = 1; i <= NF; i++) {
                        line = $i
                        if (line ~ /^Suites:/) {
                            n = split(substr(line, 8), word, " "); line = "Suites:"
                            for (k = 1; k <= n; k++)
                                if (word[k] == here || (word[k] == here "-security")) {
                                    if (suite == "sid" && word[k] != here) continue
                                    sub(here, suite, word[k]); line = line " " word[k]; keep = 1
                                }
                        }
                        if (line !~ /^#/ && line !~ /^Architectures:/) text = text line "\n"
                    }
                    if (keep) printf "%s\n", text
                }' "$file" >>"$folder/debian.sources" ;;
        *.list)
            awk -v here="$here" -v suite="$suite" '$1 == "deb" {
                    at = ($2 ~ /^\[/) ? 0 : 2
                    if (!at) for (at = 2; $at !~ /\]$/; at++) ;
                    if ($2 ~ /^\[/) at++
                    s = $(at + 1)
                    if (s != here && s != here "-security") next
                    if (suite == "sid" && s != here) next
                    sub(here, suite, s)
                    print "deb", $at, s, "main"
                }' "$file" >>"$folder/debian.list" ;;
        esac
    done
    find "$folder" -empty -type f -delete
}

# apt_private SUITE COMMAND...: apt-get or apt-cache with our own state.
apt_private() {
    local suite=$1 tool=$2 root=$WORK_DIR/apt/$1
    shift 2
    "$tool" -q \
        -o APT::Architecture=amd64 -o APT::Architectures::=amd64 \
        -o APT::Architectures::=arm64 -o APT::Architectures::=armhf \
        -o APT::Sandbox::User=root -o Dir::State="$root/state" -o Dir::State::status="$root/status" \
        -o Dir::Cache="$root/cache" -o Dir::Etc::SourceList=/dev/null \
        -o Dir::Etc::SourceParts="$root/sources" \
        "$@"
}

# apt_refresh SUITE: fetches the package index, at most once a day.
apt_refresh() {
    local suite=$1 root=$WORK_DIR/apt/$1
    if [[ -z $(find "$root/fresh" -mmin -1440 2>/dev/null) ]]; then
        mkdir -p "$root"/{state/lists/partial,cache/archives/partial}
        : >"$root/status"
        apt_sources "$suite" "$root/sources"
        # A mirror that is being synchronised lacks an index now and then; what is needed is looked for below.
        apt_private "$suite" apt-get update || say "the package index of $suite is incomplete"
        [[ -n $(apt_private "$suite" apt-cache pkgnames linux-image) ]] || {
            say "no package index of $suite could be fetched"; return 1; }
        touch "$root/fresh"
    fi
}

# package_exists SUITE NAME ARCH
package_exists() { [[ -n $(apt_private "$1" apt-cache madison "$2:$3" 2>/dev/null) ]]; }

# package_newest_abi SUITE PATTERN ARCH: the newest kernel name that has both an image and a -dbg package.
package_newest_abi() {
    local suite=$1 pattern=$2 arch=$3 head tail name
    head=${pattern%%@ABI@*} tail=${pattern##*@ABI@}
    while read -r name; do
        [[ $name == "$head"*"$tail" ]] || continue
        local abi=${name#"$head"}
        abi=${abi%"$tail"}
        [[ $abi =~ ^[0-9]+(\.[0-9]+\.[0-9]+)?(\+deb[0-9]+)?$ ]] || continue
        if package_exists "$suite" "$name" "$arch" && package_exists "$suite" "$name-dbg" "$arch"; then
            echo "$name"
            return 0
        fi
    done < <(apt_private "$suite" apt-cache pkgnames "$head" | sort -rV)
    say "suite $suite has no $pattern for $arch with debug information"
    return 1
}

# package_fetch SUITE NAME ARCH: downloads the .deb unless it is there; prints its path.
package_fetch() {
    local suite=$1 name=$2 arch=$3 file size
    mkdir -p "$WORK_DIR/debs"
    read -r _ file size _ < <(apt_private "$suite" apt-get --print-uris download "$name:$arch") || true
    [[ -n ${file:-} ]] || { say "no package $name:$arch in $suite"; return 1; }
    if [[ $(stat -c %s "$WORK_DIR/debs/$file" 2>/dev/null) != "$size" ]]; then
        (cd "$WORK_DIR/debs" && apt_private "$suite" apt-get download "$name:$arch") >&2
    fi
    echo "$WORK_DIR/debs/$file"
}

# package_extract DEB FOLDER PATTERN...: only what matches, straight from the stream. tar reports patterns
# that match nothing as an error: the caller looks at what came out instead.
package_extract() {
    local deb=$1 folder=$2
    shift 2
    mkdir -p "$folder"
    dpkg-deb --fsys-tarfile "$deb" | tar x -C "$folder" --wildcards --no-anchored "$@" || true
}
