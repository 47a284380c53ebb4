/**
 * What Node itself can do, without an installer around it: 4 downloads at once, hashed while they are
 * written, unpacked, renamed. No fsync, no limits, no records.
 *
 *   node plain.cjs VOLUME FILE.json       (`[{ tool, url, sha256, format }]`)
 */
import { createHash } from "node:crypto";
import { createWriteStream, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { Agent, get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import pLimit from "p-limit";
import * as tar from "tar";
import { Open } from "unzipper";

interface Item {
  readonly tool: string;
  readonly url: string;
  readonly sha256: string;
  readonly format: "tar.gz" | "zip";
}

const agent = new Agent({ keepAlive: true });

async function install(volume: string, { tool, url, sha256, format }: Item): Promise<void> {
  const file = join(volume, `.${tool}.download`);
  const staging = join(volume, `.${tool}`);
  mkdirSync(staging);
  const hash = createHash("sha256");
  const hashing = new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent }, resolve).on("error", reject);
  });
  await pipeline(response, hashing, createWriteStream(file));
  if (hash.digest("hex") !== sha256) throw new Error(`${url} has another digest`);
  if (format === "zip") await (await Open.file(file)).extract({ path: staging });
  else await tar.extract({ file, cwd: staging });
  rmSync(file);
  renameSync(staging, join(volume, tool));
}

async function main([volume = "", list = ""]: readonly string[]): Promise<void> {
  const items: Item[] = JSON.parse(readFileSync(list, "utf8"));
  const limit = pLimit(4);
  await Promise.all(items.map((item) => limit(() => install(volume, item))));
  agent.destroy();
}

main(process.argv.slice(2));
