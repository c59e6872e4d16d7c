#!/bin/sh
# Lays out the build context of the image: stage.sh BINARY FOLDER [ARCHITECTURE]
#   rootfs.tar   links and scripts of root; files and folders of uid 1000 and group 0     bin/ARCH/   the program
# Links, empty folders, owners and modes are made here, because git keeps none of them. Needs GNU tar.
set -eu

binary=$1 out=$2 arch=${3:-amd64}
here=$(cd "$(dirname "$0")" && pwd)

rm -rf "$out"
mkdir -p "$out/rootfs" "$out/writable" "$out/bin/$arch"
cp "$binary" "$out/bin/$arch/barnabas"
chmod 755 "$out/bin/$arch/barnabas"
cp "$here/Dockerfile" "$out/Dockerfile"

# Tools: one list, five places, with and without .sh.
tools() {
    if [ "$arch" = "${HOST_ARCH:-amd64}" ]; then "$binary" tools --names 2>/dev/null || true; fi
    grep -v '^#' "$here/tools.txt"
}
mkdir -p "$out/rootfs/usr/bin" "$out/rootfs/opt/kafka/bin" "$out/rootfs/opt/bitnami/kafka/bin" "$out/writable/kafka/bin"
tools | sort -u | while read -r tool; do
    [ -n "$tool" ] || continue
    ln -s barnabas "$out/rootfs/usr/bin/$tool"
    case $tool in cub | ub) continue ;; esac
    ln -s barnabas "$out/rootfs/usr/bin/$tool.sh"
    for folder in rootfs/opt/kafka/bin rootfs/opt/bitnami/kafka/bin writable/kafka/bin; do
        ln -s /usr/bin/barnabas "$out/$folder/$tool"
        ln -s /usr/bin/barnabas "$out/$folder/$tool.sh"
    done
done

# Scripts and files. Those in /etc/kafka, /etc/confluent and /opt are rewritten by test containers and by people.
cp -R "$here/rootfs/usr/." "$out/rootfs/usr/"
find "$out/rootfs/usr/bin" -type f -exec chmod 755 {} +
for folder in etc opt; do
    mkdir -p "$out/writable/$folder"
    cp -R "$here/rootfs/$folder/." "$out/writable/$folder/"
done
find "$out/writable" -type f -exec chmod 664 {} +
find "$out/writable/etc/kafka/docker" "$out/writable/etc/confluent/docker" "$out/writable/opt/bitnami/scripts" \
    -type f -exec chmod 775 {} +

# Every folder that one of the image families keeps data or configuration in.
while read -r folder; do
    mkdir -p "$out/writable/$folder"
done <<'EOF'
bitnami/kafka/config
bitnami/kafka/data
bitnami/zookeeper/data
data
datalog
docker-entrypoint-initdb.d
etc/kafka/secrets
home/appuser
kafka/data
kafka/logs
mnt/shared/config
opt/bitnami/kafka/config/certs
opt/bitnami/kafka/logs
opt/kafka/data
opt/kafka/logs
tmp/kafka-logs
tmp/kraft-combined-logs
tmp/zookeeper
var/lib/kafka/data
var/lib/zookeeper/data
var/lib/zookeeper/log
var/log/kafka
EOF
find "$out/writable" -type d -exec chmod 2775 {} +

# One archive with both owners. Folders of the system on the way to ours stay as the base has them.
tar -C "$out/rootfs" --numeric-owner --owner=0 --group=0 -cf "$out/rootfs.tar" .
(cd "$out/writable" && find . -mindepth 1 | sed 's|^\./||' |
    grep -vxE 'etc|home|mnt|opt|tmp|var|var/lib|var/log') >"$out/writable.list"
tar -C "$out/writable" --numeric-owner --owner=1000 --group=0 --no-recursion -T "$out/writable.list" -rf "$out/rootfs.tar"
rm -rf "$out/rootfs" "$out/writable" "$out/writable.list"
