import { pluginId } from "../core/openclaw-plugin.ts";
import { settingsSchema } from "./settings.ts";

/** `openclaw skill-deps …` */
export const cliName = "skill-deps";
export const cliDescription = "Programs that skills need: list, doctor, install NAME, help";
/** `openclaw gateway call skilldeps.status` */
export const statusMethod = "skilldeps.status";

export const title = "Skill programs";
export const description =
  "Installs the programs that skills require into a persistent volume, while the gateway runs.";

/** The files beside the plugin's module, by name, as JSON. */
export function manifestFiles(version: string): Record<string, object> {
  return {
    "package.json": {
      name: "openclaw-skill-deps-plugin",
      version,
      description,
      license: "MIT",
      private: true,
      type: "module",
      openclaw: { extensions: ["./index.js"] },
    },
    "openclaw.plugin.json": {
      id: pluginId,
      name: title,
      description,
      version,
      categories: ["infrastructure"],
      activation: { onStartup: true, onCommands: [cliName] },
      cliCommands: [{ name: cliName, description: cliDescription, hasSubcommands: true }],
      configSchema: settingsSchema(),
    },
  };
}
