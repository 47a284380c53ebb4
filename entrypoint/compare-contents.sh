# shellcheck shell=sh disable=SC2154 # the freshness check sources this and shares its variables
# Compares contents, which may be equal although metadata differ: in another container, after an image
# update, in a copied volume. Sourced by openclaw-install-skill-deps when the quick comparison has failed.

# True if a record of this key, or one for any host, matches.
is_same() {
  known='' volume_state='' volume=sizes
  if [ -w "$prefix/manifest.json" ]; then
    if [ -z "$alone" ]; then volume=volume; elif find_digests; then volume=digests; fi
  fi
  catalogue=$package/dist/catalogue.json
  if [ -n "$candidate$alone" ] && any_record holds; then return; fi
  if [ "$for_watch" != own ] && is_plain "$@"; then
    for record in "$records/any-${platform#+}-"*; do
      checked=$checked.
      [ "${#checked}" -le 32 ] || break
      is_record && volume_holds && skills_are_known && return
    done
  fi
  # Why this key's own record does not match is the better reason.
  [ -z "$known" ] || why=$known
  return 1
}

# The volume first: a forged record fails here, before its links are followed.
holds() {
  volume_holds && contents_hold && return
  case $why in "$no_record") ;; *) known=$why ;; esac
  return 1
}

# ------------------------------------------------------------------------------ the volume

# Checked once: all records have the same data of the volume, because Node drops them before it changes it.
volume_holds() {
  why='programs in the volume are missing or damaged'
  case $volume_state in
    yes) return ;;
    no) return 1 ;;
  esac
  # If times can be set or do not change, only the contents prove anything, for Node as well.
  if [ "$volume" = volume ] && [ -e "$record/by-content" ]; then volume=digests; fi
  if [ "$volume" = digests ]; then
    volume_state=no
    digests_hold || return
  else
    [ "$volume" = sizes ] || why='files in the volume have changed since the last run'
    matches "$volume" || return
  fi
  volume_state=yes
}

list_volume() {
  cd "$record" && list programs/* trees/*
}

# If Node cannot check more closely, it is enough that programs have their size and those in bin/ are
# executable. Modes are not compared: a copy, a backup or Kubernetes' fsGroup changes them harmlessly.
list_sizes() {
  cd "$record" || return
  set --
  for program in programs/*; do
    case ${program#programs/*%} in bin%*) [ -x "$program" ] || continue ;; esac
    set -- "$@" "$program"
  done
  exec stat -L -c '%s %n' "$@" 2>/dev/null
}

# True if the volume's trees have exactly the published contents.
digests_hold() {
  find_digests || return
  saved_record=$record record=$with_digests same=''
  { print_list digests && list_digests; } | are_same && same=yes
  record=$saved_record
  [ -n "$same" ]
}

# Finds the record with the digests, which are large and not in every record.
find_digests() {
  for with_digests in "$records/any-${platform#+}"-*; do
    [ ! -f "$with_digests/digests" ] || return 0
  done
  return 1
}

# "HASH  PATH" of every file, "x PATH" of executables, and other entries; then "end" if nothing failed.
list_digests() {
  cd "$record" && on_path find && with_directories hash_trees trees/* && printf 'end\n'
}

# Every -exec is outside parentheses: busybox ignores those inside.
hash_trees() {
  # shellcheck disable=SC2086 # two words or none
  "$directory/find" -H "$@" $depth -type d -exec printf 'd %s\n' {} + -o \
    ! -type f ! -type l -exec printf 'odd %s\n' {} + -o \
    -type f \( -perm -4000 -o -perm -2000 \) -exec printf 'set-id %s\n' {} + -o \
    -type f -exec sha256sum {} + \( -perm -100 -o -perm -010 -o -perm -001 \) \
    -exec printf 'x %s\n' {} + 2>/dev/null || [ -n "$depth" ] || return
  # shellcheck disable=SC2086 # two words or none
  if [ -e by-stat ]; then
    "$directory/find" -H "$@" $depth -type l -exec stat -c 'l %N' {} +
  else
    "$directory/find" -H "$@" $depth -type l -printf "l '%p' -> '%l'\n"
  fi 2>/dev/null || [ -n "$depth" ]
}

# ------------------------------------------------------------------------------ skills and settings

# True if exactly the recorded files have exactly the recorded contents, in any order. The status skill may
# have been written since.
contents_hold() {
  if [ ! -e "$record/content" ]; then
    # Where plugins lie in directories, contents do not prove that no other one has come.
    first='' why=$no_record
    { IFS= read -r first <"$record/seen"; } 2>/dev/null
    [ "$first" != "$view" ] || why='skills, recipes, settings or plugins have changed since the last run'
    return 1
  fi
  { print_list content && list_content; } | are_same
  changed=$?
  case $changed in
    0) return ;;
    6) ! is_status_skill || return 0 ;;
  esac
  name_change "$changed"
  return 1
}

# True if no skill-deps-status/SKILL.md is somebody's own skill: each begins as those that Node writes do.
is_status_skill() {
  start=$package/dist/status-skill.txt
  [ -r "$start" ] || return
  for path in "$record"/roots/*/skill-deps-status/SKILL.md; do
    [ -e "$path" ] || continue
    head -c "$(wc -c <"$start")" "$path" | cmp -s - "$start" || return
  done
}

