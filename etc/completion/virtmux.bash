# Completion of virtmux in bash: the program is asked what may stand at the cursor. It
# answers with words that are quoted as the line needs them (client/verbs_completion.c).
_virtmux()
{
	local kind word

	COMPREPLY=()
	{
		read -r kind || return 0
		while IFS= read -r word; do
			COMPREPLY+=("$word")
		done
	} < <("$1" __complete bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
	if [ "$kind" = files ]; then
		compopt -o default
	else
		compopt -o nospace -o nosort
	fi
} 2>/dev/null
complete -F _virtmux virtmux
