/**
 * A small mirror of Debian on the loopback interface, and an apt that is configured to use it. Its
 * packages hold this machine's own loader, C library and programs, so that they really run.
 *
 *   const debian = openDebian(place);
 *   debian.publish("show", { "./usr/bin/show": debian.program("env") });
 *   debian.recipe("show", { bins: { show: "usr/bin/show" } });
 *   await place.runWith(debian.env, "show");
 */
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { readElf } from "../../src/core/elf.ts";
import { type Content, describe, link } from "./archives.ts";
import { debOf } from "./deb-bytes.ts";
import type { ServeOptions } from "./loopback.ts";
import type { Workplace } from "./workplace.ts";

const arch = process.arch === "arm64" ? "arm64" : "amd64";
const triplet = arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
const platformKey = arch === "arm64" ? "linux-arm64" : "linux-x64";

interface LockedDeb {
  readonly name: string;
  readonly version: string;
  readonly archive: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

export interface Debian {
  /** Names the apt configuration. */
  readonly env: Record<string, string>;
  /** A program of this machine, to be put into a package. */
  program(name: string): Content;
  /** Puts a package on the mirror and into the lock that recipes get. */
  publish(
    name: string,
    tree: Readonly<Record<string, string | Content>>,
    options?: PublishOptions,
  ): LockedDeb;
  /** The C library of this machine with its loader, as Debian has it. */
  publishLibc(): LockedDeb;
  /** Writes a recipe of `name`, with the packages that were published so far. */
  recipe(name: string, over: Readonly<Record<string, unknown>>): void;
}

interface PublishOptions extends ServeOptions {
  readonly archive?: "debian" | "debian-security";
  /** Served by the archive of old versions alone. */
  readonly isOld?: boolean;
  /** Other bytes than the lock promises. */
  readonly served?: Buffer;
}

export function openDebian(place: Workplace): Debian {
  const etc = join(place.dir, "apt");
  mkdirSync(join(etc, "sources.list.d"), { recursive: true });
  writeFileSync(join(etc, "apt.conf"), `Dir::Etc "${etc}";\n`);
  writeFileSync(
    join(etc, "sources.list.d", "debian.sources"),
    ["debian bookworm", "debian-security bookworm-security"]
      .map((line) => line.split(" "))
      .map(
        ([archive, suite]) =>
          `Types: deb\nURIs: ${place.server.origin}/${archive}/\nSuites: ${suite}\nComponents: main\n`,
      )
      .join("\n"),
  );
  const packages: LockedDeb[] = [];
  const publish: Debian["publish"] = (name, tree, options = {}) => {
    const { archive = "debian", isOld = false, served, ...serve } = options;
    const bytes = debOf({ [`./usr/share/doc/${name}/copyright`]: `licence of ${name}`, ...tree });
    const { sha256, size } = describe(bytes);
    const path = `pool/main/${name.slice(0, 1)}/${name}/${name}_1.0+b1-1_${arch}.deb`;
    const root = isOld ? `snapshot/${archive}/20260912T000000Z` : archive;
    place.server.serve(`/${root}/${path}`, served ?? bytes, serve);
    const locked = { name, version: "1.0+b1-1", archive, path, size, sha256 };
    packages.push(locked);
    return locked;
  };
  return {
    env: { APT_CONFIG: join(etc, "apt.conf") },
    program: (name) => ({ body: readFileSync(realpathSync(join("/usr/bin", name))), mode: 0o755 }),
    publish,
    publishLibc() {
      const [loader, ...libraries] = librariesOf("env");
      const dir = `lib/${triplet}`;
      const files = [loader, ...libraries].map((path): [string, Content] => [
        `./${dir}/${basename(path ?? "")}`,
        { body: readFileSync(realpathSync(path ?? "")), mode: 0o755 },
      ]);
      const lib64 = `./lib64/${basename(loader ?? "")}`;
      return publish("libc6", {
        ...Object.fromEntries(files),
        [lib64]: link(`/${dir}/${basename(loader ?? "")}`),
      });
    },
    recipe(name, over) {
      const source = { deb: `${name}@1.0+b1-1`, lock: `${name}.lock.json` };
      const lock = {
        debLock: 1,
        release: "bookworm",
        snapshot: "20260912T000000Z",
        [arch]: packages,
      };
      place.recipe(
        name,
        { version: "1.0+b1", artifacts: { [platformKey]: source }, ...over },
        lock,
      );
    },
  };
}

/** The loader and the libraries of a program of this machine, absolute. */
function librariesOf(name: string): string[] {
  const bytes = readFileSync(realpathSync(join("/usr/bin", name)));
  const elf = readElf((offset, length) => bytes.subarray(offset, offset + length));
  const directories = [`/lib/${triplet}`, `/usr/lib/${triplet}`, "/lib64", "/usr/lib64"];
  const libraries = (elf?.needed ?? []).map((library) => {
    const found = directories.map((dir) => join(dir, library)).find((path) => existsSync(path));
    if (found === undefined) throw new Error(`this machine has no ${library}`);
    return found;
  });
  return [elf?.interpreter ?? "", ...libraries];
}
