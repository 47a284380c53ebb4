import type { Problem } from "./problem.ts";

/** Problems on the way to servers, and with what they answer. */
export const networkProblems = {
  E_NO_REGISTRY: {
    kind: "config",
    cause: "No Python index or no Go module proxy is configured on this host.",
    remedy: "Set PIP_INDEX_URL (or index-url in /etc/pip.conf), or GOPROXY.",
  },
  E_PROTOCOL: {
    kind: "network",
    cause: "The server or the proxy does not speak TLS or HTTP as it should.",
    remedy:
      "Check that it is a web server, and that nothing on the way breaks or compresses its answers.",
  },
  E_OFFLINE: {
    kind: "unmet",
    cause: "Something must be fetched, and this run is offline.",
    remedy: "Run without --offline where there is a network, or import a bundle.",
  },
  E_NO_NETWORK: {
    kind: "unmet",
    cause: "Something must be fetched, and this host has no network interface but loopback.",
    remedy:
      "Fill the volume from a host that has one: a provisioner, the gateway, or bundle import.",
  },
  E_NAME_LOOKUP: {
    kind: "network",
    cause: "DNS does not know the name of the server, or does not answer.",
    remedy: "Check that this host may reach the server, directly or through HTTPS_PROXY.",
  },
  E_UNREACHABLE: {
    kind: "network",
    cause: "The server or the proxy refuses the connection, or there is no route to it.",
    remedy: "Check that this host may reach the server, directly or through HTTPS_PROXY.",
  },
  E_DOWNLOAD_STALLED: {
    kind: "network",
    cause: "The server did not answer in time, or a download stalled.",
    remedy: "Try again later. Slow networks need more time: see npm's fetch-timeout.",
  },
  E_CONNECTION: {
    kind: "network",
    cause: "The connection was cut, or failed in another way.",
    remedy: "Try again later; what arrived was not kept.",
  },
  E_PROXY: {
    kind: "network",
    cause: "The proxy does not connect to the server, or wants credentials.",
    remedy:
      "Check the proxy's setting and its credentials (http://user:password@host:port), or put the host into NO_PROXY.",
  },
  E_CERTIFICATE: {
    kind: "network",
    cause: "The TLS certificate of the server or the proxy is not trusted here.",
    remedy:
      "Where a company's proxy signs the traffic, name its CA in NODE_EXTRA_CA_CERTS, SSL_CERT_FILE or npm's cafile.",
  },
  E_CERTIFICATE_SETTING: {
    kind: "config",
    cause: "A certificate is not trusted, and a setting that names certificates is wrong.",
    remedy: "Correct the setting that the message names.",
  },
  E_REDIRECT: {
    kind: "network",
    cause: "The server redirects too often, in a circle, or to an address that is not allowed.",
    remedy: "Name another source or a mirror of this file.",
  },
  E_HTTP_NOT_FOUND: {
    kind: "network",
    cause: "The server has no such file (404 or 410).",
    remedy: "Check that the mirror has this path; else the recipe is out of date: update it.",
  },
  E_HTTP_FORBIDDEN: {
    kind: "network",
    cause: "The server wants credentials or forbids the request (401, 403 or 451).",
    remedy: "Check what the server expects: a token, an address that it knows, a proxy.",
  },
  E_HTTP_SERVER: {
    kind: "network",
    cause: "The server has a fault or too many requests (5xx, 408, 425 or 429).",
    remedy: "Try again later.",
  },
  E_HTTP_STATUS: {
    kind: "network",
    cause: "The server answered with another status than a file server does.",
    remedy: "Check the URL, the mirror and the proxy.",
  },
  E_NOT_A_REGISTRY: {
    kind: "network",
    cause: "The registry, mirror, index or find-links directory that is configured is not one.",
    remedy: "Correct the setting: see `npm config list` and `pip config list`.",
  },
  E_NOT_LISTED: {
    kind: "network",
    cause: "The registry or index does not list this version or file.",
    remedy:
      "It may hold versions back for some days, or have removed this one: try another registry or index.",
  },
  E_GO_MODULE: {
    kind: "network",
    cause: "go cannot fetch a module or one that it needs.",
    remedy: "See `go env GOPROXY GOSUMDB`; the proxy must have the module and all that it needs.",
  },
  E_NPM_UNRESOLVED: {
    kind: "network",
    cause: "npm cannot choose packages, as its registry does not answer as it should.",
    remedy: "See `npm config ls -l`, and whether the registry answers: npm ping.",
  },
  E_WHEELS_UNRESOLVED: {
    kind: "network",
    cause: "pip cannot choose wheels for a package.",
    remedy: "Only wheels are installed: an sdist would run its own code at install.",
  },
} as const satisfies Record<string, Problem>;
