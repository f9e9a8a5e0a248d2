#!/usr/bin/env bash
# Smallest single-host Ceph + RGW on loopback. Idempotent: starts what is not running. install-ceph.sh installs.
#   KNOWN BUG of Debian's 16.2.15: DeleteObjects (multi-delete) in a bucket WITH notifications aborts radosgw, always. Use DeleteObject.
#   mon (1) + osd (1, memstore) + radosgw (beast) - no mgr, no systemd, as root, everything under $CEPH_DIR.
#   Data is thrown away by stop-ceph.sh (memstore); `start-ceph.sh --fresh` wipes first.
set -euo pipefail
CEPH_DIR=${CEPH_DIR:-${TMPDIR:-/tmp}/weir-ceph}
RGW_PORT=${RGW_PORT:-7480}
MON_PORT=${MON_PORT:-6789}
AK=${RGW_ACCESS_KEY:-testkey}
SK=${RGW_SECRET_KEY:-testsecret}
RGW_USER=${RGW_USER:-tester}
CONF=$CEPH_DIR/ceph.conf
export CEPH_CONF=$CONF
t0=$(date +%s%N); lap() { printf '%6d ms  %s\n' $(( ($(date +%s%N)-t0)/1000000 )) "$*"; }

for program in ceph-mon ceph-osd radosgw; do
  command -v "$program" >/dev/null || { echo "$program is not installed: see install-ceph.sh"; exit 1; }
done

# not `kill -0`: pid 1 here does not reap at once and a zombie would count as alive
alive() { local p; [ -s "$CEPH_DIR/$1.pid" ] && p=$(cat "$CEPH_DIR/$1.pid") && [ -r "/proc/$p/stat" ] && ! grep -q ') Z ' "/proc/$p/stat" 2>/dev/null; }
[ "${1:-}" = --fresh ] && { "$(dirname "$0")/stop-ceph.sh" || true; }
# an incomplete cluster (memstore is gone once the osd is killed) is rebuilt from nothing
if ! { alive mon && alive osd; }; then
  for d in rgw osd mon; do alive $d && kill -9 "$(cat "$CEPH_DIR/$d.pid")" || true; done
  rm -rf "$CEPH_DIR"; mkdir -p "$CEPH_DIR"/{mon,osd,rgw,log,run}
  FSID=$(cat /proc/sys/kernel/random/uuid)
  cat >"$CONF" <<C
[global]
fsid = $FSID
mon initial members = a
mon host = [v2:127.0.0.1:$((MON_PORT-3489)),v1:127.0.0.1:$MON_PORT]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
keyring = $CEPH_DIR/keyring
auth allow insecure global id reclaim = false
run dir = $CEPH_DIR/run
admin socket = $CEPH_DIR/run/\$cluster-\$name.\$pid.asok
log file = $CEPH_DIR/log/\$name.log
log to stderr = false
mon cluster log file = $CEPH_DIR/log/cluster.log
crash dir = $CEPH_DIR/run
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 2000
[mon]
mon data = $CEPH_DIR/mon
mon data avail warn = 1
mon data avail crit = 1
paxos propose interval = 0.05
paxos min wait = 0.01
mon election timeout = 1
[osd]
osd data = $CEPH_DIR/osd
osd objectstore = memstore
memstore device bytes = 4294967296
osd crush initial weight = 1
osd class load list = *
osd class default list = *
# a killed rgw leaves its watch behind and every metadata write waits for it (default 30 s)
osd client watch timeout = 3
osd default notify timeout = 3
[client.rgw]
rgw data = $CEPH_DIR/rgw
rgw frontends = beast endpoint=127.0.0.1:$RGW_PORT
rgw rados pool pg num min = 1
rgw rados pool autoscale bias = 1
rgw override bucket index max shards = 1
rgw num control oids = 1
rgw thread pool size = 32
rgw run sync thread = false
rgw enable lc threads = false
rgw dynamic resharding = false
rgw enable usage log = false
# lets CreateTopic take user:password@ in push-endpoint over plain HTTP when the request carries "X-Forwarded-Proto: https"
rgw trust forwarded https = true
C
  # cephx with one keyring for all ("auth ... = none" makes radosgw 16.2.15 retry its mon for 60 s before it comes up)
  K=$CEPH_DIR/keyring
  ceph-authtool --create-keyring "$K" --gen-key -n mon. --cap mon 'allow *' >/dev/null
  ceph-authtool "$K" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
  ceph-authtool "$K" --gen-key -n client.rgw --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
  ceph-authtool "$K" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' --cap mgr 'allow *'
  monmaptool --create --fsid "$FSID" --addv a "[v2:127.0.0.1:$((MON_PORT-3489)),v1:127.0.0.1:$MON_PORT]" "$CEPH_DIR/monmap" >/dev/null
  ceph-mon -c "$CONF" -i a --mkfs --monmap "$CEPH_DIR/monmap" --keyring "$K"
  lap "mon mkfs"
  # -f (foreground) in the background of this shell: the pid is known and no daemonising games
  setsid ceph-mon -c "$CONF" -i a --no-mon-config -f </dev/null >"$CEPH_DIR/log/mon.out" 2>&1 & echo $! >"$CEPH_DIR/mon.pid"
  OSD_UUID=$(cat /proc/sys/kernel/random/uuid)
  ceph -c "$CONF" osd new "$OSD_UUID" >/dev/null          # waits for the mon by itself
  lap "mon up, osd id given"
  ceph-osd -c "$CONF" -i 0 --mkfs --osd-uuid "$OSD_UUID" >"$CEPH_DIR/log/osd-mkfs.out" 2>&1
  setsid ceph-osd -c "$CONF" -i 0 --no-mon-config -f </dev/null >"$CEPH_DIR/log/osd.out" 2>&1 & echo $! >"$CEPH_DIR/osd.pid"
  lap "osd started"
fi
if alive rgw && ! curl -s -m 5 -o /dev/null "http://127.0.0.1:$RGW_PORT/"; then kill -9 "$(cat "$CEPH_DIR/rgw.pid")" 2>/dev/null || true; sleep 0.2; rm -f "$CEPH_DIR/rgw.pid"; fi
if ! alive rgw; then
  setsid radosgw -c "$CONF" -n client.rgw --no-mon-config -f </dev/null >"$CEPH_DIR/log/rgw.out" 2>&1 & echo $! >"$CEPH_DIR/rgw.pid"
fi
for i in $(seq 1 600); do
  curl -s -o /dev/null "http://127.0.0.1:$RGW_PORT/" && break
  alive rgw || { echo "radosgw died:"; tail -n 5 "$CEPH_DIR/log/rgw.out" "$CEPH_DIR"/log/client.rgw.log; exit 1; }
  sleep 0.1
done
lap "rgw answers on 127.0.0.1:$RGW_PORT"
radosgw-admin -c "$CONF" -n client.rgw user info --uid="$RGW_USER" >/dev/null 2>&1 ||
  radosgw-admin -c "$CONF" -n client.rgw user create --uid="$RGW_USER" --display-name="$RGW_USER" --access-key="$AK" --secret-key="$SK" >/dev/null
lap "user $RGW_USER key=$AK secret=$SK"
