# Completion of virtmux in fish: the program is asked what may stand at the cursor, by
# words without their quotes (client/verbs_completion.c tells the answer's form).
function __virtmux_complete
	set -l words (commandline -opc)
	set -l last (commandline -ct)
	set -l plain (string unescape -- $last 2>/dev/null)
	or set plain (string replace -r '^[\'"]' '' -- $last)
	set -l lines ($words[1] __complete fish $words[2..-1] "$plain" 2>/dev/null)
	if test "$lines[1]" = files
		set -l option (string match -r '^--[^=]*=' -- "$plain")
		for path in (__fish_complete_path (string replace -r '^--[^=]*=' '' -- "$plain"))
			echo "$option$path"
		end
		return
	end
	for line in $lines[2..-1]
		string replace -r '\t\t' '\t' -- $line
	end
end
complete -c virtmux -k -f -a '(__virtmux_complete)'
