import { join } from "node:path";
import type { Context } from "../context.ts";
import { exitStatus } from "../core/errors.ts";
import { pluginFragment, pluginPath, renderPluginFragment } from "../core/openclaw-plugin.ts";
import { stateDir } from "../core/skills/config.ts";
import { statIfExists } from "../io/files.ts";
import { renderDocument } from "../report/text.ts";
import { resolvePrefix } from "../run/inputs/volume.ts";

/** `config plugin`: prints the lines of openclaw.json that load the volume's OpenClaw plugin. */
export async function configPlugin(context: Context): Promise<number> {
  const { options, env, home, stdout } = context;
  const prefix = await resolvePrefix(context);
  const path = pluginPath(prefix);
  const isThere = (await statIfExists(join(path, "index.js"))) !== undefined;
  const notes = isThere
    ? []
    : [
        `${path} is not there yet: a run of openclaw-install-skill-deps that may write to the volume creates it`,
      ];
  const document = { topology: "plugin", path, openclaw: pluginFragment(prefix), notes };
  stdout.write(
    options.json === false
      ? renderLines(prefix, stateDir(env, home), notes)
      : renderDocument(document),
  );
  return exitStatus.done;
}

function renderLines(prefix: string, state: string, notes: readonly string[]): string {
  const lines = [
    "# plugin: the gateway installs what skills need while it runs, and has the programs on its PATH",
    ...notes.map((note) => `# note: ${note}`),
    "",
    `// ---- openclaw.json, in ${state}: merge this into your file`,
    renderPluginFragment(prefix),
    "",
    "# ---- or, which writes the same",
    `openclaw plugins install --link ${pluginPath(prefix)} --force --accept-capabilities`,
  ];
  return `${lines.join("\n")}\n`;
}
