import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const version = "v0.0.0-20260905035102-160fafc42237";
const directory = join(tmpdir(), `runsc-${version}`);

/** gVisor's runtime: what RUNSC names, or what was built here; it may not be there. */
export const runsc = process.env.RUNSC ?? join(directory, "runsc");

/** Options for sandboxes in a container or virtual machine, where KVM and control groups may be missing. */
export const runscOptions = ["--platform=systrap", "--ignore-cgroups"];

/** Builds it from its Go module, in some minutes. Throws what go says. */
export function buildRunsc(): void {
  if (existsSync(runsc)) return;
  // Static: a sandbox starts it again from within an empty root.
  const env = { ...process.env, GOBIN: directory, CGO_ENABLED: "0" };
  const words = ["install", `gvisor.dev/gvisor/runsc@${version}`];
  execFileSync("go", words, { env, stdio: ["ignore", "inherit", "inherit"] });
}
