/** What the built command tells under -v: each request, redirect, retry, mirror and skipped source. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { archive, describe as facts, program } from "../support/archives.ts";
import { type Listening, startSocks } from "../support/proxies.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

const packed = archive("tar.gz", { "bin/zog": program("zog 1.0.0") });
const { sha256, size } = facts(packed);

let place: Workplace;
let proxy: Listening | undefined;
beforeEach(async () => {
  place = await openWorkplace();
  place.skill("mail", { bins: ["zog"] });
});
afterEach(async () => {
  await proxy?.close();
  proxy = undefined;
  await place.close();
});

/** One source that a mirror has, behind a redirect and a busy server; before it two that will not do. */
function serveAll(): { env: Record<string, string>; told: string[] } {
  const { server } = place;
  const { origin } = server;
  const file = server.serve("/files/zog.tar.gz", packed, { fault: "503 once" });
  server.serve("/mirror/zog.tar.gz", "", { fault: "redirect", to: `${file}?token=s3cret` });
  server.serve("/gone.tar.gz", "", { fault: "status", status: 404 });
  const source = (url: string, more = {}) => ({ url, sha256, size, ...more });
  const far = "https://files.example/zog.tar.gz";
  const artifacts = [
    source(`${origin}/new.tar.gz`, { glibc: "9.99" }),
    source(`${origin}/gone.tar.gz`),
    source(far),
  ];
  const arch = process.arch === "arm64" ? "arm64" : "x64";
  place.recipe("zog", { artifacts: { [`linux-${arch}-glibc`]: artifacts } });
  const env = { OPENCLAW_SKILL_MIRRORS: `https://files.example/=${origin}/mirror/` };
  const mirrored = `${origin}/mirror/zog.tar.gz`;
  const told = [
    `zog: skipped ${origin}/new.tar.gz: it needs glibc 9.99; here it is …`,
    `request: ${origin}/gone.tar.gz`,
    `next source after ${origin}/gone.tar.gz: ${origin}/gone.tar.gz responded with 404…`,
    `zog: skipped ${origin}/gone.tar.gz: ${origin}/gone.tar.gz responded with 404…`,
    `mirror: ${far} -> ${mirrored}`,
    `request: ${mirrored}`,
    `redirect: ${mirrored} -> ${file}?... (302)`,
    `request: ${file}?...`,
    `retry 1 of 3 in … s: ${file}?... responded with 503…`,
    `request: ${mirrored}`,
    `redirect: ${mirrored} -> ${file}?... (302)`,
    `request: ${file}?...`,
  ];
  return { env, told };
}

const details = /^(?:\w+: )?(?:request|redirect|retry|mirror|skipped|next source)\b.*$/gm;

test("-v tells them in order, without secrets", async () => {
  const { env, told } = serveAll();
  const { status, stderr } = await place.runWith(env, "-v");
  expect(status).toBe(0);
  expect(stderr).not.toContain("s3cret");
  const lines = stderr.match(details) ?? [];
  expect(lines).toHaveLength(told.length);
  // What an ellipsis ends with, or has in its midst, differs between runs and machines.
  for (const [i, line] of told.entries()) {
    const pattern = line.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    expect(lines[i]).toMatch(new RegExp(`^${pattern.join(".*")}$`));
  }
});

test("without -v none of them is told; with --json=events they are events", async () => {
  const { env, told } = serveAll();
  const plain = await place.runWith(env, "--dry-run", "--json=events");
  expect(plain.stdout).not.toContain('"detail"');
  const quiet = await place.runWith(env);
  expect(quiet.stderr.match(details)).toBeNull();
  const { stdout } = await place.runWith(env, "-f", "-v", "--json=events");
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const messages = events.flatMap(({ type, message }) => (type === "detail" ? [message] : []));
  expect(messages).toEqual(expect.arrayContaining([told[1], told[4], told[5]]));
});

test("the proxy of a request, and where a cut file goes on", async () => {
  const to = { host: "127.0.0.1", port: Number(new URL(place.server.origin).port) };
  const socks = await startSocks({ to });
  proxy = socks;
  const source = place.serve("zog.tar.gz", packed, { fault: "cut once" });
  const [asked, url] = ["example", "invalid"].map((top) => `http://files.${top}/zog.tar.gz`);
  place.recipe("zog", {
    artifacts: { any: { ...source, url: asked?.replace("http:", "https:") } },
  });
  const env = {
    ALL_PROXY: `socks5h://me:pw@127.0.0.1:${socks.port}`,
    OPENCLAW_SKILL_MIRRORS: "https://files.example/=http://files.invalid/",
  };
  const { status, stderr } = await place.runWith(env, "--verbose");
  expect(stderr).toContain(`request: ${url} (through 127.0.0.1:${socks.port}, ALL_PROXY)\n`);
  expect(stderr).toMatch(/^request: .* \(through .*, ALL_PROXY; from byte \d+\)$/m);
  expect(stderr).not.toContain("me:pw");
  expect(status).toBe(0);
});
