import { BlockList, isIP, isIPv6 } from "node:net";
import { domainToASCII } from "node:url";

/**
 * True if a NO_PROXY list excludes a URL from the proxy. Accepts the forms of Go, curl, npm and
 * undici: entries separated by commas or blanks, `*`, names with all their subdomains, with or
 * without a leading `.` or `*.`, addresses with or without brackets, networks (`10.0.0.0/8`,
 * `fd00::/8`), and a port after a name or an address. Other entries match nothing.
 */
export function isDirect(url: URL, list: string): boolean {
  const host = plainHost(url.hostname);
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const entries = list.split(/[\s,;]+/).filter(Boolean);
  return entries.some((entry) => matches(host, port, withoutAddressParts(entry)));
}

function matches(host: string, port: string, entry: string): boolean {
  if (entry === "*") return true;
  const network = /^\[?([^\]/]+)\]?\/(\d{1,3})$/.exec(entry);
  if (network) return isInNetwork(host, network[1] ?? "", Number(network[2]));
  const bare = isIPv6(entry) ? undefined : /^(.+):(\d+)$/.exec(entry);
  if (bare && bare[2] !== port) return false;
  const name = bare?.[1] ?? entry;
  return isIP(plainHost(name)) ? isInNetwork(host, plainHost(name)) : matchesName(host, name);
}

/** Accepts a URL in place of a host: `http://intern.example/path`. */
function withoutAddressParts(entry: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(entry) ? (entry.split("/")[2] ?? "") : entry;
}

function plainHost(host: string): string {
  return host
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "")
    .toLowerCase();
}

function matchesName(host: string, pattern: string): boolean {
  const name = plainHost(pattern).replace(/^\*?\./, "");
  if (name.includes("*")) {
    const parts = name.split("*").map((part) => part.replace(/[^a-z0-9-]/g, "\\$&"));
    return new RegExp(`^${parts.join(".*")}$`).test(host);
  }
  const ascii = domainToASCII(name) || name;
  return name !== "" && !isIP(host) && (host === ascii || host.endsWith(`.${ascii}`));
}

/** Without a number of bits it is a single address. */
function isInNetwork(host: string, network: string, bits?: number): boolean {
  if (!isIP(host) || !isIP(network)) return false;
  const family = isIPv6(network) ? "ipv6" : "ipv4";
  const list = new BlockList();
  if (bits !== undefined && bits > (family === "ipv6" ? 128 : 32)) return false;
  if (bits === undefined) list.addAddress(network, family);
  else list.addSubnet(network, bits, family);
  return list.check(host, isIPv6(host) ? "ipv6" : "ipv4");
}
