/** What this plugin uses of OpenClaw's plugin API (2026.9.6). Types alone: nothing of OpenClaw is imported. */
export interface PluginApi {
  /** The plugin's directory, without links. OpenClaw runs a copy of its modules, which lies elsewhere. */
  readonly rootDir?: string;
  /** `full` in a gateway that starts; others only look what there is. */
  readonly registrationMode?: string;
  /** `plugins.entries.skill-deps.config` of openclaw.json. */
  readonly pluginConfig?: unknown;
  readonly logger: Logger;
  registerService(service: Service): void;
  registerCli(registrar: (given: { readonly program: CliCommand }) => void, options: object): void;
  registerGatewayMethod(
    method: string,
    handler: (request: { readonly respond: Respond }) => void | Promise<void>,
    options: { readonly scope: "operator.read" },
  ): void;
}

export interface Logger {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** Runs inside the gateway, from its start to its end. */
export interface Service {
  readonly id: string;
  start(context: ServiceContext): void;
  stop(): Promise<void>;
}

export interface ServiceContext {
  readonly logger: Logger;
  /** What the gateway's health and list of plugins report. */
  readonly serviceHealth?: ServiceHealth;
}

interface ServiceHealth {
  reportFailure(error: unknown): void;
  clearFailure(): void;
}

/** Answers a call of a gateway method. */
export type Respond = (
  ok: boolean,
  payload?: unknown,
  error?: { readonly code: string; readonly message: string },
) => void;

/** As much of a command of commander as is used here. */
export interface CliCommand {
  command(name: string): CliCommand;
  description(text: string): CliCommand;
  argument(name: string, text: string): CliCommand;
  helpOption(flags: boolean): CliCommand;
  allowUnknownOption(): CliCommand;
  passThroughOptions(): CliCommand;
  action(run: (words: readonly string[]) => Promise<void>): CliCommand;
}
