# bash completion for tro; in zsh after `autoload -U bashcompinit && bashcompinit`. What there is, is asked of tro itself: tro [COMMAND] --help.

_tro() {
	local current=${COMP_WORDS[COMP_CWORD]} words=("${COMP_WORDS[@]:1:COMP_CWORD-1}") names
	names=$("${COMP_WORDS[0]}" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p')
	if [[ $COMP_CWORD -eq 1 ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(cut -d ' ' -f 1 <<< "$names" | sort -u)" -- "$current")
	elif [[ $COMP_CWORD -eq 2 ]] && grep -q "^${words[0]} " <<< "$names"; then
		mapfile -t COMPREPLY < <(compgen -W "$(sed -n "s/^${words[0]} //p" <<< "$names")" -- "$current")
	elif [[ $current == -* ]]; then
		grep -qx "${words[0]} ${words[1]:-}" <<< "$names" && words=("${words[@]:0:2}") || words=("${words[0]}")
		mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" "${words[@]}" --help | grep -o -- '--[a-z][a-z-]*' | sort -u)" -- "$current")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
	fi
}
complete -F _tro tro
