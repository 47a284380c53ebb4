# shellcheck shell=sh
# Adds the volume's programs to the PATH of login shells, and lets scripts of skills import the packages that the
# volume has for them. /etc/profile reads this file as /etc/profile.d/openclaw-skill-deps.sh; it does nothing if
# the volume is not mounted.
openclaw_volume=${OPENCLAW_SKILL_PREFIX:-/opt/openclaw}
case $openclaw_volume in
  # A colon would add two directories, and a relative path depends on the working directory.
  *:* | [!/]*) openclaw_volume=/opt/openclaw ;;
esac
case :${PATH:-}: in
  *":$openclaw_volume/bin:"*) ;;
  *)
    # Last, so that nothing in the volume hides a program of the image.
    if [ -d "$openclaw_volume/bin" ]; then
      export PATH="${PATH:+$PATH:}$openclaw_volume/bin"
    fi
    ;;
esac
openclaw_hooks=$openclaw_volume/share/openclaw-skill-deps
if [ -d "$openclaw_hooks/libraries" ]; then
  if [ -r "$openclaw_hooks/python/sitecustomize.py" ]; then
    case :${PYTHONPATH:-}: in
      *":$openclaw_hooks/python:"*) ;;
      *) export PYTHONPATH="$openclaw_hooks/python${PYTHONPATH:+:$PYTHONPATH}" ;;
    esac
  fi
  # Without a network `uv run` takes packages from there; the hook gives their modules.
  if [ -d "$openclaw_hooks/wheels" ] && [ -d /sys/class/net/lo ]; then
    for openclaw_device in /sys/class/net/*; do
      [ "$openclaw_device" = /sys/class/net/lo ] || break
      openclaw_device=''
    done
    if [ -z "$openclaw_device" ]; then
      export UV_OFFLINE=1 UV_FIND_LINKS="$openclaw_hooks/wheels" UV_CACHE_DIR="${UV_CACHE_DIR:-/tmp/uv-cache}"
    fi
    unset openclaw_device
  fi
  # Node does not start if it cannot load a module that NODE_OPTIONS names.
  if [ -r "$openclaw_hooks/node/register.cjs" ]; then
    case " ${NODE_OPTIONS:-} " in
      *" --require=$openclaw_hooks/node/register.cjs "*) ;;
      *)
        case $openclaw_hooks in
          *[!A-Za-z0-9._/+@%=,-]*) ;; # Node would split or unquote it
          *) export NODE_OPTIONS="${NODE_OPTIONS:+$NODE_OPTIONS }--require=$openclaw_hooks/node/register.cjs" ;;
        esac
        ;;
    esac
  fi
fi
unset openclaw_volume openclaw_hooks
