#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# generate.sh IMAHOST bash|zsh|fish: completion for that shell, from what the
# commands say of themselves (--help).
set -eu
imahost=$1
shell=$2
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# table PATH: for it and all below, lines of `PATH|command|NAME|ABOUT` and
# `PATH|option|NAMES|ABOUT`, or `value` where the option takes one.
table() {
	# shellcheck disable=SC2086 # words of a path
	"$imahost" $1 --help >"$work/help"
	awk -v path="$1" '
		/^[A-Z][a-z]*:$/ { section = $1; next }
		/^  / && (section == "Commands:" || section == "Options:") {
			line = substr($0, 3)
			about = ""
			if (match(line, /  +/)) {
				about = substr(line, RSTART + RLENGTH)
				line = substr(line, 1, RSTART - 1)
			}
			kind = section == "Commands:" ? "command" : line ~ /</ ? "value" : "option"
			sub(/ [<(].*/, "", line)
			sub(/^-[?], /, "", line)
			gsub(/[|]/, "/", about)
			print path "|" kind "|" line "|" about
		}' "$work/help" >"$work/part"
	cat "$work/part" >>"$work/table"
	# shellcheck disable=SC2013 # words
	for name in $(awk -F'|' '$2 == "command" { print $3 }' "$work/part"); do
		table "${1:+$1 }$name"
	done
}

# words PATH KIND...: the names, each a word.
words() {
	awk -F'|' -v path="$1" -v kinds="$2" '
		$1 == path && index(kinds, $2) { gsub(/,/, "", $3); printf "%s%s", gap, $3; gap = " " }' "$work/table"
}

paths() {
	awk -F'|' '$2 == "command" { print ($1 == "" ? "" : $1 " ") $3 }' "$work/table"
}

cases() {
	for path in "" $(paths | tr ' ' ':'); do
		path=$(echo "$path" | tr ':' ' ')
		printf '\t"%s")\n\t\tcommands="%s"\n\t\toptions="%s"\n\t\ttakes=" %s "\n\t\t;;\n' \
			"$path" "$(words "$path" command)" "$(words "$path" "option value")" "$(words "$path" value)"
	done
}

# Both shells count words alike: which command is it, from the first $1 words?
bash_and_zsh() {
	cat <<-'END'
		__imahost_find() {
			local word next
			found=
			for word; do
				next=${found:+$found }$word
				case "$next" in
	END
	# shellcheck disable=SC2016 # for the shell that reads it
	printf '\t\t%s) found=$next ;;\n' "$(paths | sed 's/.*/"&"/' | paste -sd'|')"
	cat <<-'END'
				esac
			done
			case "$found" in
	END
	cases
	cat <<-'END'
			esac
		}
	END
}

of_bash() {
	echo "# bash completion of imahost(8), made by packaging/completion/generate.sh"
	bash_and_zsh
	cat <<-'END'
		_imahost() {
			local found commands options takes
			local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
			__imahost_find "${COMP_WORDS[@]:1:COMP_CWORD-1}"
			if [[ $takes == *" $before "* ]]; then
				compopt -o filenames
				mapfile -t COMPREPLY < <(compgen -f -- "$current")
			elif [[ $current == -* ]]; then
				mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
			elif [[ $commands ]]; then
				mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
			else
				compopt -o filenames
				mapfile -t COMPREPLY < <(compgen -f -- "$current")
			fi
		}
		complete -F _imahost imahost
	END
}

of_zsh() {
	echo "#compdef imahost"
	echo "# zsh completion of imahost(8), made by packaging/completion/generate.sh"
	bash_and_zsh
	cat <<-'END'
		_imahost() {
			local found commands options takes
			__imahost_find "${(@)words[2,CURRENT-1]}"
			if [[ $takes == *" ${words[CURRENT-1]} "* ]]; then
				_files
			elif [[ ${words[CURRENT]} == -* ]]; then
				compadd -- ${=options}
			elif [[ -n $commands ]]; then
				compadd -- ${=commands}
			else
				_files
			fi
		}
		_imahost "$@"
	END
}

of_fish() {
	echo "# fish completion of imahost(8), made by packaging/completion/generate.sh"
	printf 'set -g __imahost_paths %s\n' "$(paths | sed "s/.*/'&'/" | paste -sd' ')"
	cat <<-'END'
		function __imahost_path
		    set -l found
		    for word in (commandline -opc)[2..-1]
		        set -l next (string join ' ' $found $word)
		        contains -- $next $__imahost_paths; and set found $next
		    end
		    test "$found" = "$argv[1]"
		end
	END
	awk -F'|' -v quote="'" '{
		gsub(quote, "\\" quote, $4)
		line = "complete -c imahost -n " quote "__imahost_path \"" $1 "\"" quote
		if ($2 == "command") {
			print line " -f -a " $3 " -d " quote $4 quote
			next
		}
		count = split($3, names, ", ")
		for (i = 1; i <= count; i++) {
			name = names[i]
			line = line (sub(/^--/, "", name) ? " -l " : sub(/^-/, "", name) ? " -s " : "") name
		}
		print line ($2 == "value" ? " -r" : "") " -d " quote $4 quote
	}' "$work/table"
}

: >"$work/table"
table ""
"of_$shell"
