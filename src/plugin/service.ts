import { join } from "node:path";
import { layout } from "../core/layout.ts";
import { pluginId } from "../core/openclaw-plugin.ts";
import { type Guard, messageOf } from "./guard.ts";
import type { Location } from "./location.ts";
import type { Service, ServiceContext } from "./openclaw.ts";
import { extendPath } from "./path.ts";
import type { Settings } from "./settings.ts";
import { startWatcher, type WatcherState } from "./watcher.ts";

/** What is running in this process. */
interface Running {
  readonly state: () => WatcherState;
  /** Resolves when the watcher is gone. */
  readonly stop: () => Promise<void>;
}

/** All that is changed in this process, for all copies of this module: OpenClaw loads another at each reload. */
interface Shared {
  running?: Running | undefined;
  restorePath?: (() => void) | undefined;
}

const slot = Symbol.for("openclaw-install-skill-deps.plugin");

function sharedBy(host: NodeJS.Process): Shared {
  const holder = host as { [slot]?: Shared };
  holder[slot] ??= {};
  return holder[slot];
}

export interface ServiceOptions {
  /** Ends what else this plugin has started. */
  readonly onStop: () => void;
  readonly settings: () => Settings;
  readonly location: (settings: Settings) => Location;
  readonly host: NodeJS.Process;
  readonly guard: Guard;
}

/** The service: the volume's programs on the gateway's PATH, and `watch`. At most one runs in a process. */
export function createService(options: ServiceOptions): Service {
  const { guard, host, onStop } = options;
  const shared = sharedBy(host);
  let own: Running | undefined;
  const start = (context: ServiceContext): void => {
    const former = shared.running?.stop() ?? Promise.resolve();
    own = run(context, former, options);
    shared.running = own;
  };
  const stop = async (): Promise<void> => {
    onStop();
    if (own && shared.running === own) {
      shared.running = undefined;
      shared.restorePath?.();
    }
    await own?.stop();
  };
  return {
    id: pluginId,
    start(context) {
      guard("start", start)(context);
    },
    stop: guard("stop", stop),
  };
}

/**
 * Puts the volume on PATH. Called when the plugin is registered, before the gateway starts services: a turn may
 * come first, and OpenClaw remembers for a session which skills it found eligible.
 */
export function preparePath({ prefix }: Location, host: NodeJS.Process): void {
  const shared = sharedBy(host);
  shared.restorePath?.();
  shared.restorePath = extendPath(host.env, join(prefix, layout.bin));
}

/** The state of the watcher in this process; undefined if none runs. */
export function watcherState(host: NodeJS.Process): WatcherState | undefined {
  return sharedBy(host).running?.state();
}

/** A wrong configuration is told, and nothing is started: the gateway goes on without this plugin. */
function run(
  { logger, serviceHealth }: ServiceContext,
  after: Promise<void>,
  { settings, location, host, guard }: ServiceOptions,
): Running {
  let chosen: Settings;
  try {
    chosen = settings();
  } catch (error) {
    const failure = messageOf(error);
    logger.error(`skill-deps: ${failure}; not started`);
    serviceHealth?.reportFailure(error);
    return { state: () => ({ pid: null, starts: 0, failure }), stop: () => after };
  }
  const where = location(chosen);
  preparePath(where, host);
  logger.info(`skill-deps: ${where.prefix}/${layout.bin} is on PATH, starting watch`);
  return startWatcher({
    logger,
    guard,
    after,
    location: where,
    options: chosen.options,
    uid: host.geteuid?.() ?? 0,
    env: { ...host.env, OPENCLAW_SKILL_PREFIX: where.prefix },
    ...(serviceHealth && { serviceHealth }),
  });
}
