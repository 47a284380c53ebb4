/**
 * Proxies on the loopback interface, which tell what they were asked.
 *
 *   const socks = await startSocks({ user: "me", password: "pw" });
 *   const env = { ALL_PROXY: `socks5h://me:pw@127.0.0.1:${socks.port}` };
 *   socks.seen;                       // ["5 me:pw host.test:80"]
 *   const raw = await startRaw("SSH-2.0-OpenSSH\r\n");   // what answers all that connect with these bytes
 *   await socks.close();
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

export interface Socks extends Listening {
  /** `VERSION USER:PASSWORD HOST:PORT` of each request. */
  readonly seen: readonly string[];
}

interface SocksOptions {
  readonly user?: string;
  readonly password?: string;
  /** Where it connects whatever host it is asked for: names are looked up by nobody else. */
  readonly to?: { readonly host: string; readonly port: number };
}

/** Listens for SOCKS 4, 4a and 5. Without a user it wants no credentials. */
export async function startSocks(options: SocksOptions = {}): Promise<Socks> {
  const seen: string[] = [];
  const server = createServer((client) => {
    client.on("error", () => {});
    serve(client, options, seen).catch(() => client.destroy());
  });
  return { ...(await listening(server)), seen };
}

/** Answers each connection with the same bytes as soon as it has been asked something. */
export async function startRaw(
  answer: string | Buffer | ((socket: Socket, request: Buffer) => void),
  host = "127.0.0.1",
): Promise<Listening> {
  const server = createServer((client) => {
    client.on("error", () => {});
    client.on("data", (request) => {
      if (typeof answer === "function") answer(client, request as Buffer);
      else client.end(answer);
    });
  });
  return await listening(server, host);
}

async function listening(server: Server, host = "127.0.0.1"): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface Asked {
  readonly login: string;
  readonly host: string;
  readonly port: number;
}

async function serve(client: Socket, options: SocksOptions, seen: string[]): Promise<void> {
  const read = reader(client);
  const version = (await read(1))[0];
  const asked = version === 5 ? await readFive(client, read, options) : await readFour(read);
  if (!asked) return void client.end();
  seen.push(`${version} ${asked.login} ${asked.host}:${asked.port}`);
  const { host, port } = options.to ?? asked;
  const done = version === 5 ? [5, 0, 0, 1, 0, 0, 0, 0, 0, 0] : [0, 90, 0, 0, 0, 0, 0, 0];
  const onward = connect(port, host, () => {
    client.write(Buffer.from(done));
    client.pipe(onward).pipe(client);
  });
  onward.on("error", () => client.destroy());
  client.on("close", () => onward.destroy());
}

/** Undefined where the credentials are wrong. */
async function readFive(
  client: Socket,
  read: Read,
  { user, password = "" }: SocksOptions,
): Promise<Asked | undefined> {
  const counted = async (): Promise<string> => (await read((await read(1))[0] ?? 0)).toString();
  await counted(); // the ways that it offers to log in
  client.write(Buffer.from([5, user === undefined ? 0 : 2]));
  let login = "";
  if (user !== undefined) {
    await read(1);
    login = `${await counted()}:${await counted()}`;
    const isRight = login === `${user}:${password}`;
    client.write(Buffer.from([1, isRight ? 0 : 1]));
    if (!isRight) return undefined;
  }
  const kind = (await read(4))[3];
  let host = "";
  if (kind === 1) host = [...(await read(4))].join(".");
  else if (kind === 3) host = await counted();
  else host = (await read(16)).toString("hex").replace(/(.{4})(?!$)/g, "$1:");
  return { login, host, port: (await read(2)).readUInt16BE() };
}

async function readFour(read: Read): Promise<Asked> {
  await read(1);
  const port = (await read(2)).readUInt16BE();
  const address = [...(await read(4))];
  const login = await untilNul(read);
  const isNamed = address.slice(0, 3).every((byte) => byte === 0);
  return { login, host: isNamed ? await untilNul(read) : address.join("."), port };
}

type Read = (length: number) => Promise<Buffer>;

function reader(socket: Socket): Read {
  return async (length) => {
    for (;;) {
      if (length === 0) return Buffer.alloc(0);
      const bytes = socket.read(length) as Buffer | null;
      if (bytes) return bytes;
      await new Promise<void>((resolve, reject) => {
        socket.once("readable", resolve);
        socket.once("close", () => reject(new Error("closed")));
      });
    }
  };
}

async function untilNul(read: Read): Promise<string> {
  let text = "";
  for (;;) {
    const byte = (await read(1)).toString("latin1");
    if (byte === "\0") return text;
    text += byte;
  }
}
