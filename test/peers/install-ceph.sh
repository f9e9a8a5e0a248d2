#!/usr/bin/env bash
# Debian's packages of a real S3 server with event webhooks: 61 MB, under half a minute. Needs root and apt-get.
set -euo pipefail
if command -v ceph-mon >/dev/null && command -v ceph-osd >/dev/null && command -v radosgw >/dev/null; then exit 0; fi
[ "$(id -u)" = 0 ] || { echo "not root"; exit 1; }
command -v apt-get >/dev/null || { echo "no apt-get"; exit 1; }
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get -o DPkg::Lock::Timeout=50 install -y -q --no-install-recommends ceph-mon ceph-osd radosgw
