#!/bin/sh
# For image builds, as root: installs one small program into a temporary volume, and runs once more, so that the
# code that V8 compiles for both is stored beside the program (dist/*.cache) and loaded by later runs.
#
# Fails if a server responded but nothing was installed: the incomplete cache would go unnoticed. If no
# server can be reached, it only prints a note, and the image is built with the incomplete cache.
set -u
package=$(cd -- "$(dirname -- "$0")/.." && pwd -P)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/skills/rg"
cat >"$work/skills/rg/SKILL.md" <<'END'
---
name: rg
description: Searches text. # a comment, so that the YAML parser is loaded, too
metadata: {"openclaw": {"requires": {"bins": ["rg"]}}}
---
END
# Skills that declare packages are read by code of its own.
printf 'requests\n' >"$work/skills/rg/requirements.txt"
# Without the base image's seed, which would avoid the download, and without a login-shell script.
run() {
  OPENCLAW_SKILL_DEPS_CODE_CACHE=write OPENCLAW_SKILL_PROFILE_DIR='' OPENCLAW_SKILL_SEED='' \
    "$package/entrypoint/openclaw-install-skill-deps" --ignore-system \
    --prefix "$work/volume" --skills-dir "$work/skills" "$@"
}
report=$(run --json)
status=$?
if [ -x "$work/volume/bin/rg" ]; then run 2>/dev/null; fi

if [ ! -f "$package/dist/program.cache" ]; then
  echo "warm-up: error: no code cache was written (status $status) [E_CODE_CACHE]" >&2
  exit 1
fi
if [ -x "$work/volume/bin/rg" ]; then
  echo 'warm-up: the code cache is complete: it is from a run that installed a program, and one with nothing to do' >&2
  exit 0
fi
case $report in
  *' responded with '[1-5][0-9][0-9]*) ;;
  *'"problem": "E_NO_NETWORK"'* | *'"code": "network"'*)
    echo 'warm-up: warning: no server can be reached, so the code cache is from a run that installed nothing [E_NO_NETWORK]' >&2
    exit 0
    ;;
esac
echo "warm-up: error: nothing was installed (status $status), although a server can be reached [E_CODE_CACHE]

hint: fix the error above (npm_config_registry or an .npmrc sets npm's registry), or build without a
      network: docker build --network none. With an incomplete cache the image would start slowly." >&2
exit 1
