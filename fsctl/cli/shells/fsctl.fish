# Completion of fsctl in fish, from 3.4 on.
# Made by `fsctl completion fish`: a change belongs into fsctl/cli/shells or the commands.
#
# The words stand in the tables. Names (profiles, connections, actions, topics) stand in flat files
# that fsctl keeps; they are printed as they are, and never expanded.

@TABLES@

# The words before the cursor; fish leaves out what redirects, and leaves in where it goes.
function __fsctl_tokens --no-scope-shadowing
    set tokens (commandline -opc)
    set -l typed (commandline -pc)
    string match -qr '[<>]' -- $typed
    or return
    set -l pieces (string match -ra -- '[0-9]*(?:>>?|<)[&?|]?|&>>?|(?:\\\\.|\'(?:[^\'\\\\]|\\\\.)*\'|"(?:[^"\\\\]|\\\\.)*"|[^\s<>&\'"\\\\])+' $typed)
    set -l kept
    set -l place 0
    set -l target
    for piece in $pieces
        if string match -qr '^(?:[0-9]*[<>]|&>)' -- $piece
            set target 1
        else
            set place (math $place + 1)
            test -n "$target"
            or set -a kept $tokens[$place]
            set target
        end
    end
    set tokens $kept
end

# Follow the words before the cursor down the tree. Sets for the caller: what can follow, which
# kind of value the word at the cursor is, and what of the word stands before that value.
function __fsctl_walk --no-scope-shadowing
    __fsctl_tokens
    set current (commandline -ct)
    set kind
    set lead
    set ended
    set used
    set profile
    set transport
    set -l path
    set -l position 0
    set -l pending
    set -l name
    set -l index 1
    __fsctl_table ''
    for word in $tokens[2..]
        set index (math $index + 1)
        if test -n "$pending"
            __fsctl_note $name $word
            set pending
        else if test -n "$ended"
            set position (math $position + 1)
        else if test "$word" = --
            set ended 1
        else if string match -q -- '--*=*' $word
            set name (string replace -r '=.*' '' -- $word)
            __fsctl_find $name
            and set -a used $found_names
            __fsctl_note $name (string replace -r '^[^=]*=' '' -- $word)
        else if string match -q -- '--*' $word
            set name $word
            if __fsctl_find $name
                set -a used $found_names
                set pending (string replace -rf '^=' '' -- $found_takes)
                test -n "$pending"
                or __fsctl_note $name ''
            end
        else if string match -q -- '-?*' $word
            for letter in (string split '' -- (string sub -s 2 -- $word))
                if test -n "$pending"
                    set pending
                    break
                end
                __fsctl_find -$letter
                or break
                set -a used $found_names
                set pending (string replace -rf '^=' '' -- $found_takes)
            end
        else if set -q commands[1]
            set path (string trim -- "$path $word")
            __fsctl_table $path
        else
            set position (math $position + 1)
            string match -q 'command*' -- "$arguments"
            and set ended 1
        end
        if test -n "$ended"; and string match -q 'command*' -- "$arguments"
            test "$word" = --
            and set index (math $index + 1)
            set kind command
            set command_at $index
            return
        end
    end
    if test -n "$pending"
        set kind $pending
    else if test -z "$ended"; and string match -q -- '--*=*' $current
        set lead (string match -r -- '^[^=]*=' $current)
        __fsctl_find (string trim -r -c = -- $lead)
        and set kind (string replace -rf '^=' '' -- $found_takes)
    else if test -z "$ended"; and string match -q -- '-*' $current
        set kind option
        __fsctl_bundled
    else if set -q commands[1]
        set kind word
    else
        set -l kinds (string split ' ' -- $arguments)
        if set -q kinds[(math $position + 1)]
            set kind (string trim -r -c + -- $kinds[(math $position + 1)])
        else if string match -q '*+' -- "$kinds[-1]"
            set kind (string trim -r -c + -- $kinds[-1])
        end
    end
end

# -ojs, -qojs: the value of the word at the cursor begins behind the letter that takes one.
function __fsctl_bundled --no-scope-shadowing
    set -l before -
    for letter in (string split '' -- (string match -rg '^-([^-].*).$' -- $current))
        __fsctl_find -$letter
        or return
        set before $before$letter
        if string match -q '=*' -- $found_takes
            set kind (string sub -s 2 -- $found_takes)
            set lead $before
            return
        end
    end
end

# The option of that name: its names, and what it takes (=KIND, ~, or nothing).
function __fsctl_find --no-scope-shadowing
    set -l pattern (string escape --style=regex -- $argv[1])
    set -l found (string match -r -- "^(?:[^=+~\t]*,)?$pattern(?:,[^=+~\t]*)?[=+~\t].*" $options $__fsctl_common)[1]
    test -n "$found"
    or return 1
    set -l word (string split -m 1 \t -- $found)[1]
    set found_names (string match -r '^[^=+~]*' -- $word)
    set found_takes (string match -r '[=~].*' -- $word)
    string match -q '*+*' -- $word
    and set found_names # it may be repeated
    return 0
end

# What says whose names are meant; the last one wins.
function __fsctl_note --no-scope-shadowing
    switch $argv[1]
        case --sandbox
            set transport sandbox
        case --transport
            set transport $argv[2]
        case --profile
            set profile $argv[2]
    end
end