# Prints one of the record's lists, up to the largest size that Node writes.
print_list() {
  [ -f "$record/$1" ] && head -c 67108864 "$record/$1" && echo ---
}

# "HASH  PATH" of every SKILL.md below the record's directories, of its files, and of the arguments, and of the
# names of requests; then "end" if nothing failed.
list_content() {
  cd "$record" || return
  printf '%s\n' "$view" system/*
  hash_names names/*
  dependencies=''
  [ ! -e dependencies ] || dependencies="$dependency_files -o -name *.py"
  hash_files && printf 'end\n'
}

# Of all names in each directory at once: who can write there could have names that look like lines.
hash_names() {
  for path; do
    [ -d "$path" ] || continue
    # shellcheck disable=SC2012 # the names are only hashed
    LC_ALL=C ls "$path/" 2>/dev/null | sha256sum | { read -r hash _ && printf '%s  %s\n' "$hash" "$path"; }
  done
}

# Names by which skills declare libraries: the same as in src/core/library-set.ts.
dependency_files='-o -name requirements*.txt -o -name constraints*.txt -o -name pyproject.toml -o -name package.json
  -o -name package-lock.json -o -name npm-shrinkwrap.json -o -name yarn.lock -o -name pnpm-lock.yaml'

# `dependencies` is a part of its expression.
hash_files() {
  set -- files/* roots/* listed/* "$@"
  for path; do
    shift
    [ ! -e "$path" ] || set -- "$@" "$path"
  done
  set -f
  # shellcheck disable=SC2086 # words of an expression, or none
  find -L "$@" -maxdepth 8 \( -name '.?*' -o -name node_modules \) -prune -o -type f \
    \( -name SKILL.md -o -path 'files/*' -o -path 'listed/*' -o -path "$catalogue" $dependencies \) \
    -exec sha256sum {} + 2>/dev/null
  hash_status=$?
  set +f
  return "$hash_status"
}

# Returns the kind of a list's line as an exit status: see name_change.
kind_of_line='
  function kind(line) {
    if (line ~ /^[0-9a-f]+  roots\/[0-9]+\/skill-deps-status\/SKILL[.]md$/) return 6
    if (line ~ /^[0-9a-f]+  roots\// || line ~ /\/SKILL[.]md$/) return 2
    if (line ~ /[\/%]((requirements|constraints)[^\/]*[.]txt|pyproject[.]toml|[^\/]*[.]py)$/) return 2
    if (line ~ /[\/%](package|package-lock|npm-shrinkwrap)[.]json$|[\/%](yarn[.]lock|pnpm-lock[.]yaml)$/) return 2
    if (line ~ /^[0-9a-f]+  names\//) return 7
    if (line ~ /^[0-9a-f]+  listed\// || line ~ /catalogue[.]json$/) return 3
    if (line ~ /manifest[.]json$/) return 4
    return line ~ /^[0-9a-f]+  files\// ? 5 : 1
  }'

# True if the lines before `---` equal those after it, in any order. Additional executable bits are no
# difference. The status is 6 where only lines of a status skill differ.
are_same() {
  awk "$kind_of_line"'
    $0 == "---" { disk = 1; next }
    !disk { want[$0]; next }
    !($0 in want) && /^x / { next }
    !($0 in want) && kind($0) == 6 { told = 6; next }
    !($0 in want) { differs = kind($0); exit }
    { got[$0] }
    END {
      if (differs) exit differs
      for (line in want) {
        if (line == "end" || line in got) continue
        if (kind(line) != 6) exit kind(line)
        told = 6
      }
      exit ("end" in got) ? told + 0 : 1
    }'
}

# Sets `why` to the meaning of the status of are_same or needs_of.
name_change() {
  case $1 in
    2 | 6) why='a skill was added, changed or removed since the last run' ;;
    3) why='recipes have changed since the last run' ;;
    4) why='the manifest of the volume or of a seed has changed since the last run' ;;
    5) why='openclaw.json or another settings file has changed since the last run' ;;
    7) why='agents ask for something else than at the last run' ;;
    *) why=$no_record ;;
  esac
}

# ------------------------------------------------------------------------------ a record for any host

# True if no word, openclaw.json, .env file or plugin changes the selection, and there is no seed to fill the
# volume from.
is_plain() {
  for settings in "$state/.env" "${config%/*}/.env" "$home/.config/openclaw/gateway.env" \
    "$state/extensions"; do
    [ ! -e "$settings" ] || return
  done
  [ ! -e "$seed" ] || [ ! -w "$prefix/manifest.json" ] || return
  [ ! -e "$config" ] && [ -z "${OPENCLAW_SKILLS:-}${OPENCLAW_SKILL_DIRS:-}${OPENCLAW_SKILL_REQUESTS:-}" ] ||
    return
  [ -z "$request" ] || words_are manner "$@"
}

# True if each word up to `--` is of this kind, as listed by the build: `manner` does not change what is
# installed, `selection` does. `watch` is one only as the first word; Node refuses it elsewhere.
words_are() {
  manner='' selection='' left=$word_count kind=$1
  shift
  if [ "${1-}" = watch ] && [ "$left" -gt 0 ]; then
    left=$((left - 1))
    shift
  fi
  [ -r "$package/dist/words.txt" ] || return
  { read -r manner && read -r selection; } <"$package/dist/words.txt"
  [ "$kind" = manner ] || manner="$manner $selection"
  while [ "$left" -gt 0 ]; do
    case " $manner " in
      *" $1= "*) # its value is the next word, which Node rejects if it begins with a dash
        [ "$left" -gt 1 ] || return
        case $2 in -*) return 1 ;; esac
        shift
        left=$((left - 1))
        ;;
      *" $1 "* | *" ${1%%=*}= "*) ;;
      *) return 1 ;;
    esac
    shift
    left=$((left - 1))
  done
}

# True if some run with this catalogue selected every SKILL.md here, at any path, and its programs are
# present. So a sandbox verifies the skills that OpenClaw copied into it; without skills it verifies all.
skills_are_known() {
  find_catalogue || return
  has_requested || return
  needed=$(with_skill_roots needs_of) || { name_change $? && return 1; }
  for name in $needed; do
    on_path "$name" || [ -x "$prefix/bin/$name" ] || {
      why="$name is neither on PATH nor in the volume"
      return 1
    }
  done
}

# Sets `catalogue`: the package's own, or the one of OPENCLAW_SKILL_CATALOGUE, if the record is of a run with it.
find_catalogue() {
  catalogue=$package/dist/catalogue.json
  if [ -n "${OPENCLAW_SKILL_CATALOGUE:-}" ]; then
    catalogue=$record/catalogue.json spec=''
    why='the volume was filled with another catalogue'
    [ ! -f "$record/spec" ] || IFS= read -r spec <"$record/spec"
    [ "$spec" = "$OPENCLAW_SKILL_CATALOGUE ${OPENCLAW_SKILL_CATALOGUE_KEY:-}" ] || return
  fi
  why="$catalogue is missing"
  [ -f "$catalogue" ]
}

# True if the volume has the tools or programs in OPENCLAW_SKILL_TOOLS.
has_requested() {
  set -f
  IFS=' ,	'
  # shellcheck disable=SC2086 # to be split
  set -- ${OPENCLAW_SKILL_TOOLS:-}
  unset IFS
  set +f
  for name; do
    why="OPENCLAW_SKILL_TOOLS names $name, which the volume does not have"
    case $name in *[!A-Za-z0-9._+-]*) return 1 ;; esac
    for found in "$record/programs"/*"%bin%$name" "$record/trees"/*"%$name"; do
      [ ! -h "$found" ] || continue 2
    done
    return 1
  done
}

# A script that is edited in a sandbox is not compared: it cannot change what is installed there.
with_dependencies() {
  dependencies=''
  [ ! -e dependencies ] || dependencies=$dependency_files
}

# Prints the programs that the SKILL.md files below these directories require.
needs_of() {
  { print_list satisfied && cd "$record" && with_dependencies && hash_files "$catalogue" "$@" && echo end; } | awk "$kind_of_line"'
    $0 == "---" { disk = 1; next }
    !disk && /[^0-9A-Za-z ._+-]/ { unknown = 1; exit }
    !disk { hash = $1; $1 = ""; names[hash] = $0; next }
    $0 == "end" { whole = 1; next }
    !($1 in names) { unknown = kind($0); exit }
    /\/SKILL[.]md$/ { skills++ }
    { needed[$1] }
    END {
      if (unknown || !whole) exit unknown ? unknown : 1
      for (hash in names) if (!skills || hash in needed) print names[hash]
    }'
}
