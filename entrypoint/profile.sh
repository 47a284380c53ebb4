# shellcheck shell=sh
# Login shells find the programs that OpenClaw skills need. /etc/profile reads this file where it is
# installed as /etc/profile.d/openclaw-skill-deps.sh; it does nothing where the volume is not mounted.
openclaw_volume=${OPENCLAW_SKILL_PREFIX:-/opt/openclaw}
case $openclaw_volume in
  # A colon would add two directories, and a relative path another one in every place.
  *:* | [!/]*) openclaw_volume=/opt/openclaw ;;
esac
case :${PATH:-}: in
  *":$openclaw_volume/bin:"*) ;;
  *)
    # At the end, so that nothing in the volume hides a program of the image.
    if [ -d "$openclaw_volume/bin" ]; then
      export PATH="${PATH:+$PATH:}$openclaw_volume/bin"
    fi
    ;;
esac
unset openclaw_volume
