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
