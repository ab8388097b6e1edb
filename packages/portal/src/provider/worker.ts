/** The worker that holds a provider's keys: they exist only here, in memory, and end with it. */
import { error } from "@meterseal/core";
import { ProviderDesk } from "./desk.ts";
import type { FromProviderWorker, ToProviderWorker } from "./messages.ts";
import { describeProvider } from "./problems.ts";

let desk: ProviderDesk | null = null;

self.addEventListener("message", (event: MessageEvent<ToProviderWorker>) => {
    void handle(event.data);
});

async function handle(request: ToProviderWorker): Promise<void> {
    const hashHex = request.type === "read" ? request.hashHex : null;
    const message: FromProviderWorker = await answer(request).catch(
        (cause: unknown) =>
            ({ type: "failed", hashHex, problem: describeProvider(cause) }) as const,
    );
    self.postMessage(message);
}

async function answer(request: ToProviderWorker): Promise<FromProviderWorker> {
    if (request.type === "load") {
        const opened = await ProviderDesk.open(request.text);
        const received = await opened.received();
        desk = opened;
        return { type: "loaded", received };
    }
    if (desk === null) throw error("MS_NOT_ALLOWED", { expected: "the provider's key first" });
    const { hashHex } = request;
    return { type: "read", hashHex, opened: await desk.read(hashHex) };
}
