# shellcheck shell=sh disable=SC2154,SC2034,SC2030,SC2031 # the freshness check reads this, and has set what is read here; subshells are meant
# Looks again every few seconds, and runs when something changed: `watch`, and --watch beside CMD. Sourced by
# openclaw-install-skill-deps. It uses no file-system notifications, because NFS, SMB and VirtioFS have none,
# and keeps no Node in memory. A look costs what the freshness check costs.

# Never returns. `guarded`: the process of CMD, with which it ends.
watch() {
  watch_words=$request kept='' paths='' last_view='' again=first retry='' settled='' is_raced='' delay=0 looks=0 sleeper=''
  watching=yes terminal=''
  [ ! -t 2 ] || terminal=yes
  newer=$own_build
  open_health
  set_watch_traps
  if [ -n "$guarded" ] && [ -z "$no_wait" ]; then
    # CMD has waited for the first run.
    again=''
    see_again
    [ -n "$seen_inputs" ] || see_inputs
    remember "$@"
    read_clock
    plan_retry
  fi
  while [ -z "$guarded" ] || kill -0 "$guarded" 2>/dev/null; do
    look "$@"
    pause "$interval"
  done
  end_watch 0
}

# Beside CMD, as long as that lives. No child of CMD's: a subshell has started it, and has ended.
watch_beside() {
  guarded=$$
  (
    exec </dev/null >&2
    word_count=$((word_count + 1))
    watch --no-progress "$@" &
  )
}

set_watch_traps() {
  trap 'end_watch 130' INT
  trap 'end_watch 143' TERM
  trap 'again=HUP' HUP
  # Those of a terminal are for CMD.
  [ -z "$guarded" ] || trap '' INT
}

end_watch() {
  trap '' HUP INT TERM
  [ -z "$sleeper" ] || kill "$sleeper" 2>/dev/null
  leave "$1"
}

# Waits, but not once a signal has come.
pause() {
  [ -z "$again" ] || return 0
  sleep "$1" &
  sleeper=$!
  wait "$sleeper"
  [ -z "$again" ] || kill "$sleeper" 2>/dev/null
  sleeper=''
}

# Seconds and hundredths since the machine started, which no other process has to be asked for, and no clock that is
# set changes. systemd hides that file from services with ProcSubset=pid.
read_clock() {
  { read -r uptime _ </proc/uptime; } 2>/dev/null || uptime=$(date +%s).0
  now=${uptime%.*} hundredths=${uptime#*.}
  hundredths=${hundredths#0}
}

# One look; and a run, if something changed or it is time to try again what failed.
look() {
  looks=$((looks + 1))
  read_clock
  report_health idle
  is_own_build || { go_on "$@" && return; }
  words=$watch_words node_why='' reason=''
  describe_view
  case $again in
    first) ;;
    HUP)
      # Its terminal was closed, and nobody can end it there any more.
      [ -z "$terminal" ] || [ -t 2 ] || end_watch 129
      delay=0 reason='SIGHUP was received'
      ;;
    *)
      if has_changed "$@"; then
        # What failed before may be possible now.
        delay=0
        await_quiet
      elif [ -n "$retry" ] && [ "$now" -ge "$retry" ]; then
        reason=${retry_why:-trying again what failed}
      elif [ -n "$settled" ] && [ "$now" -ge "$settled" ]; then
        settled=''
        record_times "$@"
        return 0
      else
        return 0
      fi
      ;;
  esac
  run_watched "$@"
}

# ------------------------------------------------------------------------------ a newer package

# Sets `build` of the package that this script is part of; empty if it is not there.
read_build() {
  build=''
  { read -r build <"$package/dist/build.txt"; } 2>/dev/null
}

is_own_build() {
  read_build
  [ "$build" = "$own_build" ]
}

gone='failed (this command is gone)'

