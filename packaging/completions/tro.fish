# fish completion for tro. What there is, is asked of tro itself: tro [COMMAND] --help.
function __tro_commands
	tro --help | string match -r --groups-only '^  ([a-z]+(?: [a-z]+)?)  +(.*)' | paste - -
end
complete -c tro -f -n 'test (count (commandline -opc)) -eq 1' -a '(__tro_commands | string replace -r "^([a-z]+)[^\t]*" "\$1")'
complete -c tro -f -n 'test (count (commandline -opc)) -eq 2' -a '(__tro_commands | string match -r --groups-only "^"(commandline -opc)[2]" ([a-z]+\t.*)")'
complete -c tro -n 'test (count (commandline -opc)) -gt 1' -a '(tro (commandline -opc)[2..3] --help | string match -ra -- "--[a-z][a-z-]*")'
