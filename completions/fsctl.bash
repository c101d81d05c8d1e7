# Completion of fsctl in bash, from 3.2 on; bash-completion is used where it is there.
# Made by `fsctl completion bash`: a change belongs into fsctl/cli/shells or the commands.
#
# The words stand in the tables. Names (profiles, connections, actions, topics) stand in flat files
# that fsctl keeps; they are compared and quoted here, and never expanded.

_fsctl_common='-h,--help --profile=profiles --connection=connections --transport=choice:auto|http|cli|sandbox --sandbox --via=choice:auto|action|proxy --api-host+=any -o,--output=choice:table|json|jsonl|csv|tsv|markdown --json --fields=any --jq=any --mask --raw-csv --no-input --yes --dry-run --timeout=any --retries=any -q,--quiet -v,--verbose --debug --color=choice:auto|always|never'

_fsctl_table() { # the words of a command -> commands, options, arguments
  commands= options= arguments=
  case $1 in
    '')
      commands='init login logout auth connections users events annotations sessions segments actions raw profiles doctor completion sandbox help'
      options='--version'
      ;;
    'init')
      options='--road=choice:token|login|sandbox --token-command=any --create-connection~ --wait-for=any --profile-name=profiles --use,--no-use --check,--no-check'
      ;;
    'login')
      options='--no-browser --client-name=any'
      ;;
    'logout')
      ;;
    'auth')
      commands='complete login logout status'
      ;;
    'auth complete')
      arguments='any'
      ;;
    'auth login')
      options='--no-browser --client-name=any'
      ;;
    'auth logout')
      ;;
    'auth status')
      options='--expires-within=any'
      ;;
    'connections')
      commands='create delete list reconnect search show use wait'
      ;;
    'connections create')
      options='--name=any --another --wait --wait-for=any'
      ;;
    'connections delete')
      arguments='connections'
      ;;
    'connections list')
      options='--any-app'
      ;;
    'connections reconnect')
      options='--wait --wait-for=any'
      arguments='connections'
      ;;
    'connections search')
      options='--limit=any'
      arguments='any'
      ;;
    'connections show')
      arguments='connections'
      ;;
    'connections use')
      arguments='connections'
      ;;
    'connections wait')
      options='--wait-for=any'
      arguments='connections'
      ;;
    'users')
      commands='find get list create update delete export import imports job'
      ;;
    'users find')
      options='--no-sessions'
      arguments='any'
      ;;
    'users get')
      options='--id --uid --email --from-file=file --column=any --include-schema'
      arguments='any+'
      ;;
    'users list')
      options='--email=any --uid=any --name=any --identified,--anonymous --limit=any --include-schema'
      ;;
    'users create')
      options='--uid=any --email=any --name=any -p,--property+=any --properties=at-file --schema+=any'
      ;;
    'users update')
      options='--by=choice:id|uid|email --uid=any --email=any --name=any -p,--property+=any --properties=at-file --schema+=any'
      arguments='any'
      ;;
    'users delete')
      options='--id --uid --email --all --from-file=file --column=any --missing-ok --wait --wait-for=any --receipt=file --rejects=file --force'
      arguments='any'
      ;;
    'users export')
      options='--email=any --uid=any --name=any --identified,--anonymous --limit=any --without-ids --to=file --resume --restart --force'
      ;;
    'users import')
      options='--map+=any --ignore+=any --type+=any --empty-as-null --format=choice:jsonl|json|csv|tsv --encoding=any --check --strict --concurrency=any --wait-for=any --restart --spool=file --rejects=file --imports=file --force'
      arguments='file+'
      ;;
    'users imports')
      options='--forget=file'
      ;;
    'users job')
      options='--wait --wait-for=any --errors --rejects=file --imports=file --force'
      arguments='any'
      ;;
    'events')
      commands='create import imports job'
      ;;
    'events create')
      options='--user=any --most-recent-session --by=choice:id|uid|email --session=any --anonymous --at=any -p,--property+=any --properties=at-file --schema+=any --context-url=any --context-user-agent=any --context-referrer=any --context=at-file'
      arguments='any'
      ;;
    'events import')
      options='--map+=any --ignore+=any --type+=any --empty-as-null --anonymous --format=choice:jsonl|json|csv|tsv --encoding=any --check --strict --concurrency=any --wait-for=any --restart --spool=file --rejects=file --imports=file --force'
      arguments='file+'
      ;;
    'events imports')
      options='--forget=file'
      ;;
    'events job')
      options='--wait --wait-for=any --errors --rejects=file --imports=file --force'
      arguments='any'
      ;;
    'annotations')
      commands='create deploy run flush'
      ;;
    'annotations create')
      options='--start=any --end=any --duration=any --source=any'
      arguments='any'
      ;;
    'annotations deploy')
      options='--service=any --version=any --env=any --status=any --started=any --finished=any --text=any --source=any --git=directory --fail-on=choice:never|misconfigured|any --budget=any --once~ --once-dir=directory --outbox=directory --show-fields'
      ;;
    'annotations run')
      options='--service=any --version=any --env=any --status=any --started=any --text=any --source=any --git=directory --fail-on=choice:never|misconfigured|any --budget=any --once~ --once-dir=directory --outbox=directory'
      arguments='command+'
      ;;
    'annotations flush')
      arguments='directory'
      ;;
    'sessions')
      commands='list latest events timeline open summary'
      ;;
    'sessions list')
      options='--from-file=file --column=any --id --uid --email --limit=any --since=any --until=any --at=any'
      arguments='any+'
      ;;
    'sessions latest')
      options='--from-file=file --column=any --user-id --uid --email --url --id --open'
      arguments='any+'
      ;;
    'sessions events')
      options='--id --uid --email --type+=any --errors --since=any --until=any --url-contains=any --limit=any'
      arguments='any'
      ;;
    'sessions timeline')
      options='--id --uid --email --type+=any --errors --html --to=file --force'
      arguments='any'
      ;;
    'sessions open')
      options='--id --uid --email'
      arguments='any'
      ;;
    'sessions summary')
      options='--id --uid --email --summary-profile=any'
      arguments='any'
      ;;
    'segments')
      commands='list export'
      ;;
    'segments list')
      options='--creator=any --limit=any'
      ;;
    'segments export')
      options='--type=choice:individuals|events --format=choice:ndjson|json|csv --since=any --until=any --to=file --force --operation=any --wait-for=any'
      arguments='any'
      ;;
    'actions')
      commands='list log show'
      ;;
    'actions list')
      arguments='any'
      ;;
    'actions log')
      options='--details'
      arguments='any'
      ;;
    'actions show')
      arguments='actions'
      ;;
    'raw')
      commands='action request'
      ;;
    'raw action')
      options='--input=at-file -f,--field+=any -F,--json-field+=any'
      arguments='actions'
      ;;
    'raw request')
      options='-X,--method=choice:GET|POST|PUT|PATCH|DELETE -H,--header+=any -d,--data=at-file --json~ --raw-data,--rawData --query+=any --path-param,--pathParam+=any -i,--include --paginate --to=file --force'
      arguments='any'
      ;;
    'profiles')
      commands='list show use create set unset delete path trust'
      ;;
    'profiles list')
      ;;
    'profiles show')
      options='--origin'
      arguments='profiles'
      ;;
    'profiles use')
      options='--none'
      arguments='profiles'
      ;;
    'profiles create')
      options='--use'
      arguments='any'
      ;;
    'profiles set')
      arguments='choice:transport|connection|via|api_url|allowed_hosts|token_command|membrane_command|tenant|output|time_zone|org|region|timeout|connect_timeout|retries|service|environment|source|proxy_base|api_version any'
      ;;
    'profiles unset')
      arguments='choice:transport|connection|via|api_url|allowed_hosts|token_command|membrane_command|tenant|output|time_zone|org|region|timeout|connect_timeout|retries|service|environment|source|proxy_base|api_version+'
      ;;
    'profiles delete')
      arguments='profiles'
      ;;
    'profiles path')
      ;;
    'profiles trust')
      options='--revoke'
      arguments='directory'
      ;;
    'doctor')
      options='--offline'
      ;;
    'completion')
      options='--install --force'
      arguments='choice:bash|zsh|fish'
      ;;
    'sandbox')
      commands='reset seed serve show'
      ;;
    'sandbox reset')
      ;;
    'sandbox seed')
      options='--seed=any --people=any'
      ;;
    'sandbox serve')
      options='--host=any --port=any --fault+=any --fault-seed=any --latency=any --clock=any --new-connections=any --log'
      ;;
    'sandbox show')
      ;;
    'help')
      arguments='topics'
      ;;
  esac
}

