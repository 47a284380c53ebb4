/**
 * Every Debian recipe for real: from the machine's own mirror, and then at work in OpenClaw's sandbox
 * (podman; without it as another user, without privileges).
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { $ } from "zx";
import { parseDebLock } from "../../src/core/locks/deb-lock.ts";
import { withoutCommand } from "../support/own-command.ts";
import { repository } from "../support/workplace.ts";

const tools = [
  ...["tmux", "ffmpeg", "poppler", "imagemagick", "sqlite3", "pandoc", "exiftool", "graphviz"],
  ...["tesseract", "ghostscript", "file", "nmap", "jq", "curl", "git", "rsync", "openssh", "bc"],
];

let dir: string;
let prefix: string;
let inSandbox: boolean;
const quiet = { quiet: true, nothrow: true } as const;

const command = () =>
  $({
    ...quiet,
    cwd: repository,
    env: {
      ...process.env,
      OPENCLAW_SKILL_PREFIX: prefix,
      OPENCLAW_SKILL_PROFILE_DIR: "",
      OPENCLAW_SKILL_DIRS: join(repository, "test/fixtures/sample-skills"),
      OPENCLAW_SKILL_RECIPES: join(dir, "recipes"),
    },
  });

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "live-debian-"));
  chmodSync(dir, 0o755);
  prefix = join(dir, "volume");
  await podman()`test/containers/images.sh`; // what it lacks, it says; then there is no sandbox
  inSandbox = (await podman()`podman image exists ${image}`).exitCode === 0;
  await $`mkdir ${join(dir, "recipes")} ${join(dir, "work")}`;
  // Of jq the second source, which the first one would hide where GitHub can be reached.
  const jq = readFileSync(join(repository, "recipes/jq.yaml"), "utf8");
  writeFileSync(
    join(dir, "recipes/jq.yaml"),
    jq.replace(/ {4}- url: .*\n {6}sha256: .*\n/g, "").replace('"1.8.2"', '"1.6"'),
  );
  await $`cp ${join(repository, "recipes/jq.deb.lock.json")} ${join(dir, "recipes")}`;
  chmodSync(join(dir, "work"), 0o777);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }), 300_000);

/** What OpenClaw's sandbox is made from. */
const image = "docker.io/library/debian:bookworm-slim";
const podman = () =>
  $({
    ...quiet,
    cwd: repository,
    env: { ...process.env, CONTAINERS_CONF: join(repository, "test/containers/containers.conf") },
  });

/** Runs a script as uid 1000, without network, without capabilities, on a read-only volume. */
async function work(script: string): Promise<string> {
  const file = join(dir, "script.sh");
  writeFileSync(file, `set -e\ncd /tmp/work\n${script}\n`);
  const path = inSandbox ? "/opt/openclaw/bin" : join(prefix, "bin");
  const env = [`PATH=${path}:/usr/bin:/bin`, "HOME=/tmp/work"];
  const hardened = [
    "--read-only",
    "--network=none",
    "--user=1000:1000",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
  ];
  const volumes = [
    `${prefix}:/opt/openclaw:ro`,
    `${join(dir, "work")}:/tmp/work`,
    `${file}:/script.sh:ro`,
  ];
  const { stdout, stderr, exitCode } = inSandbox
    ? await podman()`podman run --rm --init ${hardened} --tmpfs /tmp ${volumes.flatMap((one) => ["-v", one])} ${image} env ${env} sh /script.sh`
    : await $({
        ...quiet,
        cwd: join(dir, "work"),
      })`setpriv --reuid=1000 --regid=1000 --clear-groups --no-new-privs env ${env} sh ${await local(file)}`;
  expect(exitCode, stdout + stderr).toBe(0);
  return stdout;
}

/** The script for this machine, where the directory of work lies elsewhere. */
async function local(file: string): Promise<string> {
  writeFileSync(file, readFileSync(file, "utf8").replaceAll("/tmp/work", join(dir, "work")));
  return file;
}

test("all are installed", async () => {
  const { exitCode, stderr } =
    await command()`entrypoint/openclaw-install-skill-deps --ignore-system --strict ${tools}`;
  expect(exitCode, stderr).toBe(0);
  const manifest = JSON.parse(readFileSync(join(prefix, "manifest.json"), "utf8"));
  expect(Object.keys(withoutCommand(manifest.tools)).sort()).toEqual([...tools].sort());
}, 900_000);

