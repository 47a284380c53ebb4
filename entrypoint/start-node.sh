# shellcheck shell=sh disable=SC2154,SC2034 # the freshness check sources this and shares its variables
# Starts the program, ../dist/openclaw-install-skill-deps.cjs, with the first usable Node of:
#   $OPENCLAW_SKILL_DEPS_NODE (none: start none), <package>/node/bin/node (of this package), each node on PATH,
#   <volume>/bin/node
# or says what is missing. Sourced by openclaw-install-skill-deps if that cannot answer alone; sets
# `status`. `tell` answers --help and --version alone.

starter=openclaw-install-skill-deps.cjs guard=''

# Runs the program with the words up to `--`, and sets `status`.
run_node() {
  kept=$word_count rest=$(($# - word_count)) status='' tried='' crashed='' noisy='' last=''
  while [ "$kept" -gt 0 ]; do
    set -- "$@" "$1"
    shift
    kept=$((kept - 1))
  done
  shift "$rest"
  # The whole standard input is for CMD.
  if [ -z "$hook" ]; then exec 3<&0; else exec 3</dev/null; fi
  { is_built && try_nodes "$@"; } || without_node "$@"
  exec 3<&-
}

is_built() {
  [ -f "$package/dist/openclaw-install-skill-deps.cjs" ]
}

# Node 22 reserves 10 GB of address space for WebAssembly, which parses HTTP, unless this is disabled.
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

# Tries one Node after the other. False if none of them ran the program.
try_nodes() {
  limit_addresses
  named=${OPENCLAW_SKILL_DEPS_NODE:-}
  case $named in
    '') ;;
    none) return 1 ;;
    */*)
      try_node "$named" "$@" && return
      if [ ! -f "$named" ] || [ ! -x "$named" ]; then
        pass_over "$named (OPENCLAW_SKILL_DEPS_NODE)" 'is not an executable file'
      fi
      ;;
    *) try_path "$named" "$@" && return ;;
  esac
  try_node "$package/node/bin/node" "$@" || try_path node "$@" || try_node "$prefix/bin/node" "$@"
}

# Tries every program of that name in an absolute directory of PATH outside the volume.
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

# True if our program ran: it adds 200 to its exit status. Other programs called node (a version manager
# without a version, another runtime, a binary for another architecture) end with a lower status; then the
# next one is tried.
try_node() {
  node=$1
  shift
  [ -f "$node" ] && [ -x "$node" ] || return
  # shellcheck disable=SC3013 # dash, ash, bash, ksh and zsh all have -ef
  [ ! "$node" -ef "$last" ] || return # /bin is /usr/bin
  last=$node
  # Explains the output of the previous one.
  [ -z "$noisy" ] || [ -n "$quiet" ] || say "$noisy; trying $node"
  noisy=''
  start_node ${addresses:+"$addresses"} "$package/dist/$starter" "$@"
  if [ -n "$addresses" ] && [ "$status" -eq 9 ]; then # older than the option
    start_node "$package/dist/$starter" "$@"
  fi
  case $status in
    20[0-9]) status=$((status - 200)) ;;
    129 | 130 | 143) ;;
    137)
      say "error: $node was killed (SIGKILL), probably out of memory. Raise the container's limit. [E_KILLED]"
      status=5
      ;;
    86) pass_over "$node" 'is not Node 22 or newer' ;;
    126 | 127) pass_over "$node" 'does not start here' ;;
    13[2-9] | 159) crashed=yes && pass_over "$node" "crashed (signal $((status - 128)))" ;;
    *)
      noisy="$node ended with status $status before it ran our program"
      pass_over "$noisy"
      ;;
  esac
}

# Records why a Node was skipped. Returns false.
pass_over() {
  tried="$tried$newline      $*."
  return 1
}

# In the background, because a shell that waits for a foreground program handles no signals. Most of
# Node's memory here becomes garbage at once: a small young generation is collected early, which saves a
# fourth of an installation's CPU time, and glibc is told to release large buffers when they are freed.
# Together this saves 40 MB at the peak.
start_node() {
  stopped='' child=''
  # A watcher runs again after SIGHUP, and one beside CMD ignores what a terminal sends.
  [ -n "$watching" ] || trap 'pass_on 129' HUP
  [ -n "$guarded" ] || trap 'pass_on 130' INT
  trap 'pass_on 143' TERM
  restore_locale
  # shellcheck disable=SC2086 # no word or two
  OPENCLAW_SKILL_DEPS_VIEW=$view OPENCLAW_SKILL_DEPS_REASON=$reason MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 \
    $guard "$node" --max-semi-space-size=1 "$@" <&3 3<&- &
  child=$!
  LC_ALL=C
  [ -z "$stopped" ] || kill -TERM "$child" # it arrived before the child existed
  wait "$child"
  status=$?
  # A signal ends the wait, not the program, which still has to exit cleanly.
  while kill -0 "$child" 2>/dev/null; do
    wait "$child"
    status=$?
  done
  if [ -n "$watching" ]; then set_watch_traps; else end_on_signals; fi
  [ -z "$stopped" ] || leave "$stopped"
}

pass_on() {
  stopped=$1
  [ -z "$child" ] || kill -TERM "$child"
}

# Runs the program in the background of CMD, which keeps standard input, standard output and signals. It is
# not a child of CMD: the subshell that started it has exited.
run_beside() {
  exec </dev/null >&2
  word_count=$((word_count + 1))
  run_node --no-progress "$@"
  [ "$status" -eq 0 ] || say "the background run failed (status $status)"
}

# Without Node nothing can be installed. That is no reason to fail if the failure would only repeat
# (OpenClaw would remove the sandbox and retry at every turn), unless the command line requests more than
# the skills' requirements: a tool by name, or another command.
without_node() {
  status=2 alone=yes
  if [ -z "$node_why" ]; then
    if is_fresh "$@"; then
      status=0
      touched='the volume was touched since the last run'
      case $volume in
        digests) say "$touched; its files are unchanged" ;;
        *) say "$touched; without Node, only the presence and size of its programs were checked" ;;
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

hint: raise the limits of memory, processes and open files, or fill the volume from another container."
    return
  fi
  if [ "${OPENCLAW_SKILL_DEPS_NODE:-}" = none ]; then
    say 'OPENCLAW_SKILL_DEPS_NODE is none, so nothing is installed or updated. [E_NO_NODE]'
    return
  fi
  if ! is_built; then
    say "nothing can be installed or updated: $package/dist/openclaw-install-skill-deps.cjs is missing [E_PACKAGE_DAMAGED]

hint: npm run build creates it in a clone. npm does not build what it installs from git: install the tarball that
      npm pack makes in a clone."
    return
  fi
  say "there is no Node 22 or newer here, so nothing can be installed or updated. [E_NO_NODE]$tried

hint: fill the volume from a container that has Node (the gateway, or a provisioner), or install Node at
      $package/node/bin/node, on PATH, or at the path in OPENCLAW_SKILL_DEPS_NODE."
}

# Lists the limits of this process that are too low for Node.
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

# Prints the damaged programs, by a record of the volume, for the message.
damaged_programs() {
  for record in "$prefix"/share/openclaw-skill-deps/freshness/any-*; do
    [ -d "$record/programs" ] || continue
    { (list_sizes); echo ---; print_list sizes; } | awk '
      $0 == "---" { record = 1; next }
      !record { good[$0]; next }
      !($0 in good) { sub(/^.* programs\/[0-9]*%/, ""); gsub(/%/, "/"); printf "%s ", $0 }'
    return
  done
}

# Prints the text of --help or --version, which the build created. False for other words, or if the text is
# missing: then Node is started.
tell() {
  [ "$word_count" -eq 1 ] || return
  case $1 in
    -h | --help | help) text=$package/dist/help.txt ;;
    --version | version) text=$package/dist/version.txt ;;
    *) return 1 ;;
  esac
  [ -r "$text" ] || return
  cat "$text"
  # A reader that closes the pipe early is no failure (SIGPIPE).
  case $? in 0 | 141) ;; *) status=5 ;; esac
}

# A daemon may have closed these; the next opened file would get their number.
open_streams() {
  [ -d /proc/self/fd ] || return 0
  [ -e /proc/self/fd/0 ] || exec </dev/null
  [ -e /proc/self/fd/1 ] || exec >/dev/null
  [ -e /proc/self/fd/2 ] || exec 2>/dev/null
}

ask_node() {
  [ -z "$verbose" ] || [ -n "$quiet" ] || say "asking Node: ${node_why:-$why}"
  # With an empty view Node writes no record: a record cannot describe this run, or the view exceeds the
  # 128 kB of an argument.
  [ -z "$node_why" ] && [ "${#view}" -lt 65536 ] || view=
  open_streams
  if [ -n "$no_wait" ]; then
    (run_beside "$@" &)
  else
    run_node "$@"
  fi
}

# `policy`: OpenClaw refuses every installation while its policy fails, so without an answer of the program
# everything is allowed, with a warning. OpenClaw waits 10 s; the program reads a request that may never end.
answer_policy() {
  view='' hook='' starter=policy.cjs
  if on_path timeout; then guard='timeout 5'; fi
  open_streams
  exec 3<&0
  word_count=$(($# + 1))
  set -- "$@" --prefix="$prefix"
  tried='' crashed='' noisy='' last='' status=2
  try_nodes "$@"
  [ "$status" -ne 0 ] || return 0
  say "warning: the policy could not be started (status $status)$tried"
  trap '' PIPE
  printf '%s\n' '{"protocolVersion":1,"decision":"allow","findings":[{"ruleId":"skill-deps/not-checked","severity":"warn","message":"openclaw-install-skill-deps could not run to its end here, so nothing was checked"}]}'
}