_fsctl() {
  local words=() current= head= COMMANDS= CONFIG_FILE= REPLY= REPLY_TAKES= REPLY_OPTION=
  local path= options= commands= arguments= used=' ' position=0 ended= pending=
  local profile= transport= quote= typed= lead= redirected= IFS=$' \t\n'
  COMPREPLY=()
  _fsctl_split
  _fsctl_walk
  if [ -n "$redirected" ]; then
    _fsctl_readline default
  elif [ -n "$pending" ]; then
    _fsctl_value "$pending" "$current"
  elif [ -z "$ended" ] && [[ $current == --*=* ]]; then
    lead=${current%%=*}=
    if _fsctl_find "${current%%=*}"; then _fsctl_value "${REPLY_TAKES#=}" "${current#*=}"; fi
  elif [ -z "$ended" ] && _fsctl_bundled; then
    :
  elif [ -z "$ended" ] && [[ $current == -* ]]; then
    _fsctl_options
  elif [ -n "$commands" ]; then
    typed=$current
    local word
    for word in $commands; do _fsctl_offer "$word"; done
  else
    _fsctl_argument
  fi
  _fsctl_trim
}

# The words up to the cursor as the shell has them, but for redirections: readline cuts at = and :
# too. The last one is `current`; `head` is what of it stands before the piece that readline
# replaces, and `redirected` tells that it is where a redirection goes.
_fsctl_split() {
  local line=${COMP_LINE:0:COMP_POINT} piece index begins operator=
  for ((index = 0; index <= COMP_CWORD; index++)); do
    piece=${COMP_WORDS[index]} begins=$operator
    if [ "$index" -eq 0 ] || [[ $line == [[:space:]]* ]]; then begins=1; fi
    line=${line#"${line%%[![:space:]]*}"}
    if [ "$index" -eq "$COMP_CWORD" ]; then piece=$line; else line=${line#*"$piece"}; fi
    case $piece in
      [\<\>]* | '&>'*)
        [ -n "$begins" ] || _fsctl_drop_descriptor
        operator=1 begins=1 piece=${piece#"${piece%%[!<>&|]*}"}
        [ "$index" -eq "$COMP_CWORD" ] || continue
        ;;
    esac
    if [ -n "$begins" ]; then
      if [ -n "$redirected" ]; then words[${#words[@]} - 1]=; else words[${#words[@]}]=; fi
      redirected=$operator operator= head=
    else
      head=${words[${#words[@]} - 1]}
    fi
    words[${#words[@]} - 1]+=$piece
  done
  current=${words[${#words[@]} - 1]}
  [[ $piece != [=:]* ]] || head+=${piece:0:1}
  head=${head%@} # readline cuts before an @, and behind the others
}

# The 2 of 2>file is no word.
_fsctl_drop_descriptor() {
  case ${words[${#words[@]} - 1]} in
    *[!0-9]*) ;;
    *) unset "words[${#words[@]} - 1]" && redirected= ;;
  esac
}

# Follow the words before the cursor down the tree: what is used, and what the last one waits for.
_fsctl_walk() {
  local index word name last=$((${#words[@]} - 1))
  _fsctl_table "$path"
  for ((index = 1; index < last; index++)); do
    _fsctl_plain "${words[index]}"
    word=$REPLY
    if [ -n "$pending" ]; then
      _fsctl_note "$name" "$word"
      pending=
    elif [ -n "$ended" ]; then
      position=$((position + 1))
    elif [ "$word" = -- ]; then
      ended=1
    elif [[ $word == --*=* ]]; then
      name=${word%%=*}
      _fsctl_find "$name" && _fsctl_use "$REPLY_OPTION"
      _fsctl_note "$name" "${word#*=}"
    elif [[ $word == --* ]]; then
      name=$word
      if _fsctl_find "$name"; then
        _fsctl_use "$REPLY_OPTION"
        case $REPLY_TAKES in =*) pending=${REPLY_TAKES#=} ;; *) _fsctl_note "$name" '' ;; esac
      fi
    elif [[ $word == -?* ]]; then
      _fsctl_cluster "${word#-}"
    elif [ -n "$commands" ]; then
      path=${path:+$path }$word
      case " $commands " in *" $word "*) ;; *) path=/ ;; esac
      _fsctl_table "$path"
    else
      position=$((position + 1))
      if [[ $arguments == command* ]]; then ended=1; fi
    fi
    if [ -n "$ended" ] && [[ $arguments == command* ]]; then
      [ "$word" = -- ] && index=$((index + 1))
      COMMANDS=$index
      return
    fi
  done
}

# -qv, -ojson: flags, until one takes the rest or the next word.
_fsctl_cluster() {
  local rest=$1
  while [ -n "$rest" ]; do
    name=-${rest:0:1}
    rest=${rest:1}
    _fsctl_find "$name" || return
    _fsctl_use "$REPLY_OPTION"
    case $REPLY_TAKES in
      =*) [ -n "$rest" ] || pending=${REPLY_TAKES#=}; return ;;
    esac
  done
}

# -ojs, -qojs: the value of the word at the cursor begins behind the letter that takes one.
_fsctl_bundled() {
  local index
  [[ $current == -[!-]?* ]] || return
  for ((index = 1; index < ${#current} - 1; index++)); do
    _fsctl_find "-${current:index:1}" || return
    case $REPLY_TAKES in
      =*)
        lead=${current:0:index + 1}
        _fsctl_value "${REPLY_TAKES#=}" "${current:index + 1}"
        return 0
        ;;
    esac
  done
  return 1
}

# What says whose names are meant; the last one wins.
_fsctl_note() {
  case $1 in
    --sandbox) transport=sandbox ;;
    --transport) transport=$2 ;;
    --profile) profile=$2 ;;
  esac
}

# The option called $1: its table entry, and what it takes (=KIND, ~, or nothing).
_fsctl_find() {
  local entry
  for entry in $options $_fsctl_common; do
    case ",${entry%%[=+~]*}," in
      *,"$1",*)
        REPLY_OPTION=$entry REPLY_TAKES=
        case $entry in *=*) REPLY_TAKES==${entry#*=} ;; *'~') REPLY_TAKES='~' ;; esac
        return 0
        ;;
    esac
  done
  return 1
}

_fsctl_use() {
  case $1 in *+*) ;; *) used+="${1%%[=+~]*} " ;; esac
}

# Long names, and short ones where only a dash is there; not those that were used.
_fsctl_options() {
  local entry name names
  typed=$current
  for entry in $options $_fsctl_common; do
    names=${entry%%[=+~]*}
    case $used in *" $names "*) continue ;; esac
    for name in ${names//,/ }; do
      case $name in --*) ;; *) [ "$current" = - ] || [ "$current" = "$name" ] || continue ;; esac
      case " ${COMPREPLY[*]} " in *" $name "*) ;; *) _fsctl_offer "$name" ;; esac
    done
  done
}

_fsctl_argument() {
  local kind index=0
  if [ -z "$COMMANDS" ] && [[ $arguments == command* ]]; then COMMANDS=$((${#words[@]} - 1)); fi
  if [ -n "$COMMANDS" ]; then
    _fsctl_command
    return
  fi
  for kind in $arguments; do
    if [ "$index" -eq "$position" ] || [[ $kind == *+ ]]; then
      _fsctl_value "${kind%+}" "$current"
      return
    fi
    index=$((index + 1))
  done
}

# Offer what can stand as a value of that kind.
_fsctl_value() {
  local kind=$1 raw=$2 choice
  _fsctl_plain "$raw"
  typed=$REPLY
  case $raw in \"*) quote=\" ;; \'*) quote=\' ;; esac
  # Where readline does not cut at =, it still replaces only what is behind an opening quote.
  [ -z "$quote" ] || [ -n "$head" ] || head=$lead
  case $kind in
    choice:*)
      kind=${kind#choice:}
      for choice in ${kind//|/ }; do _fsctl_offer "$choice"; done
      ;;
    profiles | connections | actions | topics) _fsctl_names "$kind" ;;
    file) _fsctl_readline default ;;
    directory) _fsctl_readline dirnames ;;
    at-file) _fsctl_at_file ;;
  esac
}

# Names of files are readline's own affair. Before bash 4 it looks for them wherever we have nothing.
_fsctl_readline() {
  if [ -n "$lead" ] && [ -z "$head" ]; then # readline would look for --option=file
    case $1 in dirnames) _fsctl_files -d '' ;; *) _fsctl_files -f '' ;; esac
  else
    [ -z "$_fsctl_has_compopt" ] || compopt -o "$1"
  fi
}

_fsctl_at_file() { # @FILE: readline would look for a host
  case $typed in @*) _fsctl_files -f @ ;; esac
}

_fsctl_files() {
  local before=$2 file
  while IFS= read -r file && [ -n "$file" ]; do
    if [ -d "$file" ] || [[ $file == "~/"* && -d $HOME/${file#??} ]]; then
      [ -z "$_fsctl_has_compopt" ] || compopt -o nospace
      file+=/
    fi
    _fsctl_offer "$before$file"
  done <<<"$(compgen "$1" -- "${typed#"$before"}")"
}

# What follows `annotations run --` completes as it would on its own.
_fsctl_command() {
  local name=${words[COMMANDS]} helper
  for helper in _comp_command_offset _command_offset; do
    if [ "$(type -t $helper)" = function ] && _fsctl_offset; then
      $helper "$REPLY"
      return
    fi
  done
  if [ "$COMMANDS" -eq $((${#words[@]} - 1)) ] && [[ $name != */* ]]; then
    typed=$current
    while IFS= read -r name; do
      case " ${COMPREPLY[*]} " in *" $name "*) ;; *) _fsctl_offer "$name" ;; esac
    done <<<"$(compgen -c -- "$current")"
  else
    _fsctl_readline default
  fi
}

_fsctl_offset() { # where the command stands among the words of readline
  local index
  for ((index = 1; index < COMP_CWORD; index++)); do
    if [ "${COMP_WORDS[index]}" = -- ]; then
      REPLY=$((index + 1))
      return 0
    fi
  done
  return 1
}

# Names that fsctl keeps: read from the file while it is fresh, else asked for.
_fsctl_names() {
  local kind=$1 file=$1 until=0 now= first= named= asked=() values=() descriptions=() index
  _fsctl_places
  if [ "$kind" = profiles ] && [ ! -e "$CONFIG_FILE" ]; then return; fi
  if [ -f "$file" ] && [ -r "$file" ] && [ ! "$CONFIG_FILE" -nt "$file" ]; then
    IFS= read -r first <"$file"
    [ "${first##*$'\t'}" != "$named" ] || until=${first%%$'\t'*}
    case $until in '' | *[!0-9]* | ????????????*) until=0 ;; esac
    _fsctl_now
  fi
  if [ "$until" -gt "${now:-0}" ] && [ "$until" -le $((now + 86400)) ]; then
    _fsctl_read <"$file"
  else
    _fsctl_read <<<"$(_fsctl_ask)"
  fi
  for ((index = 0; index < ${#values[@]}; index++)); do
    _fsctl_offer "${values[index]}"
  done
  case $kind,$COMP_TYPE in *,37 | *,42) return ;; connections,*) ;; *) return ;; esac
  # Of several none is taken yet, so what an id stands for can be shown behind it.
  for ((index = 0; index < ${#values[@]} && ${#values[@]} > 1; index++)); do
    COMPREPLY[index]+="  (${descriptions[index]})"
  done
}

_fsctl_read() {
  local value description
  IFS= read -r value
  while IFS=$'\t' read -r value description; do
    case $value in "$typed"*) ;; *) continue ;; esac
    [ -n "$value" ] || continue
    [[ $value != -* ]] || [ -n "$pending$lead$ended" ] || continue
    values[${#values[@]}]=$value
    descriptions[${#descriptions[@]}]=$description
  done
}

_fsctl_ask() {
  command fsctl completion --names "$kind" ${asked[@]+"${asked[@]}"} </dev/null 2>/dev/null
}

_fsctl_now() {
  now=${EPOCHSECONDS-}
  [ -n "$now" ] || printf -v now '%(%s)T' -1 2>/dev/null || now=$(date +%s)
}

# Where fsctl keeps the names of that kind, and its profiles. No file: it has to be asked.
_fsctl_places() {
  local cache=${FSCTL_CACHE_DIR-} config=${FSCTL_CONFIG_DIR-} scope=
  local caches=$HOME/.cache configs=$HOME/.config
  case $OSTYPE in
    darwin*) caches=$HOME/Library/Caches configs="$HOME/Library/Application Support" ;;
  esac
  case $cache in
    '') cache=${XDG_CACHE_HOME:-$caches}/fsctl ;;
    "~/"*) cache=$HOME/${cache#??} ;;
  esac
  case $config in
    '') config=${XDG_CONFIG_HOME:-$configs}/fsctl ;;
    "~/"*) config=$HOME/${config#??} ;;
  esac
  CONFIG_FILE=$config/config.toml
  case $cache in /*) file=$cache/names/$kind ;; *) file= ;; esac
  case $kind in profiles | topics) return ;; esac
  : "${profile:=${FSCTL_PROFILE-}}"
  if [ "${transport:-${FSCTL_TRANSPORT-}}" = sandbox ]; then
    scope=sandbox asked=(--sandbox)
  elif [ -n "$profile" ]; then
    asked=(--profile "$profile")
    case $profile in [!A-Za-z0-9_]* | *[!A-Za-z0-9_.-]*) ;; *) scope=profile.$profile ;; esac
  else
    scope=default
  fi
  if [ "$scope" != sandbox ]; then # the account that the environment names, whatever the profile
    named=${MEMBRANE_TENANT_KEY:+$MEMBRANE_TENANT_KEY@}${MEMBRANE_API_URL:-${MEMBRANE_API_URI-}}
  fi
  file=${file:+${scope:+$file.$scope}}
}

# The word without its quotes, in REPLY. Nothing in it is expanded.
_fsctl_plain() {
  local raw=$1 open= letter
  REPLY=$raw
  case $raw in *[\\\'\"]*) ;; *) return ;; esac
  REPLY=
  while [ -n "$raw" ]; do
    letter=${raw:0:1}
    raw=${raw:1}
    case $open$letter in
      \' | \") open=$letter ;;
      \'\' | \"\") open= ;;
      \\ | \"\\)
        case $open${raw:0:1} in \"[!\$\`\"\\]) REPLY+=$letter ;; esac
        REPLY+=${raw:0:1}
        raw=${raw:1}
        ;;
      *) REPLY+=$letter ;;
    esac
  done
}

# Add a word that goes on from what was typed, as it would have to be typed.
_fsctl_offer() {
  local word=$1
  case $word in "$typed"*) ;; *) return ;; esac
  case $quote in
    \') word=${word//\'/\'\\\'\'} ;;
    \")
      word=${word//\\/\\\\}
      word=${word//\"/\\\"}
      word=${word//\$/\\\$}
      word=${word//\`/\\\`}
      ;;
    *) case $word in *[!A-Za-z0-9_./:=@%+,-]*) printf -v word %q "$word" ;; esac ;;
  esac
  COMPREPLY[${#COMPREPLY[@]}]=$lead$word
}

# Leave out what readline leaves standing.
_fsctl_trim() {
  local index kept=()
  [ -n "$head" ] || return 0
  for ((index = 0; index < ${#COMPREPLY[@]}; index++)); do
    case ${COMPREPLY[index]} in "$head"*) kept[${#kept[@]}]=${COMPREPLY[index]#"$head"} ;; esac
  done
  COMPREPLY=(${kept[@]+"${kept[@]}"})
}

if type compopt >/dev/null 2>&1; then
  _fsctl_has_compopt=1
  complete -F _fsctl fsctl
else
  _fsctl_has_compopt=
  complete -o default -F _fsctl fsctl
fi
