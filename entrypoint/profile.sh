# shellcheck shell=sh
# Adds the volume's programs to the PATH of login shells. /etc/profile reads this file as
# /etc/profile.d/openclaw-skill-deps.sh; it does nothing if the volume is not mounted.
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
unset openclaw_volume
