# shellcheck shell=sh disable=SC2154,SC2034 # the freshness check reads this, and has set what is read here
# Starts the program, ../dist/openclaw-install-skill-deps.cjs, with the first Node that will do:
#   $OPENCLAW_SKILL_DEPS_NODE (none: start none), <package>/node/bin/node (private to us), each node on PATH,
#   <volume>/bin/node
# and says what is missing where there is none. Sourced by openclaw-install-skill-deps, where that cannot
# answer; leaves `status`. It answers --help and --version itself.

# Runs the program with the words up to `--`, and sets `status`.
run_node() {
  kept=$own rest=$(($# - own)) status='' tried='' crashed='' noisy='' last=''
  while [ "$kept" -gt 0 ]; do
    set -- "$@" "$1"
    shift
    kept=$((kept - 1))
  done
  shift "$rest"
  # CMD is to have the standard input whole.
  if [ -z "$hook" ]; then exec 3<&0; else exec 3</dev/null; fi
  if [ ! -f "$package/dist/openclaw-install-skill-deps.cjs" ]; then
    tried="$newline      $package/dist/openclaw-install-skill-deps.cjs is missing (npm run build makes it)."
    without_node "$@"
  else
    limit_addresses
    try_nodes "$@" || without_node "$@"
  fi
  exec 3<&-
}

# Node 22 reserves 10 GB of addresses for WebAssembly, which decodes HTTP, unless it is told not to.
limit_addresses() {
  addresses=''
  [ -r /proc/self/limits ] || return 0
  while read -r _ a b c _; do
    case $a.$b.$c in
      address.space.unlimited) return ;;
      address.space.*) addresses=--disable-wasm-trap-handler ;;
    esac
  done </proc/self/limits
}

