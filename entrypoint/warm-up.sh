#!/bin/sh
# For the build of an image, as root: installs one small program into a volume that is thrown away, so that
# what V8 compiles for it is kept beside the program (dist/program.cache), for later runs to start with.
#
# Fails where a server answered and yet nothing was installed: a cache of half a run would go unnoticed.
# Where no server can be reached, it says so, and the image is built with what the run came to.
set -u
package=$(cd -- "$(dirname -- "$0")/.." && pwd -P)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/skills/rg"
cat >"$work/skills/rg/SKILL.md" <<'END'
---
name: rg
description: Searches text.
metadata: {"openclaw": {"requires": {"bins": ["rg"]}}}
---
END
# A seed of the base image is no download, and its shells are no concern of this run.
report=$(OPENCLAW_SKILL_DEPS_CODE_CACHE=write OPENCLAW_SKILL_PROFILE_DIR='' OPENCLAW_SKILL_SEED='' \
  "$package/entrypoint/openclaw-install-skill-deps" --ignore-system --json \
  --prefix "$work/volume" --skills-dir "$work/skills")
status=$?

if [ ! -s "$package/dist/program.cache" ]; then
  echo "warm-up: error: no code cache was written (status $status)" >&2
  exit 1
fi
if [ -x "$work/volume/bin/rg" ]; then
  echo 'warm-up: the code cache is of a run that installed a program' >&2
  exit 0
fi
case $report in
  *' answered '[1-5][0-9][0-9]*) ;;
  *'there is no network here'* | *'"code": "network"'*)
    echo 'warm-up: no server can be reached, so the code cache is of a run that installed nothing' >&2
    exit 0
    ;;
esac
echo "warm-up: error: nothing was installed (status $status), although a server can be reached; the reason
is above. An image of this build would start slowly, so it is not built. Fix the cause (npm's registry
is named by npm_config_registry or an .npmrc), or build without a network: docker build --network none" >&2
exit 1
