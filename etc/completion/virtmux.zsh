#compdef virtmux
# Completion of virtmux in zsh: the program is asked what may stand at the cursor, by
# words without their quotes (client/verbs_completion.c tells the answer's form).
_virtmux() {
	local -a lines whole whole_shown open open_shown
	local line word note shown

	lines=("${(@f)$("${(@Q)words[1]}" __complete zsh "${(@Q)words[2,CURRENT-1]}" \
		"${(Q)PREFIX}" 2>/dev/null)}")
	if [[ $lines[1] == files ]]; then
		compset -P '--[^=]#='
		_files
		return
	fi
	for line in "${(@)lines[2,-1]}"; do
		word=${line%%$'\t'*}
		note=${line#*$'\t'}
		shown=$word
		[[ -n ${note#$'\t'} ]] && shown="$word  -- ${note#$'\t'}"
		if [[ $note == $'\t'* ]]; then
			open+=("$word") open_shown+=("$shown")
		else
			whole+=("$word") whole_shown+=("$shown")
		fi
	done
	local status_of=1
	compadd -l -V whole -d whole_shown -a whole && status_of=0
	compadd -l -V open -S '' -d open_shown -a open && status_of=0
	return status_of
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
	_virtmux "$@"
else
	compdef _virtmux virtmux
fi
