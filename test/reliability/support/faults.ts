/** Servers whose faults lie below HTTP: resets, certificates, proxies, sockets that nobody accepts. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../../support/archives.ts";

export interface Faulty {
  readonly port: number;
  close(): void;
}

async function listening(server: Server): Promise<Faulty> {
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket)).on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

/** Answers each connection's first bytes with `text`, then resets it; without a text it says nothing. */
export async function resetting(text: string): Promise<Faulty> {
  return await listening(
    createServer((socket) => {
      socket.once("data", () => {
        socket.write(text);
        setTimeout(() => socket.resetAndDestroy(), 20);
      });
    }),
  );
}

/** Takes connections and whatever is said, and never says anything. */
export async function mute(): Promise<Faulty> {
  return await listening(createServer(() => {}));
}

/** A proxy that answers everything with a status. */
export async function refusingProxy(status: number): Promise<Faulty> {
  const server = createHttpServer((_request, response) => void response.writeHead(status).end());
  server.on("connect", (_request, socket) => socket.end(`HTTP/1.1 ${status} No\r\n\r\n`));
  return await listening(server);
}

/** A port that nothing listens on. */
export async function closedPort(): Promise<number> {
  const server = await mute();
  server.close();
  return server.port;
}

export type Certificate = "good" | "expired" | "another host's";

/** A TLS server with a certificate of its own, and the file that makes it trusted. */
export async function tlsServer(
  kind: Certificate,
  listener: RequestListener,
): Promise<Faulty & { origin: string; ca: string }> {
  const dir = mkdtempSync(join(tmpdir(), "tls-"));
  const { key, certificate } = makeCertificate(dir, kind);
  const options = { key: readFileSync(key), cert: readFileSync(certificate) };
  const server = await listening(createTlsServer(options, listener));
  const close = (): void => {
    server.close();
    rmSync(dir, { recursive: true, force: true });
  };
  return { ...server, origin: `https://127.0.0.1:${server.port}`, ca: certificate, close };
}

function makeCertificate(dir: string, kind: Certificate): { key: string; certificate: string } {
  const [key, request, certificate, index, ext, config] = [
    "key.pem",
    "request.pem",
    "certificate.pem",
    "index.txt",
    "ext.cnf",
    "ca.cnf",
  ].map((name) => join(dir, name)) as [string, string, string, string, string, string];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  run("openssl", ["req", ...curve, "-subj", "/CN=test", "-keyout", key, "-out", request]);
  const name = kind === "another host's" ? "DNS:elsewhere.test" : "IP:127.0.0.1";
  writeFileSync(ext, `subjectAltName=${name}\n`);
  writeFileSync(index, "");
  const settings = [
    "[ca]\ndefault_ca=own\n[own]",
    `database=${index}`,
    `new_certs_dir=${dir}`,
    "rand_serial=yes\ndefault_md=sha256\npolicy=names\n[names]\ncommonName=supplied\n",
  ];
  writeFileSync(config, settings.join("\n"));
  const year = (shift: number): string => `${new Date().getUTCFullYear() + shift}0101000000Z`;
  const [from, to] = kind === "expired" ? [year(-3), year(-2)] : [year(-1), year(2)];
  const dates = ["-startdate", from, "-enddate", to];
  const files = ["-in", request, "-keyfile", key, "-extfile", ext, "-out", certificate];
  run("openssl", ["ca", "-batch", "-selfsign", "-notext", "-config", config, ...dates, ...files]);
  return { key, certificate };
}

/** A port whose connections nobody accepts any more: a host behind a wall that drops everything. */
export async function unaccepting(): Promise<{ port: number; close(): void }> {
  const script =
    "const s = require('net').createServer(); s.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port))";
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const port = await new Promise<number>((resolve) => {
    child.stdout.once("data", (text) => resolve(Number(text)));
  });
  child.kill("SIGSTOP");
  // What waits to be accepted fills the queue; the kernel then drops what comes.
  const waiting = Array.from({ length: 4 }, () => connect(port, "127.0.0.1").on("error", () => {}));
  await sleep(100);
  return {
    port,
    close() {
      for (const socket of waiting) socket.destroy();
      child.kill("SIGKILL");
    },
  };
}
