# Completion of fsctl in fish, from 3.4 on.
# Made by `fsctl completion fish`: a change belongs into fsctl/cli/shells or the commands.
#
# The words stand in the tables. Names (profiles, connections, actions, topics) stand in flat files
# that fsctl keeps; they are printed as they are, and never expanded.

set -g __fsctl_common \
    '-h,--help	Show the help' \
    '--profile=profiles	Use the settings of this profile' \
    '--connection=connections	Use this Membrane connection (id, key, name)' \
    '--transport=choice:auto|http|cli|sandbox	How to reach Membrane' \
    '--sandbox	Work on the built-in sandbox' \
    '--via=choice:auto|action|proxy	Use Membrane\'s actions, its proxy, or whichever fits' \
    '--api-host+=any	Let credentials go to this host of Membrane\'s API too' \
    '-o,--output=choice:table|json|jsonl|csv|tsv|markdown	Write data in this format' \
    '--json	Write data as JSON' \
    '--fields=any	Write only these fields' \
    '--jq=any	Filter the data with a jq expression' \
    '--mask	Show tokens in place of people\'s data' \
    '--raw-csv	Leave cells that a spreadsheet would run as formulas unguarded' \
    '--no-input	Never ask anything' \
    '--yes	Answer yes to what a command would ask' \
    '--dry-run	Show as data what would be sent, and send no write' \
    '--timeout=any	Wait this long for an answer (default 70s), and three times that in all' \
    '--retries=any	Repeat what is safe to repeat (default 3)' \
    '-q,--quiet	Say only what has to be known on stderr' \
    '-v,--verbose	Tell what is being done on stderr' \
    '--debug	Tell everything, tracebacks too, without secrets' \
    '--color=choice:auto|always|never	Colour the output'

