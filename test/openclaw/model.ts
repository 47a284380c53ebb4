/**
 * A model provider, on the loopback interface unless told otherwise, as far as an agent's turn needs one. A message that says
 * `run: COMMAND` is answered with one call of the tool `exec`, and that call's result with its text.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Model {
  /** The `baseUrl` of an `openai-completions` provider. */
  readonly url: string;
  /** The system prompt of the last request: it lists the skills that the agent is offered. */
  prompt(): string;
  close(): Promise<void>;
}

interface Message {
  readonly role: string;
  readonly content?: string | readonly { readonly text?: string }[];
}

export async function startModel(address = "127.0.0.1"): Promise<Model> {
  let prompt = "";
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { messages = [] } = JSON.parse(body || "{}") as { messages?: Message[] };
    prompt = messages
      .filter(({ role }) => role === "system")
      .map(textOf)
      .join("\n");
    response.writeHead(200, { "content-type": "text/event-stream" });
    const { finish, ...delta } = answer(messages);
    for (const choice of [{ delta }, { delta: {}, finish_reason: finish }]) {
      const chunk = { id: "1", object: "chat.completion.chunk", created: 1, model: "mock" };
      response.write(
        `data: ${JSON.stringify({ ...chunk, choices: [{ index: 0, ...choice }] })}\n\n`,
      );
    }
    response.end("data: [DONE]\n\n");
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    prompt: () => prompt,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function textOf({ content = "" }: Message): string {
  return typeof content === "string" ? content : content.map(({ text = "" }) => text).join("");
}

/** OpenClaw adds messages of its own in the user's name, so the last one is not always what was asked. */
function answer(messages: readonly Message[]) {
  const asked = messages.findLastIndex(
    (message) => message.role === "user" && /run: /.test(textOf(message)),
  );
  const command = /run: (.*)/.exec(textOf(messages[asked] ?? { role: "user" }))?.[1];
  const result = messages.slice(asked + 1).findLast(({ role }) => role === "tool");
  if (result || !command) {
    return { role: "assistant", content: result ? textOf(result) : "?", finish: "stop" };
  }
  const call = { name: "exec", arguments: JSON.stringify({ command }) };
  const calls = [{ index: 0, id: "call_1", type: "function", function: call }];
  return { role: "assistant", tool_calls: calls, finish: "tool_calls" };
}
