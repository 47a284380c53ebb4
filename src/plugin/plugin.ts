import { homedir } from "node:os";
import { pluginId } from "../core/openclaw-plugin.ts";
import { orNothing } from "../core/or-nothing.ts";
import { addCli } from "./cli.ts";
import { createGuard, messageOf } from "./guard.ts";
import { findLocation, findPackage, type Location } from "./location.ts";
import { cliDescription, cliName, description, statusMethod, title } from "./manifest.ts";
import type { PluginApi, Respond } from "./openclaw.ts";
import { createService, preparePath, watcherState } from "./service.ts";
import { optionsOfDoctor, readSettings, type Settings } from "./settings.ts";
import { readStatus, type Status } from "./status.ts";

/** The plugin as OpenClaw loads it: `register` only says what there is, and may be called any number of times. */
export interface Plugin {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  register(api: PluginApi): void;
}

/** The plugin in this process. */
export function createPlugin(host: NodeJS.Process): Plugin {
  return {
    id: pluginId,
    name: title,
    description,
    register(api) {
      const guard = createGuard(() => api.logger);
      guard("register", () => registerAll(api, host))();
    },
  };
}

function registerAll(api: PluginApi, host: NodeJS.Process): void {
  const guard = createGuard(() => api.logger);
  const own = findPackage(api.rootDir);
  const settings = (): Settings => readSettings(api.pluginConfig);
  const location = (chosen: Settings): Location => findLocation(chosen, own, host.env, homedir());
  api.registerCli(
    guard("cli", ({ program }) => addCli(program, () => location(settings()), host)),
    {
      descriptors: [
        {
          name: cliName,
          description: cliDescription,
          hasSubcommands: true,
          // All that OpenClaw says itself goes to stderr, as the output may be a document.
          machineOutput: () => true,
        },
      ],
    },
  );
  // The service tells what is wrong.
  if (api.registrationMode === "full") orNothing(() => preparePath(location(settings()), host));
  let asking = new AbortController();
  const onStop = (): void => {
    asking.abort(new Error("the plugin has stopped"));
    asking = new AbortController();
  };
  const ask = async (): Promise<Status> => {
    const chosen = settings();
    const where = location(chosen);
    const options = optionsOfDoctor(chosen.options);
    const env = { ...host.env, OPENCLAW_SKILL_PREFIX: where.prefix };
    return readStatus(where, options, env, watcherState(host) ?? null, asking.signal);
  };
  // Absent where OpenClaw only lists commands.
  api.registerService?.(createService({ settings, location, host, guard, onStop }));
  api.registerGatewayMethod?.(statusMethod, guard("status", answerWith(ask)), {
    scope: "operator.read",
  });
}

/** Answers calls; those that come while one is answered get the same answer. */
function answerWith(ask: () => Promise<Status>) {
  let asked: Promise<Status> | undefined;
  return async ({ respond }: { readonly respond: Respond }): Promise<void> => {
    try {
      asked ??= ask().finally(() => {
        asked = undefined;
      });
      respond(true, await asked);
    } catch (error) {
      respond(false, undefined, { code: "UNAVAILABLE", message: messageOf(error) });
    }
  };
}