# The package was replaced or removed: in a volume the tree of a former version is, an hour after an update. Becomes
# what lies where this script was started, one look later, because files may be half copied. False where it is
# this build again.
go_on() {
  find_package
  is_own_build && return 1
  # A run that was asked for is the new one's first, or comes when this build is there again.
  again=''
  if [ "$build" != "$newer" ]; then
    newer=$build
  elif [ -n "$build" ] && [ -r "$beside/watch.sh" ]; then
    [ -n "$quiet" ] || say 'watch: another version of this command has replaced this one, and goes on'
    [ -z "$guarded" ] || set -- --beside "$guarded" "$@"
    restore_locale
    ended=yes
    exec /bin/sh "$self" "$@"
  elif [ "$result" != "$gone" ]; then
    result=$gone retry=$now retry_why='this command is there again'
    say "warning: $self is gone; nothing is installed until it is there again [E_PACKAGE_DAMAGED]"
    report_health idle
  fi
}

# ------------------------------------------------------------------------------ looks

# True where something that decided the last run is not as it was. The files of the volume's trees are looked
# at once a minute: they are many, and nothing but a run or damage changes them.
has_changed() {
  [ "$view" = "$last_view" ] || return 0
  case $kept in
    '') [ "$(describe_inputs && describe_programs)" != "$seen_inputs$newline$seen_programs" ] || return ;;
    own) if is_unchanged own "$@"; then return 1; fi ;;
    any) if is_unchanged any "$@"; then return 1; fi ;;
    *)
      record=$kept seen=seen
      if [ -w "$prefix/manifest.json" ] && [ $((looks * interval % 60)) -lt "$interval" ]; then seen=all; fi
      if is_seen; then return 1; fi
      ;;
  esac
}

# A run may have made one of OpenClaw's skill directories, which are part of the key.
see_again() {
  words=$watch_words
  describe_view
}

# As the freshness check, but a record of a run that failed counts as well. `own`: only one of this very view,
# which also tells what is gone.
is_unchanged() {
  for_watch=$1 unchanged=''
  shift
  is_fresh "$@" && unchanged=yes
  for_watch=''
  [ -n "$unchanged" ]
}

# Finds the record with which the next looks compare: the directory of one that metadata prove, else `own` for
# this view's by contents, else `any` for any that knows the skills, else none: the run was killed, could not write
# one, or something changed while it was at work. Then they compare lists of files.
remember() {
  last_view=$view kept='' is_exact='' for_watch=own seen=seen records=$prefix/share/openclaw-skill-deps/freshness
  # Only a record names the directories that words or variables name, also where something has changed since.
  if any_record is_of_view; then paths=$record; fi
  if any_record is_seen; then
    kept=$record paths=$record
  elif is_unchanged own "$@"; then
    kept=own
  elif is_unchanged any "$@"; then
    kept=any
  else
    is_exact=$seen_programs
    [ -n "$seen_programs" ] || seen_programs=$(describe_programs)
  fi
  for_watch=''
}

is_of_view() {
  { read -r recorded <"$record/seen"; } 2>/dev/null && [ "$recorded" = "$view" ]
}

# Before a run: the next look sees what changes in the meantime. A run that can write changes programs itself.
see_inputs() {
  seen_inputs=$(describe_inputs) seen_programs=''
  [ -w "$prefix/manifest.json" ] || seen_programs=$(describe_programs)
}

# Skills and openclaw.json as the run that follows finds them.
describe_inputs() {
  {
    list_roots
    stat -c '%s %Z %n' "$config" 2>/dev/null
  } | cksum
}

describe_programs() {
  {
    print_files "$prefix/bin"
    [ ! -w "$prefix/manifest.json" ] || printf 'writable\n'
  } | cksum
}

# A skill may be half copied. Waits until two listings are the same, 10 s at most.
await_quiet() {
  before='' tries=0
  while [ "$tries" -lt 20 ]; do
    listing=$(list_roots)
    [ "$listing" != "$before" ] || break
    before=$listing tries=$((tries + 1))
    pause 0.5
  done
}