function __fsctl_candidates
    set -l tokens
    set -l current
    set -l kind
    set -l lead
    set -l ended
    set -l used
    set -l profile
    set -l transport
    set -l commands
    set -l options
    set -l arguments
    set -l command_at
    set -l found_names
    set -l found_takes
    __fsctl_walk
    switch "$kind"
        case word
            printf '%s\n' $commands
        case option
            __fsctl_options
        case 'choice:*'
            string replace -r '^' -- "$lead" (string split '|' -- (string sub -s 8 -- $kind))
        case profiles connections actions topics
            __fsctl_names
        case directory
            __fish_complete_directories (string sub -s (math (string length -- "$lead") + 1) -- $current) '' | string replace -r '^' -- (string escape --style=regex -- "$lead")
        case at-file
            set -l rest (string sub -s (math (string length -- "$lead") + 1) -- $current)
            string match -q '@*' -- $rest
            and __fsctl_files (string sub -s 2 -- $rest) | string replace -r '^' -- "$lead@"
        case command
            complete -C (string join ' ' -- (string escape -- $tokens[$command_at..]) "$current")
    end
end

# The shell expands no ~ behind an @, but fsctl does.
function __fsctl_files
    if string match -q '~/*' -- $argv[1]
        __fish_complete_path ~/(string sub -s 3 -- $argv[1]) | string replace -- ~/ '~/'
    else
        __fish_complete_path $argv[1]
    end
end

function __fsctl_wants_file
    set -l tokens
    set -l current
    set -l kind
    set -l lead
    set -l ended
    set -l used
    set -l profile
    set -l transport
    set -l commands
    set -l options
    set -l arguments
    set -l command_at
    set -l found_names
    set -l found_takes
    __fsctl_walk
    test "$kind" = file
end

# Long names, and short ones where only a dash is there; not those that were used.
function __fsctl_options --no-scope-shadowing
    set -l seen
    for entry in $options $__fsctl_common
        set -l parts (string split -m 1 \t -- $entry)
        set -l names (string match -r '^[^=+~]*' -- $parts[1])
        contains -- $names $used
        and continue
        for name in (string split , -- $names)
            contains -- $name $seen
            and continue
            set -a seen $name
            string match -q -- '--*' $name
            or test "$current" = -
            or continue
            printf '%s\t%s\n' $name $parts[2]
        end
    end
end

# Names that fsctl keeps: read from the file while it is fresh, else asked for.
function __fsctl_names --no-scope-shadowing
    set -l file
    set -l config
    set -l asked
    set -l named
    set -l until 0
    set -l value
    set -l description
    set -l now (date +%s)
    __fsctl_places
    test "$kind" = profiles; and not test -e "$config"
    and return
    if test -f "$file"; and test -r "$file"; and not test "$config" -nt "$file"
        read -l first <$file
        set -l last (string split \t -- "$first")[-1]
        test "$last" = "$named"
        and set until (string match -r '^[0-9]{1,11}(?=\t|$)' -- "$first")
    end
    if test -n "$until"; and test "$until" -gt $now; and test "$until" -le (math $now + 86400)
        __fsctl_read <$file
    else
        command fsctl completion --names $kind $asked </dev/null 2>/dev/null | __fsctl_read
    end
end

function __fsctl_read --no-scope-shadowing
    read -l line
    while read -l line
        # An option's value and what follows -- may begin with a dash; elsewhere it is an option.
        string match -q -- '-*' $line; and test -z "$lead$ended"; and not string match -q -- '-*' "$tokens[-1]"
        and continue
        printf '%s%s\n' "$lead" $line
    end
end

# Where fsctl keeps the names of that kind, and its profiles. No file: it has to be asked.
function __fsctl_places --no-scope-shadowing
    set -l caches ~/.cache
    set -l configs ~/.config
    if test "$__fsctl_system" = Darwin
        set caches ~/Library/Caches
        set configs ~/'Library/Application Support'
    end
    test -n "$XDG_CACHE_HOME"
    and set caches $XDG_CACHE_HOME
    test -n "$XDG_CONFIG_HOME"
    and set configs $XDG_CONFIG_HOME
    set -l cache $caches/fsctl
    set config $configs/fsctl
    test -n "$FSCTL_CACHE_DIR"
    and set cache (string replace -r '^~/' ~/ -- $FSCTL_CACHE_DIR)
    test -n "$FSCTL_CONFIG_DIR"
    and set config (string replace -r '^~/' ~/ -- $FSCTL_CONFIG_DIR)
    set config $config/config.toml
    string match -q '/*' -- $cache
    and set file $cache/names/$kind
    contains -- $kind profiles topics
    and return
    test -n "$profile"
    or set profile $FSCTL_PROFILE
    test -n "$transport"
    or set transport $FSCTL_TRANSPORT
    if test "$transport" != sandbox # the account that the environment names, whatever the profile
        set -l address $MEMBRANE_API_URL
        test -n "$address"
        or set address $MEMBRANE_API_URI
        set named "$address"
        test -n "$MEMBRANE_TENANT_KEY"
        and set named "$MEMBRANE_TENANT_KEY@$address"
    end
    if test "$transport" = sandbox
        set asked --sandbox
        test -n "$file"
        and set file $file.sandbox
    else if test -n "$profile"
        set asked --profile $profile
        if test -n "$file"; and string match -qr '^[A-Za-z0-9_][A-Za-z0-9_.-]*$' -- $profile
            set file $file.profile.$profile
        else
            set file
        end
    else if test -n "$file"
        set file $file.default
    end
end

set -g __fsctl_system (uname)
complete -c fsctl -e
complete -c fsctl -f -a '(__fsctl_candidates)'
complete -c fsctl -n __fsctl_wants_file -F
