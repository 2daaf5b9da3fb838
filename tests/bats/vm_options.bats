#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=vm
# Every option of 'hull run' does in a machine what it does in a container, or is refused in one line before anything is
# made.
#
# shellcheck disable=SC2154 # run sets stderr

load helpers
load vm_helpers

setup_file() {
	machines_begin
}
teardown_file() {
	stores_end
}
teardown() {
	containers_end
}

machine() {
	hull run --isolation vm "$@"
}

refused() {
	local words=$1

	shift
	run -125 machine --rm "$@" bb true
	has "$words"
	[ "${#lines[@]}" -eq 1 ]
}

# A cgroup file of the machine's jail, in either layout.
limit_of() {
	local pid path

	pid=$(hull inspect --format '{{.State.Pid}}' "$1")
	path=$(awk -F: -v want="$2" '$2 == "" || ("," $2 ",") ~ ("," want ",") { found = $3; if ($2 != "") exit } END { print found }' "/proc/$pid/cgroup")
	cat "/sys/fs/cgroup/$2$path/$3" 2>/dev/null || cat "/sys/fs/cgroup$path/$4"
}

# Which test below is about which option: 'guest' looks from inside, 'host' from outside, 'refused' says no; 'elsewhere'
# is of another file.
TABLE='
add-host guest              attach guest                cap-add guest               cap-drop guest
cgroupns guest              cidfile host                cpu-period host             cpu-quota host
cpu-shares host             cpus elsewhere              cpuset-cpus host            cpuset-mems host
detach host                 detach-keys elsewhere       device refused              dns guest
dns-option guest            dns-search guest            domainname guest            entrypoint guest
env guest                   env-file guest              expose host                 group-add guest
hostname guest              init guest                  interactive guest           ip guest
ipc refused                 isolation elsewhere         kernel elsewhere            label host
log-opt host                mac-address guest           memory elsewhere            memory-reservation host
memory-swap host            mount guest                 name host                   net guest
network refused             oom-score-adj guest         pid refused                 pids-limit guest
platform elsewhere          privileged guest            publish elsewhere           publish-all host
pull elsewhere              read-only guest             restart host                rm guest
rootfs guest                security-opt guest          shm-size guest              stop-signal host
stop-timeout host           sysctl guest                tmpfs guest                 tty elsewhere
ulimit guest                user guest                  userns refused              uts refused
vm-backend elsewhere        vm-image elsewhere          vm-image-format elsewhere   volume guest
volumes-from guest          workdir guest'

@test "no option is without a test here" {
	options=$(hull run --help | sed -n 's/^ \{1,6\}\(-., \)\?--\([a-z-]*\).*/\2/p' | sort -u)
	[ "$(wc -l <<<"$options")" -gt 50 ]
	told=$(tr -s ' ' '\n' <<<"$TABLE" | grep -vxE 'guest|host|refused|elsewhere|' | sort -u)
	diff <(echo "$options") <(echo "$told")
}

