# shellcheck shell=sh disable=SC2154,SC2034,SC2030,SC2031 # the freshness check reads this, and has set what is read here; subshells are meant
# Looks again every few seconds, and runs when something changed: `watch`, and --watch beside CMD. Sourced by
# openclaw-install-skill-deps. It uses no file-system notifications, because NFS, SMB and VirtioFS have none,
# and keeps no Node in memory. A look costs what the freshness check costs.

# Never returns. `guarded`: the process of CMD, with which it ends.
watch() {
  watch_words=$request kept='' last_view='' again=first retry='' settled='' is_raced='' delay=0 looks=0 sleeper=''
  open_health
  set_watch_traps
  if [ -n "$guarded" ] && [ -z "$no_wait" ]; then
    # CMD has waited for the first run.
    again=''
    see_again
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

# Seconds and hundredths since the machine started, which no other process has to be asked for.
read_clock() {
  read -r uptime _ </proc/uptime
  now=${uptime%.*} hundredths=${uptime#*.}
  hundredths=${hundredths#0}
}

# One look; and a run, if something changed or it is time to try again what failed.
look() {
  looks=$((looks + 1))
  read_clock
  report_health idle
  words=$watch_words node_why='' reason=''
  describe_view
  case $again in
    first) ;;
    HUP) reason='SIGHUP was received' ;;
    *)
      if has_changed "$@"; then
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

# True where something that decided the last run is not as it was. The files of the volume's trees are looked
# at once a minute: they are many, and nothing but a run or damage changes them.
has_changed() {
  [ "$view" = "$last_view" ] || return 0
  case $kept in
    '') return 1 ;;
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
# this view's by contents, else `any` for any that knows the skills, else none. Then only time tells when to try
# again.
remember() {
  last_view=$view kept='' for_watch=own seen=seen records=$prefix/share/openclaw-skill-deps/freshness
  if any_record is_seen; then
    kept=$record
  elif is_unchanged own "$@"; then
    kept=own
  elif is_unchanged any "$@"; then
    kept=any
  fi
  for_watch=''
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
  cd "$kept" 2>/dev/null && print_files roots/* listed/*
}

print_files() {
  find -L "$@" -maxdepth 8 \( -name '.?*' -o -name node_modules \) -prune -o -type f \
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
  case $same.$occasion in
    yes.first) answer ;;
    yes.*)
      # Other times, the same contents: only a new record is needed, where one can be written.
      [ ! -w "$prefix/manifest.json" ] || run_quietly "$@"
      ;;
    .first) run_node "$@" ;;
    *)
      reason=${reason:-${node_why:-$why}}
      [ -z "$verbose" ] || say "watch: $reason"
      run_node "$@"
      ;;
  esac
  set_watch_traps
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
  run_quietly "$@"
  set_watch_traps
  see_again
  remember "$@"
  plan_retry
  report_health idle
}

run_quietly() {
  word_count=$((word_count + 1))
  run_node --quiet "$@"
  word_count=$((word_count - 1))
}

# What failed is tried again after growing pauses: 4 s at first, 10 minutes at last, and up to a fourth more,
# so that many watchers do not come at once.
plan_retry() {
  retry='' retry_why=''
  case $status in 0) result=ok ;; *) result="failed (status $status)" ;; esac
  if [ "$status" -eq 0 ] && [ -n "$kept" ] && [ ! -s "$record/for-watch" ]; then
    delay=0 is_raced=''
    return
  fi
  read_clock
  if [ -z "$kept" ] && [ -z "$is_raced" ]; then
    # No record tells what the run saw: something may have changed while it was at work.
    is_raced=yes retry=$now retry_why=$why
    return
  fi
  [ "$status" -ne 0 ] || retry_why='the last run left something for later'
  delay=$((delay * 2))
  [ "$delay" -ge 4 ] || delay=4
  [ "$delay" -le 600 ] || delay=600
  retry=$((now + delay + delay * hundredths / 400))
}

# ------------------------------------------------------------------------------ health

# A file that `health` reads, in a directory of this user's own. Without one there is no health to be told.
open_health() {
  result=pending health=''
  read_uid
  read -r watcher _ </proc/self/stat
  health_dir=${XDG_RUNTIME_DIR:-/tmp}/openclaw-skill-deps-$uid
  [ -d "$health_dir" ] || mkdir -m 700 "$health_dir" 2>/dev/null
  # shellcheck disable=SC3067 # dash, ash, bash, ksh and zsh all have -O
  if [ -d "$health_dir" ] && [ ! -h "$health_dir" ] && [ -O "$health_dir" ]; then health=$health_dir/watch; fi
}

# The watcher's process, when it looked, whether a run is at work, and how the last one ended.
report_health() {
  [ -z "$health" ] || printf '%s %s %s %s\n' "$watcher" "$now" "$1" "$result" >"$health"
}

# `health`: 0 while a watcher is alive that has finished its first run; with --strict, and whose last run was good.
tell_health() {
  read_uid
  read_clock
  watcher='' beat='' state='' result=''
  file=${XDG_RUNTIME_DIR:-/tmp}/openclaw-skill-deps-$uid/watch
  if [ -r "$file" ]; then read -r watcher beat state result <"$file"; fi
  status=5
  if [ -z "$watcher" ] || ! kill -0 "$watcher" 2>/dev/null; then
    say 'watch is not running here [E_NOT_WATCHING]'
  elif [ "$result" = pending ]; then
    say 'watch has not finished its first run [E_NOT_WATCHING]'
  elif [ "$state" = idle ] && [ $((now - beat)) -gt 60 ]; then
    say "watch has not looked for $((now - beat)) s [E_NOT_WATCHING]"
  elif [ "$result" != ok ] && [ -n "$strict" ]; then
    say "watch: the last run $result [E_NOT_WATCHING]"
  else
    status=0
    case $result in ok) result='was good' ;; esac
    [ -n "$quiet" ] || say "watch: the last look was $((now - beat)) s ago, the last run $result"
  fi
}
