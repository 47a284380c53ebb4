import type { Problem } from "./problem.ts";

/** Problems of connections, servers and their responses. */
export const networkProblems = {
  E_NO_REGISTRY: {
    kind: "config",
    cause: "No Python index or Go module proxy is configured on this host.",
    remedy: "Set PIP_INDEX_URL (or index-url in /etc/pip.conf), or GOPROXY.",
  },
  E_PROTOCOL: {
    kind: "network",
    cause: "The server or the proxy violates the TLS or HTTP protocol.",
    remedy:
      "Check that the address is a web server, and that no proxy in between damages or compresses its responses.",
  },
  E_OFFLINE: {
    kind: "unmet",
    cause: "A download is needed, but this run is offline.",
    remedy: "Run without --offline on a host with a network, or import a bundle.",
  },
  E_NO_NETWORK: {
    kind: "unmet",
    cause: "A download is needed, but this host has no network interface except loopback.",
    remedy: "Install from a host with a network (gateway or provisioner), or import a bundle.",
  },
  E_NAME_LOOKUP: {
    kind: "network",
    cause: "DNS cannot resolve the name of the server, or does not respond.",
    remedy: "Check that this host can reach the server, directly or through HTTPS_PROXY.",
  },
  E_UNREACHABLE: {
    kind: "network",
    cause: "The server or the proxy refuses the connection, or there is no route to it.",
    remedy: "Check that this host can reach the server, directly or through HTTPS_PROXY.",
  },
  E_DOWNLOAD_STALLED: {
    kind: "network",
    cause: "The server did not respond in time, or a download stalled.",
    remedy: "Try again later. On a slow network, raise npm's fetch-timeout.",
  },
  E_CONNECTION: {
    kind: "network",
    cause: "The connection was closed or failed.",
    remedy: "Try again later; the partial download was discarded.",
  },
  E_PROXY: {
    kind: "network",
    cause: "The proxy cannot connect to the server, or requires credentials.",
    remedy:
      "Check the proxy URL and its credentials (http://user:password@host:port), or add the host to NO_PROXY.",
  },
  E_CERTIFICATE: {
    kind: "network",
    cause: "The TLS certificate of the server or the proxy is not trusted.",
    remedy:
      "If a company proxy re-signs TLS traffic, set NODE_EXTRA_CA_CERTS, SSL_CERT_FILE or npm's cafile to its CA certificate.",
  },
  E_CERTIFICATE_SETTING: {
    kind: "config",
    cause: "A certificate is not trusted, and a setting that names certificates is wrong.",
    remedy: "Correct the setting that the message names.",
  },
  E_REDIRECT: {
    kind: "network",
    cause: "The server redirects too often, in a loop, or to a URL that is not allowed.",
    remedy: "Use another source or a mirror of this file.",
  },
  E_HTTP_NOT_FOUND: {
    kind: "network",
    cause: "The server has no such file (404 or 410).",
    remedy: "Check that the mirror has this path. Otherwise the recipe is out of date: update it.",
  },
  E_HTTP_FORBIDDEN: {
    kind: "network",
    cause: "The server requires credentials or denies access (401, 403 or 451).",
    remedy: "Check what the server requires: a token, an allowed IP address, a proxy.",
  },
  E_HTTP_SERVER: {
    kind: "network",
    cause: "The server reports an internal error or too many requests (5xx, 408, 425 or 429).",
    remedy: "Try again later.",
  },
  E_HTTP_STATUS: {
    kind: "network",
    cause: "The server responded with an unexpected status.",
    remedy: "Check the URL, the mirror and the proxy.",
  },
  E_NOT_A_REGISTRY: {
    kind: "network",
    cause:
      "The configured registry, mirror, index or find-links address does not respond like one.",
    remedy:
      "Check for a login page or a proxy in between; else correct the setting: see `npm config list` and `pip config list`.",
  },
  E_NOT_LISTED: {
    kind: "network",
    cause: "The registry or index does not list this version or file.",
    remedy: "It may delay new versions or have removed this one: try another registry or index.",
  },
  E_GO_MODULE: {
    kind: "network",
    cause: "go cannot fetch a module or one of its dependencies.",
    remedy: "See `go env GOPROXY GOSUMDB`; the proxy must have the module and its dependencies.",
  },
  E_NPM_UNRESOLVED: {
    kind: "network",
    cause: "npm cannot resolve packages, because its registry does not respond correctly.",
    remedy: "Check `npm config ls -l`, and that the registry responds to `npm ping`.",
  },
  E_WHEELS_UNRESOLVED: {
    kind: "network",
    cause: "pip cannot resolve wheels for a package.",
    remedy:
      "Choose packages that have wheels. An sdist is never installed, because it runs its own code.",
  },
} as const satisfies Record<string, Problem>;