@test "what the program sees: names, network, rights, limits, mounts" {
	mkdir -p "$STORES/shared"
	echo one >"$STORES/shared/file"
	echo LISTED=yes >"$STORES/env"
	cat >"$STORES/shared/look" <<-'END'
		echo "args: $*"
		echo "env: $A $LISTED"
		echo "ids: $(id -u) $(id -g) $(id -G)"
		echo "place: $(pwd) $(hostname) $(cat /proc/sys/kernel/domainname) $(cat /proc/1/comm)"
		echo "address: $(ip -4 -o address show eth0 | tr -s ' ' | cut -d ' ' -f 4) $(cat /sys/class/net/eth0/address)"
		echo "hosts: $(grep peer /etc/hosts)"
		echo "resolver: $(tr '\n' ' ' </etc/resolv.conf)"
		grep -E '^(CapBnd|NoNewPrivs|Seccomp):' /proc/self/status
		echo "limits: $(ulimit -n) $(cat /proc/self/oom_score_adj) $(cat /sys/fs/cgroup/pids.max)"
		echo "sysctls: $(cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/shm_rmid_forced /proc/sys/kernel/core_pattern | tr '\n' ' ')"
		df -k | awk '$6 == "/dev/shm" || $6 == "/scratch" { print $6, $2 }'
		touch /x 2>/dev/null || echo 'root: read-only'
		touch /fixed/x 2>/dev/null || echo 'volume: read-only'
		[ "$(cat)" = typed ] && echo "input: typed"
	END
	run -0 --separate-stderr bash -c "echo typed | $(hull_words run --isolation vm --rm -i --init --entrypoint /bin/sh -h sea --domainname home.test --net bridge --ip 10.98.0.77 \
		--mac-address 02:68:00:00:00:77 --add-host peer:192.0.2.9 --dns 192.0.2.53 --dns-search example.org --dns-option ndots:3 -e A=b \
		--env-file "$STORES/env" --group-add 55 -u 1000:50 -w /tmp --cap-drop ALL --cap-add NET_RAW --security-opt no-new-privileges \
		--ulimit nofile=99:199 --oom-score-adj 300 --pids-limit 40 --sysctl net.ipv4.ip_default_ttl=77 --sysctl kernel.shm_rmid_forced=1 --sysctl kernel.core_pattern=/own.core --shm-size 12m \
		--tmpfs /scratch:size=1m --read-only --cgroupns private --mount "type=bind,source=$STORES/shared,target=/fixed,readonly" bb /fixed/look x y)"
	for line in 'args: x y' 'env: b yes' 'ids: 1000 50 50 55' 'place: /tmp sea home.test hull-init' 'address: 10.98.0.77/20 02:68:00:00:00:77' 'resolver: nameserver 192.0.2.53' \
		'search example.org' 'options ndots:3' $'CapBnd:\t0000000000002000' $'NoNewPrivs:\t1' $'Seccomp:\t2' 'limits: 99 300 40' 'sysctls: 77 1 /own.core' '/dev/shm 12288' '/scratch 1024' \
		'root: read-only' 'volume: read-only' 'input: typed'; do
		has "$line"
	done
	like 'hosts: 192.0.2.9.peer'
	[ -z "$stderr" ]
	rm -r "$STORES/shared" "$STORES/env"
}

@test "what this host sees: files, labels, logs, limits of the jail, signals, restarts" {
	machine -d --name box --cidfile "$STORES/cid" -l made=here --log-opt max-size=1m --memory 192m --memory-reservation 160m --memory-swap 224m --cpu-shares 512 \
		--cpuset-cpus 0 --cpuset-mems 0 --stop-signal USR1 --stop-timeout 40 --security-opt seccomp=unconfined bb \
		sh -c 'trap "echo told; exit 9" USR1; grep Seccomp: /proc/self/status; echo up; while :; do sleep 0.2; done' 3>&-
	[ "$(cat "$STORES/cid")" = "$(hull inspect --format '{{.Id}}' box)" ]
	[ "$(hull ps -q --filter label=made=here --no-trunc)" = "$(cat "$STORES/cid")" ]
	pid=$(hull inspect --format '{{.State.Pid}}' box)
	grep -x $'Cpus_allowed_list:\t0' "/proc/$pid/status"
	[ "$(limit_of box memory memory.soft_limit_in_bytes memory.low)" -eq $((160 << 20)) ]
	[[ $(limit_of box cpu cpu.shares cpu.weight) =~ ^(512|20|59|39)$ ]]
	[ "$(limit_of box memory memory.limit_in_bytes memory.max)" -gt $((192 << 20)) ]
	retry $BOOT_SECONDS says box up
	hull logs box | grep -x $'Seccomp:\t0'
	hull stop box
	[ "$(hull inspect --format '{{.State.ExitCode}}' box)" -eq 9 ]
	hull logs box | grep -x told
	rm "$STORES/cid"
}

