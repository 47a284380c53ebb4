/**
 * Sandboxes as OpenClaw makes them: its flags, a volume, a workspace with skills, and its way to run a
 * tool call.
 *
 *   const place = openPlace();
 *   place.skill("syntax", ["ast-grep"]);
 *   const box = await place.sandbox({ network: "host", access: "rw" });
 *   await box.run("openclaw-install-skill-deps");
 *   await box.call("ast-grep --version");
 *   await place.close();
 */
import {
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { expect, inject } from "vitest";
import type { ProcessOutput } from "zx";
import { certificates, host } from "./host.ts";

export const setup = "openclaw-install-skill-deps";

interface SandboxOptions {
  readonly network: "none" | "host";
  readonly access: "ro" | "rw";
  readonly image?: string;
  /** What is mounted as the volume instead of the place's directory: a path or a volume's name. */
  readonly volume?: string;
  readonly flags?: readonly string[];
  /** Words for podman itself: another runtime than runc. */
  readonly engine?: readonly string[];
}

export interface Sandbox {
  readonly name: string;
  /** `SHELL -lc COMMAND`, as OpenClaw runs a setupCommand. */
  run(command: string, shell?: string): Promise<ProcessOutput>;
  /** A tool call: OpenClaw puts the gateway's own PATH before that of the login shell. */
  call(command: string, prepend?: string): Promise<ProcessOutput>;
}

export interface Place {
  readonly dir: string;
  readonly volume: string;
  /** Writes a skill into the workspace, where a sandbox finds it. */
  skill(name: string, bins: readonly string[]): void;
  give(uid: number): void;
  sandbox(options: SandboxOptions): Promise<Sandbox>;
  /** Flags that mount the volume, the workspace and what reaches the registry. */
  mounts(options: Pick<SandboxOptions, "access" | "volume">): string[];
  /** Ends all sandboxes. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

/** OpenClaw's flags for podman, but for network and mounts. */
const hardened = [
  ...["--init", "--read-only", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp"],
  ...["--user", "1000:1000", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
  ...["--workdir", "/workspace", "--env", "LANG=C.UTF-8"],
];
let made = 0;

export function openPlace(): Place {
  const dir = mkdtempSync(join(tmpdir(), "containers-"));
  const [volume, workspace] = [join(dir, "volume"), join(dir, "workspace")];
  const running: string[] = [];
  const give = (uid: number): void => {
    for (const path of [volume, workspace]) chownSync(path, uid, uid);
  };
  for (const path of [volume, workspace]) mkdirSync(path);
  give(1000);
  const mounts: Place["mounts"] = (options) => [
    ...["--volume", `${options.volume ?? volume}:/opt/openclaw:${options.access}`],
    ...["--volume", `${workspace}:/workspace:rw`],
    ...["--volume", `${certificates}:/etc/ssl/certs/ca-certificates.crt:ro`],
    ...["--env", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
    ...["--env", `npm_config_registry=${inject("registry")}`],
  ];
  const stop = async (): Promise<void> => {
    for (const name of running.splice(0)) {
      await host`podman rm --force --ignore --time 0 ${name}`;
    }
  };
  return {
    dir,
    volume,
    give,
    mounts,
    skill(name, bins) {
      const directory = join(workspace, "skills", name);
      mkdirSync(directory, { recursive: true });
      const metadata = JSON.stringify({ openclaw: { requires: { bins } } });
      const text = `---\nname: ${name}\ndescription: x\nmetadata: ${metadata}\n---\n`;
      writeFileSync(join(directory, "SKILL.md"), text);
    },
    async sandbox(options) {
      const name = `skill-deps-${process.pid}-${Date.now()}-${made++}`;
      const { network, image = inject("images").sandbox, flags = [], engine = [] } = options;
      const all = [...hardened, "--network", network, ...mounts(options), ...flags];
      running.push(name);
      const { exitCode, stderr } =
        await host`podman ${engine} run --detach --name ${name} ${all} ${image} sleep infinity`;
      expect(exitCode, stderr).toBe(0);
      return {
        name,
        run: (command, shell = "/bin/sh") =>
          host`podman ${engine} exec --interactive ${name} ${shell} -lc ${command} </dev/null`,
        call(command, prepend = "/usr/local/bin:/usr/bin:/bin") {
          const line = `export PATH="\${OPENCLAW_PREPEND_PATH}:$PATH"; unset OPENCLAW_PREPEND_PATH; ${command}`;
          const given = ["--workdir", "/workspace", "--env", `OPENCLAW_PREPEND_PATH=${prepend}`];
          return host`podman ${engine} exec --interactive ${given} ${name} /bin/sh -lc ${line} </dev/null`;
        },
      };
    },
    stop,
    async close() {
      await stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The time of the last change of everything below a directory, in ns: nobody can set it back. */
export function changeTimes(root: string): Record<string, bigint> {
  const names = readdirSync(root, { recursive: true, withFileTypes: true });
  const paths = [root, ...names.map((entry) => join(entry.parentPath, entry.name))];
  return Object.fromEntries(
    paths.map((path) => [relative(root, path), lstatSync(path, { bigint: true }).ctimeNs]),
  );
}