# Every file below the directories of skills, and of recipes where a record names them: also those of a new
# skill, which no record knows yet.
list_roots() {
  with_skill_roots print_files
  [ -z "$paths" ] || { cd "$paths" 2>/dev/null && print_files roots/* listed/*; }
}

# Not those of the status skill, which a run may write. Without a path find would take the working directory.
print_files() {
  [ $# -gt 0 ] || return 0
  find -L "$@" -maxdepth 8 \( -name '.?*' -o -name node_modules -o -name skill-deps-status \) -prune -o -type f \
    -exec stat -c '%s %Z %n' {} + 2>/dev/null
}

# Compares, and asks Node where that is not enough.
run_watched() {
  occasion=$again again='' status=0 same=''
  case $occasion.$reason$node_why in
    first.) is_fresh "$@" && same=yes ;;
    .) is_unchanged any "$@" && same=yes ;;
  esac
  report_health busy
  see_inputs
  case $same.$occasion in
    yes.first) answer ;;
    yes.*)
      # Other times, the same contents: only a new record is needed, where one can be written.
      [ ! -w "$prefix/manifest.json" ] || run_quietly "$@"
      ;;
    .first) run_node "$@" ;;
    *)
      reason=${reason:-${node_why:-$why}}
      told=${reason#maybe: }
      [ -z "$verbose" ] || say "watch: ${told#same: }"
      run_node "$@"
      ;;
  esac
  see_again
  remember "$@"
  plan_times
  if [ "$occasion" = first ] && [ "$status" -eq 2 ] && [ -z "$guarded" ]; then end_watch 2; fi
  plan_retry
  report_health idle
}

# Times of what was written a moment before a run prove nothing yet, on other file systems than the volume's.
# Contents do, but to compare them at each look would cost ten times as much.
plan_times() {
  read_clock
  settled=''
  case $status.$kept in 0.own | 0.any) settled=$((now + 4)) ;; esac
}

record_times() {
  [ -w "$prefix/manifest.json" ] || return 0
  report_health busy
  seen_programs=''
  run_quietly "$@"
  see_again
  remember "$@"
  plan_retry
  report_health idle
}

# Node prints what it did, and nothing again of what it could not do: contents are the same.
run_quietly() {
  reason='same: something has changed since the last run'
  run_node "$@"
}

# What failed is tried again after growing pauses: 4 s at first, 10 minutes at last, and up to a fourth more,
# so that many watchers do not come at once.
plan_retry() {
  retry='' retry_why=''
  case $status in 0) result=ok ;; *) result="failed (status $status)" ;; esac
  [ -z "$kept" ] || is_raced=''
  if [ "$status" -eq 0 ] && [ -n "$kept" ] && [ ! -s "$record/for-watch" ]; then
    delay=0
    return
  fi
  read_clock
  if [ -z "$kept" ] && [ -z "$is_raced$is_exact" ]; then
    # No record tells what the run saw: something may have changed while it was at work.
    is_raced=yes retry=$now retry_why="maybe: $why"
    return
  fi
  [ "$status" -ne 0 ] || retry_why='same: the last run left something for later'
  delay=$((delay * 2))
  [ "$delay" -ge 4 ] || delay=4
  [ "$delay" -le 600 ] || delay=600
  retry=$((now + delay + delay * hundredths / 400))
}

# ------------------------------------------------------------------------------ health

# A file that `health` reads, one for each watcher, in a directory of this user's own. Without one there is no
# health to be told. A watcher that was killed leaves its file, so that `health` tells of it, until the next one
# of the same volume starts: that replaces one.
open_health() {
  health=''
  has_health_dir || mkdir -m 700 "$health_dir" 2>/dev/null
  if has_health_dir; then
    forget_dead
    find_process self && watcher=$found born=$since health=$health_dir/watch-$found-$since
  fi
  result=pending
}

# False if it is not there, or another user's.
has_health_dir() {
  read_uid
  health_dir=${XDG_RUNTIME_DIR:-/tmp}/openclaw-skill-deps-$uid
  # shellcheck disable=SC3067 # dash, ash, bash, ksh and zsh all have -O
  [ -d "$health_dir" ] && [ ! -h "$health_dir" ] && [ -O "$health_dir" ]
}

# Sets the number of a process and when it was started (in ticks since the machine was): the number alone may be
# another process's after a restart. False if it does not run.
find_process() {
  found='' since='' fields=''
  { read -r fields <"/proc/$1/stat"; } 2>/dev/null
  found=${fields%% *}
  # Its name, in parentheses, may contain anything.
  fields=${fields##*) }
  case $fields in '' | [ZX]*) return 1 ;; esac
  # shellcheck disable=SC2086 # numbers
  set -- $fields
  shift 19
  since=$1
}

is_alive() {
  find_process "$watcher" && [ "$since" = "$born" ]
}

# Removes the file of one watcher of this volume that is dead, and all those of volumes that are gone.
forget_dead() {
  left=$prefix
  for file in "$health_dir"/watch-*; do
    read_beat || continue
    is_alive && continue
    if [ ! -d "$of" ]; then
      rm -f "$file"
    elif [ "$of" = "$left" ]; then
      # Of two watchers that start at the same time, each removes another one.
      rm "$file" 2>/dev/null && left=''
    fi
  done
}

# The watcher's process, when it looked, whether a run is at work, and how the last one ended: two lines over
# the former ones, of which something may follow. If the file were emptied first, a watcher that is killed at
# that moment would leave no word of itself. On a full disk there is no health to be told, either.
report_health() {
  [ -n "$health" ] || return 0
  { printf '%s %s %s %s\n%s %s\n' "$watcher" "$now" "$1" "$result" "$born" "$prefix" 1<>"$health"; } 2>/dev/null
}

# What report_health wrote. False if there is no file; it is empty for a moment after it was created.
read_beat() {
  watcher='' beat='' state='' result='' born='' of='' tries=0
  while [ -r "$file" ] && [ "$tries" -lt 3 ]; do
    { read -r watcher beat state result && read -r born of; } <"$file" && return
    tries=$((tries + 1))
    sleep 0.1
  done
  return 1
}

# `health`: 0 while every watcher of this user is alive and has finished its first run; with --strict, and the
# last run of each was good.
tell_health() {
  if [ "$words" != 6:health, ]; then
    say 'error: health takes no other words than --strict and --quiet [E_USAGE]'
    status=2
    return
  fi
  read_clock
  status=''
  if has_health_dir; then
    for file in "$health_dir"/watch-*; do
      read_beat || continue
      if ! judge_beat; then status=5; fi
      status=${status:-0}
    done
  fi
  [ -n "$status" ] || say 'watch is not running here [E_NOT_WATCHING]'
  status=${status:-5}
}

# A run that takes an hour hangs: Node does so, for instance, where it can start too few threads.
judge_beat() {
  whose="watch of $of" longest=60
  [ "$state" = idle ] || longest=3600
  if ! is_alive; then
    say "$whose was killed; start it again, or remove $file [E_NOT_WATCHING]"
  elif [ "$result" = pending ]; then
    say "$whose has not finished its first run [E_NOT_WATCHING]"
  elif [ $((now - beat)) -gt "$longest" ]; then
    say "$whose has not looked for $((now - beat)) s [E_NOT_WATCHING]"
  elif [ "$result" != ok ] && [ -n "$strict" ]; then
    say "$whose: the last run $result [E_NOT_WATCHING]"
  else
    case $result in ok) result='was good' ;; esac
    [ -n "$quiet" ] || say "$whose: the last look was $((now - beat)) s ago, the last run $result"
    return 0
  fi
  return 1
}

# That of the files that were read, even if another one replaces them before the first look.
read_build
own_build=$build