# Its root is the guest's, its kernel's: of this host it has no more than any other.
@test "--privileged: all of the guest, and nothing of this host" {
	local first pid

	machine -d --name root --privileged -v "$STORES/rootfs:/v" bb sh -c 'grep -E "^(CapEff|NoNewPrivs|Seccomp):" /proc/self/status
		mkdir /m && mount -t tmpfs none /m && echo mounted; echo 7 >/proc/sys/kernel/printk && echo written
		head -c 512 /dev/vda | wc -c; mknod /node c 1 8 && head -c 4 /node | wc -c
		[ -e /dev/kvm ] || echo no kvm; mknod /v/disk b 8 0 || echo refused; touch /v/etc/new || echo denied
		echo up; while :; do sleep 0.2; done' >/dev/null 3>&-
	retry $BOOT_SECONDS says root up
	run -0 hull logs root
	for line in $'CapEff:\t000001ffffffffff' $'NoNewPrivs:\t0' $'Seccomp:\t0' mounted written 512 4 'no kvm' refused denied; do
		grep -qxF "$line" <<<"$output" || { echo "missing: $line in $output" && false; }
	done
	first=$(hull inspect --format '{{.State.Pid}}' root)
	for pid in "$first" $(pgrep -P "$first"); do
		[ "$(awk '$1 == "Uid:" { print ($2 >= 0x70000000) }' "/proc/$pid/status")" -eq 1 ]
		grep -qx $'NoNewPrivs:\t1' "/proc/$pid/status"
		grep -qx $'Seccomp:\t2' "/proc/$pid/status"
		# But for the server of files, which has what serving needs within the jail.
		[ "$(cat "/proc/$pid/comm")" = hull-vmm ] && [ "$pid" != "$first" ] || grep -Eqx 'CapEff:.0+' "/proc/$pid/status"
		[ ! -e "/proc/$pid/root/dev/sda" ] && [ ! -e "/proc/$pid/root/sys" ]
	done
	[ ! -e "$STORES/rootfs/disk" ] && [ ! -e "$STORES/rootfs/etc/new" ]
}

# What a volume's words do, one row a volume: whether it can be written, who owns a file, what /proc says of it, whether
# a program in it runs and a link leads on.
# shellcheck disable=SC2016 # for the shell inside
LOOK='for folder in /v/*; do
	[ -d "$folder" ] || continue
	written=no runs=no linked=no
	touch "$folder/new" 2>/dev/null && written=yes
	"$folder/true" 2>/dev/null && runs=yes
	cat "$folder/link" >/dev/null 2>&1 && linked=yes
	words=$(awk -v at="$folder" "\$2 == at { print \$4 }" /proc/mounts | tr , "\n" | grep -xE "ro|rw|noexec|nosuid|nodev|noatime|nosymfollow" | sort | tr "\n" ,)
	echo "${folder#/v/}: $written $(stat -c %u:%g "$folder/file") runs=$runs linked=$linked $words"