# Tries one Node after the other. False where none of them ran the program.
try_nodes() {
  named=${OPENCLAW_SKILL_DEPS_NODE:-}
  case $named in
    '') ;;
    none) pass_over 'OPENCLAW_SKILL_DEPS_NODE says none' || return ;;
    */*)
      try_node "$named" "$@" && return
      if [ ! -f "$named" ] || [ ! -x "$named" ]; then
        pass_over "$named (OPENCLAW_SKILL_DEPS_NODE)" 'is no file that can be executed'
      fi
      ;;
    *) try_path "$named" "$@" && return ;;
  esac
  try_node "$package/node/bin/node" "$@" || try_path node "$@" || try_node "$prefix/bin/node" "$@"
}

# Every program of that name in an absolute directory of PATH outside the volume.
try_path() {
  program=$1 directories=${PATH:-}:
  shift
  while [ -n "$directories" ]; do
    directory=${directories%%:*} directories=${directories#*:}
    case $directory in "$prefix/bin" | [!/]* | '') continue ;; esac
    try_node "$directory/$program" "$@" && return
  done
  return 1
}

# True where our program ran: it says so by 200 more than its status. What else is called node (a
# version manager without a version, another runtime, a file for another processor) may end with any
# status below that; so the next one is tried.
try_node() {
  node=$1
  shift
  [ -f "$node" ] && [ -x "$node" ] || return
  # shellcheck disable=SC3013 # dash, ash, bash, ksh and zsh all have -ef
  [ ! "$node" -ef "$last" ] || return # /bin is /usr/bin
  last=$node
  # What it printed should not stand unexplained.
  [ -z "$noisy" ] || [ -n "$quiet" ] || say "$noisy; trying $node"
  noisy=''
  start_node ${addresses:+"$addresses"} "$package/dist/openclaw-install-skill-deps.cjs" "$@"
  if [ -n "$addresses" ] && [ "$status" -eq 9 ]; then # older than the option
    start_node "$package/dist/openclaw-install-skill-deps.cjs" "$@"
  fi
  case $status in
    20[0-9]) status=$((status - 200)) ;;
    129 | 130 | 143) ;;
    137)
      say "error: $node was killed (SIGKILL), as where memory runs out. Raise the container's limit. [E_KILLED]"
      status=5
      ;;
    86) pass_over "$node" 'is not Node 22 or newer' ;;
    126 | 127) pass_over "$node" 'does not start here' ;;
    13[2-9] | 159) crashed=yes && pass_over "$node" "crashed (signal $((status - 128)))" ;;
    *)
      noisy="$node ended with status $status before it ran anything of ours"
      pass_over "$noisy"
      ;;
  esac
}

# Remembers why a Node was not used. False.
pass_over() {
  tried="$tried$newline      $*."
  return 1
}

# In the background, because a shell that waits for a program in the foreground hears no signal. Nearly
# all that Node makes here is garbage at once: a small nursery has it collected soon, which takes a
# fourth off the processor time of an installation, and glibc is to give large buffers back when they
# are freed, which it would rather keep for later. Together that is 40 MB less at the peak.
start_node() {
  stopped='' child=''
  trap 'pass_on 129' HUP
  trap 'pass_on 130' INT
  trap 'pass_on 143' TERM
  restore_locale
  OPENCLAW_SKILL_DEPS_VIEW=$view MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 \
    "$node" --max-semi-space-size=1 "$@" <&3 3<&- &
  child=$!
  LC_ALL=C
  [ -z "$stopped" ] || kill -TERM "$child" # it came before there was anybody to pass it on to
  wait "$child"
  status=$?
  # A signal ends the wait, not the program, which still has to end in order.
  while [ -n "$stopped" ] && kill -0 "$child" 2>/dev/null; do wait "$child"; done
  trap - HUP INT TERM
  [ -z "$stopped" ] || leave "$stopped"
}

pass_on() {
  stopped=$1
  [ -z "$child" ] || kill -TERM "$child"
}

# Runs the program while CMD is at work, to which standard input and output, and signals, belong. No
# child of CMD's: a subshell has started it, and has ended.
run_beside() {
  exec </dev/null >&2
  own=$((own + 1))
  run_node --no-progress "$@"
  [ "$status" -eq 0 ] || say "the run beside the command failed (status $status)"
}

# Without Node nothing can be installed. That is no reason to fail where failing would only be
# repeated (OpenClaw would remove the sandbox and try again at every turn), unless more was asked for than
# what skills need: a tool by its name, or another command.
without_node() {
  status=2 alone=yes
  if [ -z "$node_why" ]; then
    if is_fresh "$@"; then
      status=0
      touched='the volume was touched since the last run'
      case $volume in
        digests) say "$touched; its bytes are as they were published" ;;
        *) say "$touched; without Node, its programs were looked at, not their bytes" ;;
      esac
      answer
      return
    fi
    say "warning: not verified: $why [E_NOT_VERIFIED]"
    if load compare-contents.sh; then
      if words_are selection "$@"; then status=0; fi
      missing=$(damaged_programs)
      [ -z "$missing" ] || say "warning: missing or damaged in $prefix:" "$missing" "[E_NOT_VERIFIED]"
    fi
    [ -z "$strict" ] || status=3
  fi
  if [ -n "$crashed" ]; then
    status=5
    add_limits
    say "error: Node cannot start here, so nothing can be installed or updated: [E_NO_NODE]$tried

hint: raise the limits of memory, processes and open files, or let another container fill the volume."
    return
  fi
  say "there is no Node 22 or newer here, so nothing can be installed or updated. [E_NO_NODE]$tried

hint: let a container that has Node fill the volume (the gateway, or a provisioner), or put a Node at
      $package/node/bin/node, on PATH, or where OPENCLAW_SKILL_DEPS_NODE says."
}

# Those limits of this process under which no Node starts.
add_limits() {
  [ -r /proc/self/limits ] || return
  while read -r _ a b c _; do
    case $a.$b in
      address.space) limit=$c letter=v least=2147483648 ;;
      data.size) limit=$c letter=d least=2147483648 ;;
      processes.*) limit=$b letter=u least=32 ;;
      open.files) limit=$c letter=n least=64 ;;
      *) continue ;;
    esac
    case $limit in *[!0-9]* | '') continue ;; esac
    [ "$limit" -lt "$least" ] || continue
    case $letter in v | d) limit=$((limit / 1024)) ;; esac
    pass_over "This process is limited by ulimit -$letter $limit"
  done </proc/self/limits
}

# Of the newest record of the volume, so that the message can name them.
damaged_programs() {
  for record in "$prefix"/share/openclaw-skill-deps/steady/any-*; do
    [ -d "$record/programs" ] || continue
    { (look_sizes); echo ---; print_list sizes; } | awk '
      $0 == "---" { record = 1; next }
      !record { good[$0]; next }
      !($0 in good) { sub(/^.* programs\/[0-9]*%/, ""); gsub(/%/, "/"); printf "%s ", $0 }'
    return
  done
}

# Prints what --help or --version asks for, alone; the build made it. False for other words, or where it is
# not there: Node is asked then.
tell() {
  [ "$own" -eq 1 ] || return
  case $1 in
    -h | --help | help) text=$package/dist/help.txt ;;
    --version | version) text=$package/dist/version.txt ;;
    *) return 1 ;;
  esac
  [ -r "$text" ] || return
  cat "$text"
  # A reader that has seen enough is no failure (SIGPIPE).
  case $? in 0 | 141) ;; *) status=5 ;; esac
}

ask_node() {
  [ -z "$verbose" ] || [ -n "$quiet" ] || say "asking Node: ${node_why:-$why}"
  # Node leaves no record for what a record cannot tell; and no program takes a word of more than 128 kB.
  [ -z "$node_why" ] && [ "${#view}" -lt 65536 ] || view=
  # A daemon may have closed these; what is opened next would take their place.
  if [ -d /proc/self/fd ]; then
    [ -e /proc/self/fd/0 ] || exec </dev/null
    [ -e /proc/self/fd/1 ] || exec >/dev/null
    [ -e /proc/self/fd/2 ] || exec 2>/dev/null
  fi
  if [ -n "$no_wait" ]; then
    (run_beside "$@" &)
  else
    run_node "$@"
  fi
}

tell "$@" || ask_node "$@"
