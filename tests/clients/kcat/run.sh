#!/usr/bin/env bash
# Acceptance suite: kcat against any broker. Debian 12's kcat 1.7.1 (librdkafka 2.0.2, package kcat=1.7.1-2) is the one to
# keep: it misreads tagged fields that carry default values. Run: BOOTSTRAP=127.0.0.1:9092 ./run.sh [name part]...
# Needs: kcat, and nothing else.
set -u
bootstrap=${BOOTSTRAP:-127.0.0.1:9092}
run=$(date +%s%N | tail -c 9)$$
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

k() { timeout 15 kcat -b "$bootstrap" "$@" 2>>"$work/stderr"; }

unique() { echo "kcat-$1-$run-$RANDOM"; }

# made NAME: a topic that exists and has a leader (kcat creates it by asking for it)
made() {
  local i
  for i in $(seq 10); do
    printf 'warm\n' | k -P -t "$1" -p 0 -X message.timeout.ms=3000 >/dev/null && return
    sleep 0.1
  done
  return 1
}

# same WANT GOT WHAT
same() { [ "$1" = "$2" ] || { echo "$3: expected <$1>, got <$2>"; return 1; }; }

# check NAME FUNCTION [ARGS]: starts a check; four run at a time
check() {
  local part wanted=0
  for part in "${filters[@]}"; do case $1 in *"$part"*) wanted=1;; esac; done
  [ ${#filters[@]} -eq 0 ] || [ "$wanted" = 1 ] || return 0
  while [ "$(jobs -rp | wc -l)" -ge 4 ]; do sleep 0.05; done
  outcome "$@" &
}

outcome() {
  local name=$1 reason
  shift
  work=$work/$name
  mkdir "$work"
  : > "$work/stderr"
  if [ "$SECONDS" -gt 90 ]; then reason='not run: the suite took too long'
  elif reason=$("$@"); then echo "ok - $name"; return
  fi
  touch "$work/failed"
  echo "not ok - $name: $(echo "$reason" "$(tail -n 2 "$work/stderr")" | tr '\n' ' ')"
}

lists_metadata() {
  local topic out
  topic=$(unique meta)
  made "$topic" || { echo 'the topic cannot be created'; return 1; }
  out=$(k -L -t "$topic") || { echo 'kcat -L fails'; return 1; }
  same 1 "$(grep -c "topic \"$topic\" with" <<<"$out")" 'the topic in the list' || return
  same 1 "$(grep -c 'broker .* at .*controller' <<<"$out")" 'brokers and the controller' || return
  same 0 "$(k -J -L -t "$topic" | grep -c '"error"')" 'errors in the metadata'
}

auto_creates() {
  local topic
  topic=$(unique auto)
  printf 'first\n' | k -P -t "$topic" -X message.timeout.ms=10000 || { echo 'produce fails'; return 1; }
  same first "$(k -C -t "$topic" -o beginning -e -q)" 'value'
}

round_trip() {   # CODEC
  local topic want got
  topic=$(unique "codec-$1")
  made "$topic" || { echo 'the topic cannot be created'; return 1; }
  want=$(seq 1 1000 | sed 's/.*/key-&\tvalue-&/')
  k -P -t "$topic" -p 0 -K $'\t' -z "$1" -X linger.ms=100 <<<"$want" || { echo 'produce fails'; return 1; }
  got=$(k -C -t "$topic" -p 0 -o 1 -e -q -f '%k\t%s\n')
  same "$(cksum <<<"$want")" "$(cksum <<<"$got")" 'checksum of keys and values' || return
  same 'key-500' "$(k -C -t "$topic" -p 0 -o 500 -c 1 -q -f '%k')" 'key at an offset inside the batch'
}

# librdkafka drops compression without a word if Produce is not offered from version 0; then the broker refuses 2 MB.
compression_is_kept() {   # CODEC
  local topic
  topic=$(unique kept)
  made "$topic" || { echo 'the topic cannot be created'; return 1; }
  { head -c 2000000 /dev/zero | tr '\0' x; echo; } > "$work/payload"
  k -P -t "$topic" -p 0 -z "$1" -X message.max.bytes=5000000 < "$work/payload" || { echo 'refused, so not compressed'; return 1; }
  same 2000001 "$(k -C -t "$topic" -p 0 -o 1 -c 1 -e -q | wc -c | tr -d ' ')" 'bytes read back'
}

headers_and_nulls() {
  local topic
  topic=$(unique shapes)
  made "$topic" || { echo 'the topic cannot be created'; return 1; }
  printf 'value\n' | k -P -t "$topic" -p 0 -k key -H a=1 -H a=2 -H 'empty='
  printf 'tombstone:\n' | k -P -t "$topic" -p 0 -K : -Z
  printf 'no key\n' | k -P -t "$topic" -p 0
  same 'key|value|a=1,a=2,empty=|5;tombstone|||-1;|no key||6;' \
    "$(k -C -t "$topic" -p 0 -o 1 -e -q -f '%k|%s|%h|%S;')" 'records'
}

acks() {
  local topic level
  topic=$(unique acks)
  made "$topic" || { echo 'the topic cannot be created'; return 1; }
  for level in 0 1 -1; do seq 10 | k -P -t "$topic" -p 0 -X acks=$level || { echo "acks=$level fails"; return 1; }; done
  sleep 0.3
  same 31 "$(k -C -t "$topic" -p 0 -o beginning -e -q | wc -l | tr -d ' ')" 'records'
}