done; echo up; while [ ! -e /end/now ]; do sleep 0.2; done
for folder in /v/*; do [ ! -e "$folder/later/seen" ] || echo "${folder#/v/} sees what is mounted later"; done'

# look ISOLATION: the rows for every word that -v takes.
look() {
	local word place options=() words=()

	read -ra words <<<'ro rw,exec,suid,dev,relatime idmap U idmap,U noexec nosuid nodev private rprivate shared rshared slave rslave unbindable,strictatime noatime nosymfollow'
	mkdir -p "$STORES/look/end"
	mount --bind "$STORES/look" "$STORES/look"
	mount --make-shared "$STORES/look"
	options=(-v "$STORES/look/end:/end")
	for word in "${words[@]}"; do
		place=$STORES/look/$word
		mkdir -p "$place/later"
		chmod 777 "$place"
		echo "$word" >"$place/file"
		ln -s file "$place/link"
		cp "$STORES/rootfs/bin/busybox" "$place/true"
		options+=(-v "$place:/v/${word//,/-}:$word")
	done
	hull run -d --name "$1" --network none --isolation "$1" -u app "${options[@]}" bb sh -c "$LOOK" >/dev/null 3>&-
	retry $BOOT_SECONDS says "$1" up
	for word in "${words[@]}"; do
		mount -t tmpfs later "$STORES/look/$word/later"
		touch "$STORES/look/$word/later/seen"
	done
	touch "$STORES/look/end/now"
	hull wait "$1" >/dev/null
	for word in "${words[@]}"; do umount "$STORES/look/$word/later"; done
	umount "$STORES/look"
	rm -r "$STORES/look"
	hull logs "$1" >"$STORES/look.$1"
	hull rm "$1" >/dev/null
}

@test "volumes: each word of -v means what it means for a container" {
	look ns
	look vm
	diff "$STORES/look.ns" "$STORES/look.vm"
	run -0 cat "$STORES/look.vm"
	[ "${lines[0]}" = 'U: yes 1000:1000 runs=yes linked=yes rw,' ]
	has $'\nnoexec: yes 65534:65534 runs=no linked=yes noexec,rw,\n'
	[ "$(grep -c 'sees what is mounted later' "$STORES/look.vm")" -eq 4 ]
	rm "$STORES/look.ns" "$STORES/look.vm"
}

@test "a restart policy, every exposed port, a folder of the host as root" {
	hull image import -q --name exposing -c 'EXPOSE 80' -c 'CMD ["sh"]' "$STORES/rootfs" >/dev/null
	machine -d --name again --restart on-failure:1 -P exposing sh -c 'echo began; exit 3' 3>&-
	twice() { [ "$(hull logs again | grep -c began)" -eq 2 ] && [ "$(hull inspect --format '{{.State.Status}}' again)" = exited ]; }
	like '^[0-9]+$' "$(hull inspect --format json again | jq '[.. | .hostPort? // .HostPort? // empty] | .[0] | tonumber')"
	retry $((2 * BOOT_SECONDS)) twice
	[ "$(hull inspect --format '{{.State.ExitCode}} {{.State.RestartCount}}' again)" = '3 1' ]
	cp -a "$STORES/rootfs" "$STORES/root"
	run -4 machine --rm --network none --rootfs "$STORES/root" sh -c 'echo in >/made; ip -o link | grep -vc " lo:"; exit 4'
	is 0
	[ "$(cat "$STORES/root/made")" = in ]
	rm -r "$STORES/root"
}

@test "streams that are named, a port more, a part of processors, the volumes of another" {
	run -3 --separate-stderr machine --rm --network none -a stdout bb sh -c 'echo out; echo err >&2; exit 3'
	[ "$output/$stderr" = out/ ]
	machine -d --name first -P --expose 81 --cpu-period 50000 --cpu-quota 75000 -v shared:/made bb \
		sh -c 'echo there >/made/file; echo "processors: $(nproc)"; while :; do sleep 0.2; done' >/dev/null 3>&-
	retry $BOOT_SECONDS says first 'processors: 2'
	[[ $(limit_of first cpu cpu.cfs_quota_us cpu.max) =~ ^75000 ]]
	[ "$(hull inspect --format json first | jq '[.. | .containerPort? // empty] | .[0]')" -eq 81 ]
	run -0 machine --rm --network none --volumes-from first bb cat /made/file
	is there
}

@test "what would take a machine's isolation away, or cannot be, is refused" {
	hull run -d --name other bb sleep 1000 3>&-
	refused "network 'host'" --network host
	refused 'the network namespace of container' --network container:other
	refused "the host's pid namespace" --pid host
	refused "the pid namespace of container" --pid container:other
	refused "the host's ipc namespace" --ipc host
	refused "the ipc namespace of container" --ipc container:other
	refused "the host's uts namespace" --uts host
	refused "the host's user ids" --userns host
	refused "the host's user ids" --privileged --userns host
	refused "a machine has no devices of the host's" --device /dev/fuse
	refused "'U' and 'ro' together: not possible for machines" -v "$STORES/rootfs:/data:U,ro"
	refused "'Z' is for SELinux labels" -v "$STORES/rootfs:/data:Z"
	refused "unknown word 'nocopy'" -v data:/data:nocopy
	refused "profiles and labels are of the host's kernel" --security-opt apparmor=profile
	hull ps -a --format '{{.Names}}' | grep -cx other | grep -x 1
	[ "$(hull ps -aq | wc -l)" -eq 1 ]
}
