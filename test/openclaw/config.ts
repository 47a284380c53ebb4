type Settings = Readonly<Record<string, unknown>>;

/** What a test changes of the configuration. */
export interface Config {
  /** `agents.defaults.sandbox`, but for `docker`. */
  readonly sandbox?: Settings;
  readonly docker?: Settings;
  readonly tools?: Settings;
  readonly plugins?: Settings;
  /** Top-level keys that are not set below. */
  readonly others?: Settings;
}

interface Surroundings {
  readonly image: string;
  readonly prefix: string;
  readonly volume: string;
  readonly workspace: string;
  readonly home: string;
  readonly port: number;
  readonly model: string;
}

/** An openclaw.json: every turn in a sandbox of podman's, the volume bound, our setupCommand. */
export function configuration(
  around: Surroundings,
  { sandbox, docker, tools = {}, plugins, others }: Config,
): object {
  return {
    ...others,
    agents: {
      defaults: {
        workspace: around.workspace,
        skipBootstrap: true,
        model: "mock/mock",
        sandbox: {
          mode: "all",
          backend: "podman",
          ...sandbox,
          docker: {
            image: around.image,
            containerPrefix: around.prefix,
            binds: [`${around.volume}:/opt/openclaw:rw`],
            dangerouslyAllowExternalBindSources: true,
            setupCommand: "openclaw-install-skill-deps",
            ...docker,
          },
        },
      },
    },
    tools,
    ...(plugins && { plugins }),
    // None of the 50 that come along: what is tested are the workspace's own.
    skills: { allowBundled: ["none"] },
    gateway: { mode: "local", port: around.port, auth: { mode: "token", token: around.prefix } },
    logging: { file: `${around.home}/openclaw.log` },
    models: {
      providers: {
        mock: {
          ...{ baseUrl: around.model, api: "openai-completions", apiKey: "x" },
          models: [{ id: "mock", name: "mock", contextWindow: 100_000, maxTokens: 1000 }],
        },
      },
    },
  };
}
