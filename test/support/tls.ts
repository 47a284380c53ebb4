/** Servers on the loopback interface whose certificates nobody knows. */
import { existsSync, readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { run } from "./archives.ts";

export interface TlsServer {
  /** Without a slash at its end. */
  readonly origin: string;
  /** The file of its certificate. */
  readonly ca: string;
  readonly server: Server;
}

/**
 * Serves over TLS; the certificate is made in the directory, once. `name`: for which it is; `isExpired`: since yesterday.
 */
export async function startTls(
  dir: string,
  listener: RequestListener,
  { name = "IP:127.0.0.1", isExpired = false } = {},
): Promise<TlsServer> {
  const [ca, key] = [join(dir, "ca.pem"), join(dir, "key.pem")];
  const subject = ["-subj", "/CN=test", "-addext", `subjectAltName=${name}`];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  const made = ["-x509", ...curve, "-nodes", "-days", "1", ...subject, "-keyout", key, "-out", ca];
  if (!existsSync(ca)) run("openssl", ["req", ...made]);
  if (isExpired) run("openssl", ["x509", "-in", ca, "-signkey", key, "-days", "-1", "-out", ca]);
  const server = createServer({ key: readFileSync(key), cert: readFileSync(ca) }, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, ca, server };
}
