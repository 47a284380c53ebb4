#!/bin/sh
# Install script of a devcontainer feature; root runs it when the image is built, with the options of
# devcontainer-feature.json as variables. It needs Node 22 or newer: use it with the feature `node`.
#
# The programs become the remote user's, who may install more: openclaw-install-skill-deps gh
#
# Tried: run as root in a plain container with Node, with and without tools. Not tried: the devcontainer CLI.
set -eu
package=${PACKAGE:-openclaw-install-skill-deps@0.1.0}
user=${_REMOTE_USER:-root}

command -v npx >/dev/null || {
  echo 'openclaw-skill-deps needs Node 22 or newer: add the feature ghcr.io/devcontainers/features/node' >&2
  exit 1
}
install -d -o "$user" /opt/openclaw
export npm_config_cache=/tmp/openclaw-npm
# Without a skill in view, a run leaves the command itself in the volume. TOOLS are words.
# shellcheck disable=SC2086
npx -y "$package" --ignore-system --prefix /opt/openclaw ${TOOLS:-}
rm -rf /tmp/openclaw-npm
chown -R "$user" /opt/openclaw
