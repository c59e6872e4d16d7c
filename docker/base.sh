#!/bin/sh
# Makes the local base image from two static programs of Debian, for machines that reach no image registry, and because
# nothing more is needed: a shell, the usual small commands, three users.
#
#   docker/base.sh [IMAGE]          default barnabas-base:dev
#   ARCH=arm64 docker/base.sh …     for another architecture (packages come from apt)
set -eu

image=${1:-barnabas-base:dev}
arch=${ARCH:-$(dpkg --print-architecture 2>/dev/null || echo amd64)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

fail() {
    echo "base.sh: $*" >&2
    exit 1
}

# The program of a Debian package: the installed one, or the one that apt gives.
static_program() {
    package=$1 path=$2 to=$3
    if [ "$arch" = "$(dpkg --print-architecture 2>/dev/null)" ] && [ -x "$path" ] && ! ldd "$path" >/dev/null 2>&1; then
        cp "$path" "$to"
        return
    fi
    (cd "$work" && apt-get download -qq "$package:$arch" && dpkg-deb -x "$package"_*.deb "$package") >&2 ||
        fail "cannot get $package; run: apt-get install busybox-static bash-static"
    for found in "$work/$package$path" "$work/$package/usr$path" "$work/$package/bin/${path##*/}"; do
        [ -x "$found" ] && cp "$found" "$to" && return
    done
    fail "$package has no ${path##*/}"
}

mkdir -p "$root/bin" "$root/sbin" "$root/usr/bin" "$root/usr/sbin" "$root/usr/local/bin" "$root/etc/ssl/certs" \
    "$root/root" "$root/home" "$root/mnt" "$root/opt" "$root/run" "$root/var/lib" "$root/var/log" "$root/var/run" "$root/tmp" "$root/dev" "$root/proc" "$root/sys"
chmod 1777 "$root/tmp"
chmod 700 "$root/root"

static_program busybox-static /bin/busybox "$root/bin/busybox"
static_program bash-static /bin/bash-static "$root/bin/bash"
chmod 755 "$root/bin/busybox" "$root/bin/bash"

# Applets are asked of this machine's busybox: the list is the same on every architecture.
lister=$root/bin/busybox
"$lister" --list-full >"$work/applets" 2>/dev/null || /bin/busybox --list-full >"$work/applets"
while read -r applet; do
    [ "$applet" = bin/busybox ] || [ -e "$root/$applet" ] && continue
    mkdir -p "$root/$(dirname "$applet")"
    ln -s /bin/busybox "$root/$applet"
done <"$work/applets"
# Scripts that people pass to `sh` are often written for bash.
ln -sf bash "$root/bin/sh"
ln -sf /bin/bash "$root/usr/bin/bash"
for name in sh env; do
    [ -e "$root/usr/bin/$name" ] || ln -s "/bin/$name" "$root/usr/bin/$name"
done

cat >"$root/etc/passwd" <<'EOF'
root:x:0:0:root:/root:/bin/bash
appuser:x:1000:0:Kafka of the Apache and Confluent images:/home/appuser:/bin/bash
kafka:x:1001:0:Kafka of the Bitnami image:/home/appuser:/bin/bash
nobody:x:65534:65534:nobody:/:/bin/false
EOF
cat >"$root/etc/group" <<'EOF'
root:x:0:
appuser:x:1000:
kafka:x:1001:
nogroup:x:65534:
EOF
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo 'PRETTY_NAME="Barnabas base (busybox, bash)"' >"$root/etc/os-release"
if [ -r /etc/ssl/certs/ca-certificates.crt ]; then
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
fi

tar -C "$root" --numeric-owner --owner=0 --group=0 -c . |
    docker import --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        --change 'CMD ["/bin/bash"]' - "$image" >/dev/null
echo "made $image from busybox-static and bash-static ($arch)"
