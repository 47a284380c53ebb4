import type { Socket } from "node:net";
import type { Connector } from "./agent.ts";
import type { NetworkProxy } from "./proxy.ts";

/**
 * Connects through a SOCKS proxy, which also looks the names up: a place behind one often has no DNS.
 * Not with undici's own agent for it: that is experimental, says so on stderr at each run, knows no
 * SOCKS 4 and takes the brackets of an IPv6 address for a part of its name.
 */
export function throughSocks(proxy: NetworkProxy, connect: Connector, timeout: number): Connector {
  return (target, callback) => {
    openTunnel(proxy, target, timeout).then(
      (socket) => {
        if (target.protocol === "https:") connect({ ...target, httpSocket: socket }, callback);
        else callback(null, socket);
      },
      (error: unknown) => callback(error as Error, null),
    );
  };
}

async function openTunnel(
  { kind, url, user, password }: NetworkProxy,
  { hostname, port, protocol }: { hostname: string; port: string; protocol: string },
  timeout: number,
): Promise<Socket> {
  const { SocksClient } = await import("socks");
  const bare = (host: string): string => host.replace(/^\[(.*)\]$/, "$1");
  const userId = user === "" ? {} : { userId: user };
  try {
    const { socket } = await SocksClient.createConnection({
      command: "connect",
      timeout,
      set_tcp_nodelay: true,
      proxy: {
        host: bare(url.hostname),
        port: Number(url.port || 1080),
        type: kind === "socks5" ? 5 : 4,
        ...userId,
        ...(password === "" ? {} : { password }),
      },
      destination: {
        host: bare(hostname),
        port: Number(port || (protocol === "https:" ? 443 : 80)),
      },
    });
    return socket.setKeepAlive(true, 60_000);
  } catch (cause) {
    // The library's own error carries the password.
    const why = cause instanceof Error ? cause.message : String(cause);
    throw Object.assign(new Error(why), { code: "SOCKS" });
  }
}
