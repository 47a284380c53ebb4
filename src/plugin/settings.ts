import * as z from "zod/mini";

const absolute = z
  .string("is not text")
  .check(z.regex(/^\/[^\n\r\0]*$/, "is not an absolute path"));
const volume = absolute.check(z.regex(/^[^:]*$/, "contains a colon, which PATH cannot have"));

const schema = z.strictObject({
  prefix: z.optional(volume).register(z.globalRegistry, {
    description:
      "The volume. Default: OPENCLAW_SKILL_PREFIX, else the volume that this plugin lies in, else /opt/openclaw.",
  }),
  command: z.optional(absolute).register(z.globalRegistry, {
    description:
      "The program openclaw-install-skill-deps. Default: that of the package which this plugin is part of, else the volume's.",
  }),
  options: z
    .optional(
      z.array(
        z.string("is not text").check(z.regex(/^[^\n\r\0]+$/, "is empty or has line breaks")),
        "is not a list of words",
      ),
    )
    .register(z.globalRegistry, {
      description: 'Options of watch, one word each. Default: ["--ignore-system"].',
      examples: [["--ignore-system", "--allow-declared"]],
    }),
});

/** `plugins.entries.skill-deps.config` of openclaw.json. */
export interface Settings {
  readonly prefix?: string | undefined;
  readonly command?: string | undefined;
  /** Words for `watch`. */
  readonly options: readonly string[];
}

/** What the gateway's own image has does not count: sandboxes may have another image. */
const usualOptions = ["--ignore-system"];

/** Reads the configuration. Throws an error that names every problem. */
export function readSettings(given: unknown): Settings {
  const { success, data, error } = schema.safeParse(given ?? {});
  if (!success) {
    throw new Error(`plugins.entries.skill-deps.config: ${error.issues.map(describe).join("; ")}`);
  }
  const { options = usualOptions } = data;
  if (options.includes("--")) {
    throw new Error("plugins.entries.skill-deps.config: options: -- is not an option of watch");
  }
  return { ...data, options };
}

function describe({ path, message, ...issue }: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") {
    return `there is no setting ${issue.keys.join(", ")} (there are prefix, command, options)`;
  }
  return `${path.join(".") || "the value"} ${message}`;
}

/**
 * The JSON Schema of the configuration, for the plugin's manifest. It describes and refuses nothing: a gateway
 * does not start at all with a configuration that a schema refuses. `readSettings` is the check.
 */
export function settingsSchema(): object {
  const { properties = {} } = z.toJSONSchema(schema, { io: "input" });
  const described = Object.entries(properties).map(([name, property]) => {
    const { description, examples } = property as { description?: string; examples?: unknown };
    return [name, { description, examples }];
  });
  return { type: "object", properties: Object.fromEntries(described) };
}

/** The options of `watch` that `doctor` has too. */
export function optionsOfDoctor(options: readonly string[]): string[] {
  return options.filter((word, index) => {
    if (options[index - 1] === "--interval") return false;
    return !/^--(strict|interval(=.*)?)$/.test(word);
  });
}
