#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# info, version, documentation, and what is wrong on a command line

# shellcheck disable=SC2154 # run sets stderr
load helpers
setup_file() {
	stores_begin
	image_begin
}
teardown_file() {
	stores_end
}
teardown() {
	containers_end
}

@test "version: of hull, of the specification, of libraries" {
	run hull version
	has "version: "
	has "libseccomp: "
	run hull version --format '{{.OciVersion}}'
	like '^1\.[0-9]+\.[0-9]+$'
	run hull version --format json
	has '"imageImport":true'
	run hull --version
	is "hull version $(hull version --format '{{.Version}}')"
}

@test "info: counts, stores, what the host has" {
	hull run -d bb sleep 100
	hull create bb true
	run hull info --format '{{.Containers.Total}} {{.Containers.Running}} {{.Containers.Created}} {{.Images}} {{.Network.AddressesHeld}}'
	is '2 1 1 1 1'
	run hull info --format '{{.Host.Kernel}} {{.Stores.Data}}'
	is "$(uname -r) $STORES/data"
	run hull info
	has 'layout: '
	has 'addressesHeld: 1'
}

@test "help, man page and completion know every command" {
	run hull --help
	help=$output
	man_page=$(hull __man)
	completion=$(hull __complete bash)
	for command in run create start ps exec attach logs stop kill rm wait inspect pause unpause 'image ls' 'image import' \
		'image rm' 'image inspect' info version; do
		[[ $help == *"  $command "* ]]
		[[ $man_page == *".It Cm $command"* ]]
		[[ $completion == *"'$command')"* ]]
		# shellcheck disable=SC2086
		run hull $command --help
		has "Usage: hull $command"
		# shellcheck disable=SC2086
		run hull __man $command
		has ".Dt hull-${command/ /-} 1"
	done
	[[ $help != *__* ]]
	bash -n <(echo "$completion")
	run -125 hull __complete fish
	run -125 hull __man nosuch
}

@test "completion offers commands, options, names" {
	hull create --name made bb true
	cat >"$STORES/complete" <<-END
		hull() { $(declare -f hull | tail -n +2); }
		HULL=$HULL STORES=$STORES
		$(hull __complete bash)
		COMP_WORDS=("\$@") COMP_CWORD=\$((\$# - 1))
		_hull
		echo "\${COMPREPLY[@]}"
	END
	complete() {
		run bash "$STORES/complete" "$@"
	}
	complete hull ins
	has inspect
	complete hull ps --no
	is --no-trunc
	complete hull start ma
	is made
	complete hull run b
	has bb:latest
	complete hull image import --format 'do'
	is docker
	complete hull run --cidfile b
	is ''
}

# Each line: what is wrong (part of the message), then the command.
@test "what is wrong is one line, code 125, and leaves nothing" {
	while IFS='|' read -r words command; do
		[ -n "$command" ] || continue
		# shellcheck disable=SC2086
		run -125 --separate-stderr hull $command
		output=$stderr has "$words"
		[ "$(wc -l <<<"$stderr")" -eq 1 ]
		[[ $stderr == 'hull: '* ]]
	done <<-'END'
		unknown command 'nosuch': see 'hull --help'|nosuch
		unknown command 'image nosuch': see 'hull --help'|image nosuch
		unknown command 'pull': hull talks to no registry: take an image from a file|pull busybox
		unknown command 'image prune': 'hull rmi IMAGE' removes|image prune
		unknown command 'container ls': say 'hull ps'|help container ls
		unknown command 'container': leave the word|container start x
		unknown option '--nosuch'|ps --nosuch
		takes no arguments|ps extra
		too few arguments: want CONTAINER...|stop
		too few arguments|exec one
		too many arguments|logs one two
		'x' is no number of seconds|stop -t x web
		'-5' is no number of seconds|stop -t -5 web
		'NOPE' is no signal|kill -s NOPE web
		filter 'x=y': want KEY=VALUE|ps -f x=y
		want one of created, creating|ps -f status=x
		'{{' without '}}'|ps --format {{.ID
		there is no field .Nope|version --format {{.Nope}}
		want a field as .Name|version --format {{range}}
		it is empty|version --format {{}}
		leave out '--format'|ps -q --format json
		'--follow' goes on|logs -f --until 1h web
		does not take 'maybe'|attach --sig-proxy maybe web
		want keys such as|attach --detach-keys ctrl-@@ web
		no container 'nosuch'|rm nosuch
		no container 'nosuch'|attach nosuch
		needs a value|kill -s
		want absolute paths|--root relative ps
		unknown log level 'loud'|--log-level loud ps
	END
}

@test "who is not root is told" {
	command -v setpriv
	run -125 setpriv --reuid 65534 --clear-groups "$HULL" --root "$STORES/run" --data "$STORES/data" ps
	[ ${#lines[@]} -eq 1 ]
}
