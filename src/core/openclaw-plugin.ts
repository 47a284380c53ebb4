import { layout } from "./layout.ts";

/** The id of this package's OpenClaw plugin. */
export const pluginId = "skill-deps";

/** A part of openclaw.json, to be merged into the operator's own. */
export interface PluginFragment {
  readonly plugins: {
    readonly load: { readonly paths: readonly string[] };
    readonly entries: Readonly<Record<string, { readonly enabled: true }>>;
  };
}

/** The plugin's path in a volume, as the gateway sees it: it stays when the command gets a new version. */
export function pluginPath(prefix: string): string {
  return `${prefix}/${layout.plugin}`;
}

/** What loads the plugin of a volume. */
export function pluginFragment(prefix: string): PluginFragment {
  return {
    plugins: {
      load: { paths: [pluginPath(prefix)] },
      entries: { [pluginId]: { enabled: true } },
    },
  };
}

/** The same as text with a line per setting, as JSON5. */
export function renderPluginFragment(prefix: string): string {
  const { load, entries } = pluginFragment(prefix).plugins;
  return [
    "plugins: {",
    `  load: { paths: ${JSON.stringify(load.paths)} },`,
    `  entries: { ${JSON.stringify(pluginId)}: ${JSON.stringify(entries[pluginId])} },`,
    "}",
  ].join("\n");
}
