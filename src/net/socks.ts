import type { Socket } from "node:net";
import type { NetworkProxy } from "./proxy.ts";

/** How undici opens a connection. */
export type Connector = ReturnType<typeof import("undici").buildConnector>;

/**
 * Connects through a SOCKS proxy, which also resolves names: hosts behind one often have no DNS.
 * undici's own agent is not used: it is experimental and prints a warning at each run, does not
 * support SOCKS 4 and treats the brackets of an IPv6 address as part of the name.
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
    // The library's own error contains the password.
    const why = cause instanceof Error ? cause.message : String(cause);
    throw Object.assign(new Error(why), { code: "SOCKS" });
  }
}