function __fsctl_table --no-scope-shadowing
    set commands
    set options
    set arguments
    switch $argv[1]
        case ''
            set commands \
                'init	Set up fsctl, step by step' \
                'login	Log in to Membrane on this terminal' \
                'logout	Log out of Membrane, and forget what was cached of the account' \
                'auth	Log in to Membrane, log out, and see how you stand with it' \
                'connections	See, make and mend the connections to Fullstory' \
                'users	Find, change and erase the people Fullstory knows' \
                'events	Tell Fullstory what happened outside the browser' \
                'annotations	Mark moments on Fullstory\'s charts' \
                'sessions	Find replays and see what happened in them' \
                'segments	See Fullstory\'s segments, and export their people or events' \
                'actions	See what Membrane\'s actions do and did' \
                'raw	Send any request or run any action' \
                'profiles	Keep settings under a name, one for each account' \
                'doctor	Check everything between this machine and Fullstory, and say what mends it' \
                'completion	Print the script that completes fsctl\'s words in SHELL, or install it' \
                'sandbox	Try everything without an account' \
                'help	Read the page on TOPIC'
            set options \
                '--version	Show the version and exit'
        case 'init'
            set options \
                '--road=choice:token|login|sandbox	Reach Membrane with a token of the environment, by the membrane login, or try the sandbox' \
                '--token-command=any	Let this command print the token, such as a password manager\'s' \
                '--create-connection~	Create a connection to Fullstory where there is none (of that name)' \
                '--wait-for=any	Give a connection so long to get ready (default 10m, and 30s where nobody is asked)' \
                '--profile-name=profiles	Set up this profile' \
                '--use,--no-use	Use the profile from now on, or only where it is named' \
                '--check,--no-check	Ask Fullstory one harmless thing before the profile is stored, or do not'
        case 'login'
            set options \
                '--no-browser	Print the address to open, as where there is no terminal' \
                '--client-name=any	Tell Membrane this name (`--clientName`), where its login takes one'
        case 'logout'
        case 'auth'
            set commands \
                'complete	Finish a login with the CODE of the browser' \
                'login	Log in to Membrane on this terminal' \
                'logout	Log out of Membrane, and forget what was cached of the account' \
                'status	Show the road, its token, and who you are to Membrane'
        case 'auth complete'
            set arguments 'any'
        case 'auth login'
            set options \
                '--no-browser	Print the address to open, as where there is no terminal' \
                '--client-name=any	Tell Membrane this name (`--clientName`), where its login takes one'
        case 'auth logout'
        case 'auth status'
            set options \
                '--expires-within=any	End with 4 where the token ends sooner than this, such as 7d'
        case 'connections'
            set commands \
                'create	Create a connection, or mend the one that is there' \
                'delete	Archive the connection ID, after its id was typed' \
                'list	List the connections to Fullstory' \
                'reconnect	Give the connection ID new credentials' \
                'search	Search Membrane\'s connectors' \
                'show	Show the connection ID, or the one that commands use' \
                'use	Use the connection ID from now on, or the one that is picked' \
                'wait	Wait until the connection ID is ready'
        case 'connections create'
            set options \
                '--name=any	What to call a new one' \
                '--another	Create one of that --name beside those that are there' \
                '--wait	Wait until it is ready' \
                '--wait-for=any	Wait at most this long (default 10m)'
        case 'connections delete'
            set arguments 'connections'
        case 'connections list'
            set options \
                '--any-app	List connections to other apps too'
        case 'connections reconnect'
            set options \
                '--wait	Wait until it is ready' \
                '--wait-for=any	Wait at most this long (default 10m)'
            set arguments 'connections'
        case 'connections search'
            set options \
                '--limit=any	At most so many'
            set arguments 'any'
        case 'connections show'
            set arguments 'connections'
        case 'connections use'
            set arguments 'connections'
        case 'connections wait'
            set options \
                '--wait-for=any	Wait at most this long (default 10m)'
            set arguments 'connections'
        case 'users'
            set commands \
                'find	Look for QUERY, whatever it is' \
                'get	Show who WHO is' \
                'list	List people, all of them unless --limit says otherwise' \
                'create	Create a person, or update the one who has that uid already' \
                'update	Change what Fullstory knows of WHO' \
                'delete	Erase WHO, or everyone on a list, with all sessions and events, for good' \
                'export	Write people, all unless filtered, to a file that `users import` reads' \
                'import	Import people from JSONL, JSON, CSV or TSV files, also .gz, and - for stdin' \
                'imports	List imports of people that are running, or that were cut off' \
                'job	Show how far the batch job ID has come, and what failed'
        case 'users find'
            set options \
                '--no-sessions	Leave the newest sessions out'
            set arguments 'any'
        case 'users get'
            set options \
                '--id	WHO is a Fullstory id' \
                '--uid	WHO is a uid (your own id)' \
                '--email	WHO is an e-mail' \
                '--from-file=file	Read WHO from FILE, one a line' \
                '--column=any	FILE is a CSV or TSV file with WHO in this column' \
                '--include-schema	Show the properties\' types too'
            set arguments 'any+'
        case 'users list'
            set options \
                '--email=any	Only people with this e-mail' \
                '--uid=any	Only people with this uid' \
                '--name=any	Only people with this display name' \
                '--identified,--anonymous	Only people who are identified, or who are not' \
                '--limit=any	Stop after N people' \
                '--include-schema	Show the properties\' types too'
        case 'users create'
            set options \
                '--uid=any	Your own id of the person' \
                '--email=any	The e-mail' \
                '--name=any	The display name' \
                '-p,--property+=any	A property (repeatable)' \
                '--properties=at-file	Properties as a JSON object' \
                '--schema+=any	Declare a property\'s type, nested ones by dotted path (repeatable)'
        case 'users update'
            set options \
                '--by=choice:id|uid|email	What WHO is, where it could be several' \
                '--uid=any	A uid, for a person who has none yet' \
                '--email=any	The new e-mail' \
                '--name=any	The new display name' \
                '-p,--property+=any	A property (repeatable)' \
                '--properties=at-file	Properties as a JSON object' \
                '--schema+=any	Declare a property\'s type, nested ones by dotted path (repeatable)'
            set arguments 'any'
        case 'users delete'
            set options \
                '--id	WHO is a Fullstory id' \
                '--uid	WHO is a uid (your own id)' \
                '--email	WHO is an e-mail' \
                '--all	Delete all people who have that e-mail' \
                '--from-file=file	Read WHO from FILE, one a line' \
                '--column=any	FILE is a CSV or TSV file with WHO in this column' \
                '--missing-ok	Succeed where nobody is found' \
                '--wait	Wait until Fullstory says that the person is gone' \
                '--wait-for=any	Wait at most this long (default 10m)' \
                '--receipt=file	Keep a record of the deletion in this new file' \
                '--rejects=file	Write what failed here (default FILE.rejects.*)' \
                '--force	Replace an older file of rejects'
            set arguments 'any'
        case 'users export'
            set options \
                '--email=any	Only people with this e-mail' \
                '--uid=any	Only people with this uid' \
                '--name=any	Only people with this display name' \
                '--identified,--anonymous	Only people who are identified, or who are not' \
                '--limit=any	Stop after N people' \
                '--without-ids	Leave Fullstory\'s own ids out, for an import into another account' \
                '--to=file	Write to this file (.gz packs it), not to stdout (-)' \
                '--resume	Go on with an export to FILE that was not finished' \
                '--restart	Begin anew in place of one that was not finished' \
                '--force	Replace FILE if it is there already'
        case 'users import'
            set options \
                '--map+=any	Take a column of CSV or TSV for this field' \
                '--ignore+=any	Leave a column out' \
                '--type+=any	Read a column as int, real, bool, date, json or str' \
                '--empty-as-null	Empty cells take values away that Fullstory has' \
                '--format=choice:jsonl|json|csv|tsv	What FILE is, where it is mistaken' \
                '--encoding=any	How FILE is encoded, where it is mistaken' \
                '--check	Check all rows and send nothing' \
                '--strict	Send nothing at all if any row is bad' \
                '--concurrency=any	How many jobs at once (default 4)' \
                '--wait-for=any	Wait at most this long for a job (default 6h)' \
                '--restart	Begin anew, whatever an earlier run has sent' \
                '--spool=file	Keep what comes from stdin there meanwhile, so that it can be gone on with' \
                '--rejects=file	Write rows that were not imported there (default FILE.rejects.EXT)' \
                '--imports=file	Write what was imported there, with Fullstory\'s ids' \
                '--force	Replace files that are there already'
            set arguments 'file+'
        case 'users imports'
            set options \
                '--forget=file	Remember this import no longer, if it is not running'
        case 'users job'
            set options \
                '--wait	Wait until it has ended' \
                '--wait-for=any	Wait at most this long (default 10m)' \
                '--errors	List the rows that failed, and why' \
                '--rejects=file	Write the rows that failed there' \
                '--imports=file	Write what was imported there, with Fullstory\'s ids' \
                '--force	Replace files that are there already'
            set arguments 'any'
        case 'events'
            set commands \
                'create	Create the event NAME for exactly one of --user, --session and --anonymous' \
                'import	Import events from JSONL, JSON, CSV or TSV files, also .gz, and - for stdin' \
                'imports	List imports of events that are running, or that were cut off' \
                'job	Show how far the batch job ID has come, and what failed'
        case 'events create'
            set options \
                '--user=any	Whose event it is' \
                '--most-recent-session	Put it in the user\'s newest session if active in the last 30 minutes' \
                '--by=choice:id|uid|email	What WHO is, where it could be several' \
                '--session=any	The session it belongs to' \
                '--anonymous	Make a new anonymous person for it' \
                '--at=any	When it happened, such as -5m (default: now)' \
                '-p,--property+=any	A property (repeatable)' \
                '--properties=at-file	Properties as a JSON object' \
                '--schema+=any	Declare a property\'s type, nested ones by dotted path (repeatable)' \
                '--context-url=any	The page it is about' \
                '--context-user-agent=any	The browser it is about' \
                '--context-referrer=any	Where the visitor came from' \
                '--context=at-file	All of the context'
            set arguments 'any'
        case 'events import'
            set options \
                '--map+=any	Take a column of CSV or TSV for this field' \
                '--ignore+=any	Leave a column out' \
                '--type+=any	Read a column as int, real, bool, date, json or str' \
                '--empty-as-null	Empty cells take values away that Fullstory has' \
                '--anonymous	Send rows of CSV and TSV without an owner, too' \
                '--format=choice:jsonl|json|csv|tsv	What FILE is, where it is mistaken' \
                '--encoding=any	How FILE is encoded, where it is mistaken' \
                '--check	Check all rows and send nothing' \
                '--strict	Send nothing at all if any row is bad' \
                '--concurrency=any	How many jobs at once (default 4)' \
                '--wait-for=any	Wait at most this long for a job (default 6h)' \
                '--restart	Begin anew, whatever an earlier run has sent' \
                '--spool=file	Keep what comes from stdin there meanwhile, so that it can be gone on with' \
                '--rejects=file	Write rows that were not imported there (default FILE.rejects.EXT)' \
                '--imports=file	Write what was imported there, with Fullstory\'s ids' \
                '--force	Replace files that are there already'
            set arguments 'file+'
        case 'events imports'
            set options \
                '--forget=file	Remember this import no longer, if it is not running'
        case 'events job'
            set options \
                '--wait	Wait until it has ended' \
                '--wait-for=any	Wait at most this long (default 10m)' \
                '--errors	List the rows that failed, and why' \
                '--rejects=file	Write the rows that failed there' \
                '--imports=file	Write what was imported there, with Fullstory\'s ids' \
                '--force	Replace files that are there already'
            set arguments 'any'
        case 'annotations'
            set commands \
                'create	Create an annotation with TEXT' \
                'deploy	Annotate a deploy, from any build system' \
                'run	Run COMMAND, and annotate when it ran and how it ended' \
                'flush	Send the annotations that an outbox has kept, oldest first, each once'
        case 'annotations create'
            set options \
                '--start=any	When it began' \
                '--end=any	When it ended, after its start' \
                '--duration=any	How long it took, such as 5m, instead of --end' \
                '--source=any	What made it, such as a pipeline\'s name (40)'
            set arguments 'any'
        case 'annotations deploy'
            set options \
                '--service=any	What is deployed (default: the repository)' \
                '--version=any	Its version (default: the tag)' \
                '--env=any	Where to, such as production' \
                '--status=any	started, succeeded, failed or rolled-back (default: as the build system tells)' \
                '--started=any	When it began' \
                '--finished=any	When it ended (default: now)' \
                '--text=any	The annotation\'s text, with fields such as {service} and {short_commit}' \
                '--source=any	What made it (default: the build system and the job)' \
                '--git=directory	The checkout that git is asked about (default: .)' \
                '--fail-on=choice:never|misconfigured|any	What of fsctl\'s own trouble is a failure' \
                '--budget=any	Spend no longer than this, retries included (default: 20s)' \
                '--once~	Send nothing where the same was sent before from this machine' \
                '--once-dir=directory	Remember that here, where it outlives the job' \
                '--outbox=directory	Keep here what could not be sent, for annotations flush' \
                '--show-fields	Show what is known, and send nothing'
        case 'annotations run'
            set options \
                '--service=any	What is deployed (default: the repository)' \
                '--version=any	Its version (default: the tag)' \
                '--env=any	Where to, such as production' \
                '--status=any	What it is when COMMAND succeeds' \
                '--started=any	When it began, where that was not with COMMAND' \
                '--text=any	The annotation\'s text, with fields such as {service} and {short_commit}' \
                '--source=any	What made it (default: the build system and the job)' \
                '--git=directory	The checkout that git is asked about (default: .)' \
                '--fail-on=choice:never|misconfigured|any	What of fsctl\'s own trouble is a failure' \
                '--budget=any	Spend no longer than this, retries included (default: 20s)' \
                '--once~	Send nothing where the same was sent before from this machine' \
                '--once-dir=directory	Remember that here, where it outlives the job' \
                '--outbox=directory	Keep here what could not be sent, for annotations flush'
            set arguments 'command+'
        case 'annotations flush'
            set arguments 'directory'
        case 'sessions'
            set commands \
                'list	List the sessions of WHO (a Fullstory id, a uid or an e-mail), newest first' \
                'latest	Show the newest session of each WHO (a Fullstory id, a uid or an e-mail)' \
                'events	List the events of SESSION, in Fullstory\'s own words and order' \
                'timeline	Show what happened in SESSION, step by step' \
                'open	Open the replay of SESSION in the browser' \
                'summary	Show Fullstory\'s own summary of SESSION, written by its language model'
        case 'sessions list'
            set options \
                '--from-file=file	Read WHO from FILE, one a line' \
                '--column=any	FILE is a CSV or TSV file with WHO in this column' \
                '--id	WHO is a Fullstory id' \
                '--uid	WHO is a uid (your own id)' \
                '--email	WHO is an e-mail' \
                '--limit=any	Only the newest N' \
                '--since=any	Only those that began at that time or later' \
                '--until=any	Only those that began at that time or before' \
                '--at=any	Only the last one that had begun by that time'
            set arguments 'any+'
        case 'sessions latest'
            set options \
                '--from-file=file	Read WHO from FILE, one a line' \
                '--column=any	FILE is a CSV or TSV file with WHO in this column' \
                '--user-id	WHO is a Fullstory id' \
                '--uid	WHO is a uid (your own id)' \
                '--email	WHO is an e-mail' \
                '--url	Print the replay\'s URL and nothing else' \
                '--id	Print the session\'s id and nothing else' \
                '--open	Open the replay in the browser'
            set arguments 'any+'
        case 'sessions events'
            set options \
                '--id	SESSION is a Fullstory id of a person' \
                '--uid	SESSION is a uid (your own id) of a person' \
                '--email	SESSION is an e-mail of a person' \
                '--type+=any	Only this type' \
                '--errors	Only errors, and rage, dead and error clicks' \
                '--since=any	Only events at that time or later' \
                '--until=any	Only events at that time or before' \
                '--url-contains=any	Only events on pages with this in their URL' \
                '--limit=any	Stop after N events'
            set arguments 'any'
        case 'sessions timeline'
            set options \
                '--id	SESSION is a Fullstory id of a person' \
                '--uid	SESSION is a uid (your own id) of a person' \
                '--email	SESSION is an e-mail of a person' \
                '--type+=any	Only steps of this type (repeatable)' \
                '--errors	Only errors and signs of frustration' \
                '--html	Make one page to attach to a ticket' \
                '--to=file	Write the page to this new file, for you alone' \
                '--force	Let --to replace a file'
            set arguments 'any'
        case 'sessions open'
            set options \
                '--id	SESSION is a Fullstory id of a person' \
                '--uid	SESSION is a uid (your own id) of a person' \
                '--email	SESSION is an e-mail of a person'
            set arguments 'any'
        case 'sessions summary'
            set options \
                '--id	SESSION is a Fullstory id of a person' \
                '--uid	SESSION is a uid (your own id) of a person' \
                '--email	SESSION is an e-mail of a person' \
                '--summary-profile=any	Summarise as this summary profile says'
            set arguments 'any'
        case 'segments'
            set commands \
                'list	List the segments that there are, all of them unless --limit says otherwise' \
                'export	Bring the people of a segment, or their events, as a file'
        case 'segments list'
            set options \
                '--creator=any	Only those that this Fullstory user made' \
                '--limit=any	Stop after N segments'
        case 'segments export'
            set options \
                '--type=choice:individuals|events	What to export (default individuals)' \
                '--format=choice:ndjson|json|csv	How Fullstory writes the file (default as --to ends, else ndjson)' \
                '--since=any	Only what happened at that time or later' \
                '--until=any	Only what happened at that time or before' \
                '--to=file	Write into this new file instead of to stdout' \
                '--force	Replace the file of --to if there is one' \
                '--operation=any	Go on with an export that was begun before' \
                '--wait-for=any	Wait this long for the export (default 1h)'
            set arguments 'any'
        case 'actions'
            set commands \
                'list	List the connection\'s actions, or those that fit INTENT' \
                'log	Show what became of the action run RUN_ID' \
                'show	Show the action KEY'
        case 'actions list'
            set arguments 'any'
        case 'actions log'
            set options \
                '--details	Show the exchange with Fullstory too'
            set arguments 'any'
        case 'actions show'
            set arguments 'actions'
        case 'raw'
            set commands \
                'action	Run the Membrane action KEY and print its output' \
                'request	Send a request to Fullstory\'s API, through Membrane\'s proxy'
        case 'raw action'
            set options \
                '--input=at-file	The whole input, an object' \
                '-f,--field+=any	Add a text input' \
                '-F,--json-field+=any	Add an input of any type'
            set arguments 'actions'
        case 'raw request'
            set options \
                '-X,--method=choice:GET|POST|PUT|PATCH|DELETE	Default: GET, or POST where there is a body' \
                '-H,--header+=any	Add a header' \
                '-d,--data=at-file	The body' \
                '--json~	The body as JSON' \
                '--raw-data,--rawData	Send the body as it is, its type untold' \
                '--query+=any	Add a query parameter' \
                '--path-param,--pathParam+=any	Fill {K} in PATH, safely encoded' \
                '-i,--include	Print the status and headers first' \
                '--paginate	Follow page tokens' \
                '--to=file	Write the answer\'s body to a new file' \
                '--force	Let --to replace a file'
            set arguments 'any'
        case 'profiles'
            set commands \
                'list	List the profiles, with what they set' \
                'show	Show the profile NAME, or the one in use' \
                'use	Use the profile NAME from now on, where no other is named' \
                'create	Create the profile NAME with the global options given here' \
                'set	Set KEY to VALUE in a profile' \
                'unset	Remove KEY from a profile' \
                'delete	Delete the profile NAME' \
                'path	Print where the profiles are kept' \
                'trust	Let DIR/.fsctl.toml name a profile, a connection and a transport'
        case 'profiles list'
        case 'profiles show'
            set options \
                '--origin	Show all settings that hold, and where each is from'
            set arguments 'profiles'
        case 'profiles use'
            set options \
                '--none	Use no profile where none is named'
            set arguments 'profiles'
        case 'profiles create'
            set options \
                '--use	Use it from now on'
            set arguments 'any'
        case 'profiles set'
            set arguments 'choice:transport|connection|via|api_url|allowed_hosts|token_command|membrane_command|tenant|output|time_zone|org|region|timeout|connect_timeout|retries|service|environment|source|proxy_base|api_version any'
        case 'profiles unset'
            set arguments 'choice:transport|connection|via|api_url|allowed_hosts|token_command|membrane_command|tenant|output|time_zone|org|region|timeout|connect_timeout|retries|service|environment|source|proxy_base|api_version+'
        case 'profiles delete'
            set arguments 'profiles'
        case 'profiles path'
        case 'profiles trust'
            set options \
                '--revoke	Trust it no longer'
            set arguments 'directory'
        case 'doctor'
            set options \
                '--offline	Look at this machine only, and ask nobody'
        case 'completion'
            set options \
                '--install	Put the script where SHELL looks for it' \
                '--force	Replace a file there that fsctl did not make'
            set arguments 'choice:bash|zsh|fish'
        case 'sandbox'
            set commands \
                'reset	Forget all that the sandbox holds' \
                'seed	Fill the sandbox with a small company\'s customers' \
                'serve	Serve the sandbox over HTTP until interrupted' \
                'show	Show what the sandbox holds'
        case 'sandbox reset'
        case 'sandbox seed'
            set options \
                '--seed=any	Which company' \
                '--people=any	How many people'
        case 'sandbox serve'
            set options \
                '--host=any	The address to listen on' \
                '--port=any	0: a free one' \
                '--fault+=any	Make trouble: 413, 429, 500, 502-html, reset, reset-after, hang, truncate, empty, redirect' \
                '--fault-seed=any	Which requests a RATE hits' \
                '--latency=any	Answer this late' \
                '--clock=any	real, +25h, -10m or an ISO time' \
                '--new-connections=any	What new and reconnected connections go through, each stage so long' \
                '--log	Tell every request on stderr'
        case 'sandbox show'
        case 'help'
            set arguments 'topics'
    end
end

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
