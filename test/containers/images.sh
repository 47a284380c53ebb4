#!/bin/sh
# Makes the base images of Dockerfile.example from Debian's packages and npm's, for machines that reach
# no image registry: docker.io/library/debian:bookworm-slim and docker.io/library/node:24-bookworm-slim.
# As root; does nothing for a base image that is there, and leaves no other layers behind. For instance:
#
#   test/containers/images.sh              the base images
#   test/containers/images.sh build [TAG [TARGET…]]  also these targets of Dockerfile.example, or all:
#                                          localhost/openclaw-skills-sandbox, -gateway, -seeded,
#                                          -prebuilt and localhost/openclaw-install-skill-deps
#
# CONTEXT is the directory to build from, else this clone, and SKILLS the directory of skills in it. With
# NPM_PACKAGE nothing but Dockerfile.example is used: the package is fetched.
#
# They stand in for the real ones: the same distribution, user and program paths, not the same bytes.
set -eu
cd "$(dirname -- "$0")/../.."
CONTAINERS_CONF=$PWD/test/containers/containers.conf
export CONTAINERS_CONF
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
debian=docker.io/library/debian:bookworm-slim
node=docker.io/library/node:24-bookworm-slim

need() {
  for program; do
    command -v "$program" >/dev/null && continue
    echo "$program is missing: apt-get install -y podman runc mmdebstrap catatonit buildah" >&2
    exit 2
  done
}

make_debian() {
  mmdebstrap --quiet --variant=minbase \
    --include=bash,ca-certificates,curl,git,jq,python3,ripgrep bookworm "$work/debian.tar"
  podman import --quiet "$work/debian.tar" "$debian"
}

# Node from npm's package of it, npm from npm's; both where Docker's image has them.
make_node() {
  (cd "$work" && npm pack --silent "node-linux-$(node_arch)@24" npm@11 >/dev/null)
  mkdir "$work/node" "$work/npm"
  tar -xzf "$work"/node-linux-*.tgz -C "$work/node" --strip-components 1
  tar -xzf "$work"/npm-*.tgz -C "$work/npm" --strip-components 1
  cat >"$work/Dockerfile" <<END
FROM $debian
COPY node/bin/node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx \
 && useradd --create-home --uid 1000 --shell /bin/bash node
CMD ["node"]
END
  podman build --quiet --layers=false --network host --pull=never --tag "$node" "$work"
}

node_arch() {
  case $(uname -m) in x86_64) echo x64 ;; aarch64) echo arm64 ;; esac
}

# The host's certificates and npm configuration are lent to the build, not copied into an image.
build() {
  tag=${1:-latest}
  [ $# -eq 0 ] || shift
  targets=${*:-sandbox gateway seeded prebuilt provisioner}
  context=${CONTEXT:-.}
  file=$context/Dockerfile.example
  if [ -n "${NPM_PACKAGE:-}" ]; then mkdir -p "$work/empty" && context=$work/empty; fi
  # docker's format: OCI's has no HEALTHCHECK.
  set -- --layers=false --network host --pull=never --format docker --file "$file"
  [ -z "${NPM_PACKAGE:-}" ] || set -- "$@" --build-arg PACKAGE=npm --build-arg "NPM_PACKAGE=$NPM_PACKAGE"
  bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
  [ ! -r "$bundle" ] || set -- "$@" --volume "$bundle:/etc/ssl/certs/ca-certificates.crt:ro"
  # npm looks only into its own certificates unless it is told.
  { [ ! -r "$HOME/.npmrc" ] || cat "$HOME/.npmrc"; } >"$work/npmrc"
  printf '\ncafile=/etc/ssl/certs/ca-certificates.crt\n' >>"$work/npmrc"
  set -- "$@" --volume "$work/npmrc:/root/.npmrc:ro"
  for target in $targets; do
    name=openclaw-skills-$target
    [ "$target" != provisioner ] || name=openclaw-install-skill-deps
    podman build "$@" --target "$target" --tag "localhost/$name:$tag" \
      --secret "id=npmrc,src=$work/npmrc" --build-arg "OPENCLAW_IMAGE=$node" \
      --build-arg "SKILLS=${SKILLS:-test/fixtures/sample-skills}" "$context"
  done
}

need podman runc mmdebstrap npm
podman image exists "$debian" || make_debian
podman image exists "$node" || make_node
if [ "${1:-}" = build ]; then
  shift
  build "$@"
fi