idempotent() {
  local topic
  topic=$(unique idem)
  made "$topic" || { echo 'the topic cannot be created'; return 1; }
  seq 5000 | k -P -t "$topic" -p 0 -X enable.idempotence=true -X batch.num.messages=100 || { echo 'produce fails'; return 1; }
  same "$(seq 5000 | cksum)" "$(k -C -t "$topic" -p 0 -o 1 -e -q | cksum)" 'records in order'
}

offsets_by_time() {
  local topic now
  topic=$(unique time)
  made "$topic" || { echo 'the topic cannot be created'; return 1; }
  sleep 0.3
  now=$(date +%s%3N)
  seq 3 | k -P -t "$topic" -p 0
  same "$topic [0] offset 1" "$(k -Q -t "$topic:0:$now")" 'first offset since a time' || return
  same "$topic [0] offset 4" "$(k -Q -t "$topic:0:-1")" 'end offset' || return
  same "$topic [0] offset 0" "$(k -Q -t "$topic:0:-2")" 'start offset' || return
  same "1 2 3 " "$(k -C -t "$topic" -p 0 -o "s@$now" -e -q | tr '\n' ' ')" 'records since a time'
}

tail_and_timestamps() {
  local topic before stamp
  topic=$(unique tail)
  before=$(date +%s%3N)
  made "$topic" || { echo 'the topic cannot be created'; return 1; }
  seq 10 | k -P -t "$topic" -p 0
  same "9 10 " "$(k -C -t "$topic" -p 0 -o -2 -e -q | tr '\n' ' ')" 'the last two records' || return
  stamp=$(k -C -t "$topic" -p 0 -o -1 -e -q -f '%T')
  [ "$stamp" -ge "$before" ] || { echo "timestamp $stamp before $before"; return 1; }
}

tiny_fetch() {
  local topic
  topic=$(unique tiny)
  made "$topic" || { echo 'the topic cannot be created'; return 1; }
  for _ in 1 2 3; do { head -c 5000 /dev/zero | tr '\0' y; echo; } | k -P -t "$topic" -p 0; done
  same 3 "$(k -C -t "$topic" -p 0 -o 1 -e -q -f '%S\n' -X fetch.message.max.bytes=1000 -X fetch.max.bytes=1000 \
    -X message.max.bytes=1000 -X receive.message.max.bytes=100000 | grep -c 5000)" 'records larger than the limit'
}

balanced_group() {
  local topic group
  topic=$(unique group) group=$(unique id)
  made "$topic" || { echo 'the topic cannot be created'; return 1; }
  seq 10 | k -P -t "$topic" -p 0
  same 11 "$(k -G "$group" -X auto.offset.reset=earliest -c 11 -q "$topic" | wc -l | tr -d ' ')" 'records of the first run' || return
  printf 'later\n' | k -P -t "$topic" -p 0
  same later "$(k -G "$group" -X auto.offset.reset=earliest -c 1 -q "$topic")" 'first record after a restart'
}

cooperative_group() {
  local topic group
  topic=$(unique coop) group=$(unique id)
  made "$topic" || { echo 'the topic cannot be created'; return 1; }
  same warm "$(k -G "$group" -X auto.offset.reset=earliest -X partition.assignment.strategy=cooperative-sticky \
    -X group.instance.id=only -c 1 -q "$topic")" 'record'
}

waits_for_data() {
  local topic
  topic=$(unique wait)
  made "$topic" || { echo 'the topic cannot be created'; return 1; }
  k -C -t "$topic" -p 0 -o end -c 1 -q -X fetch.wait.max.ms=10000 > "$work/waited" &
  sleep 1
  printf 'now\n' | k -P -t "$topic" -p 0
  local start=$SECONDS
  wait $!
  same now "$(cat "$work/waited")" 'record' || return
  [ $((SECONDS - start)) -lt 5 ] || { echo 'a waiting fetch does not end when data arrives'; return 1; }
}

too_large() {
  local topic
  topic=$(unique large)
  made "$topic" || { echo 'the topic cannot be created'; return 1; }
  head -c 1500000 /dev/urandom | base64 -w 0 > "$work/payload"
  if k -P -t "$topic" -p 0 -X message.max.bytes=5000000 < "$work/payload"; then echo 'accepted'; return 1; fi
  grep -q 'Message size too large' "$work/stderr" || { echo 'another error'; return 1; }
}

unknown_partition() {
  local topic
  topic=$(unique part)
  made "$topic" || { echo 'the topic cannot be created'; return 1; }
  k -C -t "$topic" -p 77 -o beginning -e -q
  grep -q 'partition 77 does not exist' "$work/stderr" || { echo 'no word about the unknown partition'; return 1; }
}

filters=("$@")
check metadata_list lists_metadata
check auto_create_by_produce auto_creates
for codec in none gzip snappy lz4 zstd; do check "round_trip_$codec" round_trip "$codec"; done
for codec in gzip snappy lz4 zstd; do check "compression_is_kept_$codec" compression_is_kept "$codec"; done
check headers_and_nulls headers_and_nulls
check acks_0_1_all acks
check idempotent_order idempotent
check offsets_by_time offsets_by_time
check tail_and_timestamps tail_and_timestamps
check fetch_limits_below_one_record tiny_fetch
check group_resumes balanced_group
check group_cooperative_static cooperative_group
check long_poll_ends_when_data_arrives waits_for_data
check record_too_large too_large
check unknown_partition unknown_partition
wait
[ -z "$(find "$work" -name failed)" ]