describe("at work, each", () => {
  const jobs: [what: string, script: string, expected: RegExp][] = [
    [
      "gs and poppler",
      `printf '%%!PS\\n/Helvetica findfont 40 scalefont setfont 50 700 moveto (Hello quick brown fox) show showpage\\n' > a.ps
gs -q -dBATCH -dNOPAUSE -sDEVICE=pdfwrite -sOutputFile=a.pdf a.ps; pdftotext a.pdf -; pdfinfo a.pdf; pdftoppm -r 150 -png a.pdf page; pdffonts a.pdf`,
      /Hello quick brown fox[\s\S]*Pages: +1[\s\S]*Helvetica/,
    ],
    [
      "convert and identify",
      "convert page-1.png -trim -bordercolor white -border 40 b.png; convert b.png b.jpg; convert b.png b.webp; convert -size 300x60 -font DejaVu-Sans label:text c.png; identify b.png b.jpg b.webp c.png",
      /b\.png PNG[\s\S]*b\.jpg JPEG[\s\S]*b\.webp WEBP[\s\S]*c\.png PNG 300x60/,
    ],
    ["tesseract", "tesseract b.png -", /Hello quick brown fox/],
    [
      "dot",
      `echo 'digraph { alpha -> beta }' > g.dot; dot -Tpng -o d.png g.dot; dot -Tsvg g.dot | grep -c '<svg'; dot -Tpdf -o d.pdf g.dot; pdftotext d.pdf -; neato -Tplain g.dot`,
      /1\nalpha\s+beta[\s\S]*node alpha/,
    ],
    [
      "file",
      "file d.png a.pdf /opt/openclaw/bin/../manifest.json b.jpg",
      /d\.png: +PNG image data[\s\S]*a\.pdf: +PDF document[\s\S]*b\.jpg: +JPEG/,
    ],
    [
      "exiftool",
      "exiftool -q -overwrite_original -Artist=Me b.jpg; exiftool -s3 -Artist -MIMEType b.jpg",
      /Me\nimage\/jpeg/,
    ],
    [
      "ffmpeg and ffprobe",
      "ffmpeg -v error -f lavfi -i testsrc=d=1:s=128x96 -vf drawtext=text=hi -c:v libx264 -pix_fmt yuv420p -y v.mp4; ffprobe -v error -show_entries stream=codec_name,width -of csv v.mp4",
      /stream,h264,128/,
    ],
    [
      "sqlite3",
      "sqlite3 x.db 'create table t(a); insert into t values (6),(7); select sum(a), count(*) from t'",
      /13\|2/,
    ],
    [
      "pandoc",
      `printf '# Hi *there*\\n' > a.md; pandoc a.md -t html; pandoc a.md -o a.docx; pandoc a.docx -t plain`,
      /<h1 id="hi-there">Hi <em>there<\/em><\/h1>[\s\S]*Hi there/,
    ],
    ["jq", `echo '{"a":[1,2]}' | jq -c '.a|add'`, /^3/],
    ["bc", "echo 'scale=20; 4*a(1)' | bc -l", /3\.14159265358979323844/],
    [
      "git, also its own programs and its perl",
      `git init -q r; cd r; git config user.email a@b.test; git config user.name n; echo x > f; git add f; git commit -qm first; git clone -q . ../r2; git log --format=%s
echo y >> f; printf 'y\\n' | git -c add.interactive.useBuiltin=false add -p >/dev/null; git diff --cached --name-only; git ls-remote http://127.0.0.1:9/x 2>&1 || true`,
      /first\nf\n[\s\S]*Failed to connect to 127\.0\.0\.1/,
    ],
    ["rsync", "rsync -a r/ r3/; ls r3", /f/],
    [
      "ssh, scp and ssh-keygen",
      `ssh-keygen -q -t ed25519 -N '' -f k; ssh-keygen -lf k.pub; scp -o BatchMode=yes -P 9 a.ps 127.0.0.1:x 2>&1 || true; ssh -o BatchMode=yes -p 9 127.0.0.1 true 2>&1 || true`,
      /ED25519[\s\S]*port 9: Connection refused[\s\S]*port 9: Connection refused/,
    ],
    ["nmap", "nmap -sT -Pn -p 9 --script default 127.0.0.1", /9\/tcp closed/],
    [
      "curl",
      "echo hello > h; curl -s file:///tmp/work/h; curl -s http://127.0.0.1:9/ || echo $?",
      /hello\n7/,
    ],
    [
      "tmux",
      `export TMUX_TMPDIR=/tmp/work; tmux new-session -d -s live 'env > env.txt; sleep 5'; tmux ls; sleep 1; tmux kill-server; grep -c LD_ env.txt || true`,
      /live: 1 windows[\s\S]*\n0/,
    ],
  ];
  test.each(jobs)("%s", async (_what, script, expected) => {
    expect(await work(script)).toMatch(expected);
  });
});

test("a recipe is made of a package of another release", async () => {
  const out = join(dir, "recipes");
  const made =
    await command()`entrypoint/openclaw-install-skill-deps recipe new deb:docker-compose/trixie --recipes ${out}`;
  expect(made.exitCode, made.stderr).toBe(0);
  expect(readFileSync(join(out, "docker-compose.yaml"), "utf8")).toMatch(/^release: trixie$/m);
  const lock = readFileSync(join(out, "docker-compose.deb.lock.json"), "utf8");
  expect(parseDebLock(lock, "lock")).toMatchObject({ ok: true, held: { release: "trixie" } });
});

test("a lock is recreated from the signed index", async () => {
  const file = join(dir, "recipes/bc.yaml");
  await $`cp ${join(repository, "recipes/bc.yaml")} ${file}`;
  const { exitCode, stderr } =
    await command()`entrypoint/openclaw-install-skill-deps recipe lock ${file}`;
  expect(exitCode, stderr).toBe(0);
  const names = (path: string): unknown => {
    const parsed = parseDebLock(readFileSync(path, "utf8"), path);
    return parsed.ok && parsed.held.packages.amd64?.map(({ name }) => name);
  };
  expect(names(join(dir, "recipes/bc.deb.lock.json"))).toEqual(
    names(join(repository, "recipes/bc.deb.lock.json")),
  );
});

test("arm64 is provisioned from here, unless a program must be set up", async () => {
  prefix = join(dir, "arm64");
  const { exitCode, stderr } =
    await command()`entrypoint/openclaw-install-skill-deps --ignore-system --platform linux-arm64 tmux graphviz`;
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toMatch(/dot -c must run once on a machine of its own platform/);
  const [tmux] = (await $`find ${prefix} -path ${"*/openclaw-programs/usr/bin/tmux"}`).lines();
  expect(readFileSync(tmux ?? "").readUInt16LE(18)).toBe(183); // EM_AARCH64
});
