/**
 * Entry point of a server process that a demo or a test drives over IPC. It ends when its parent
 * ends, so a killed parent leaves no server behind.
 */
import { MetersealError, unwrap } from "@meterseal/core";
import { encodeCoseKey, parseEnrolment } from "@meterseal/record";
import { ReplayClock } from "../clocks.ts";
import { consoleLog, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import type { FailureMessage, FromServer, StartMessage, ToServer } from "./messages.ts";
import { type Server, startServer } from "./server.ts";

let server: Server | null = null;
let clock = new ReplayClock(0);

process.on("message", (message: ToServer) => {
    handle(message).catch((cause: unknown) => {
        const id = "id" in message ? message.id : null;
        send({ type: "failed", id, failure: describe(cause) });
        if (message.type !== "start") return;
        process.exitCode = EXIT.environment;
        process.disconnect?.();
    });
});
process.on("disconnect", () => void stop());
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => void stop());
}

async function handle(message: ToServer): Promise<void> {
    switch (message.type) {
        case "start":
            await start(message);
            return;
        case "clock":
            clock.advanceTo(message.nowMs);
            send({ type: "done", id: message.id, hash: null });
            return;
        case "enrol": {
            const answer = await server?.enrol(message.request);
            const enrolment = answer && unwrap(parseEnrolment(answer.enrolment));
            send({ type: "done", id: message.id, hash: enrolment?.message.hash ?? null });
            return;
        }
        case "stop":
            await stop();
    }
}

async function start(message: StartMessage): Promise<void> {
    clock = new ReplayClock(message.nowMs);
    const { comet, ...rest } = message;
    const onListening = (address: string): void => send({ type: "listening", address });
    server = await startServer({
        ...rest,
        ...(comet === undefined ? {} : { comet: { ...comet, onListening } }),
        host: "127.0.0.1",
        clock,
        log: consoleLog("server"),
        onFatal: (cause) => {
            say(`The server stops: ${String(cause)}`);
            process.exit(EXIT.environment);
        },
    });
    const { collectorKey, exchangeUrl, httpUrl, mqttUrl, networkId } = server;
    const info = { httpUrl, mqttUrl, networkId, ...(exchangeUrl === null ? {} : { exchangeUrl }) };
    send({ type: "ready", info: { ...info, collectorKey: encodeCoseKey(collectorKey) } });
}

let stopping: Promise<void> | null = null;

function stop(): Promise<void> {
    stopping ??= (server?.close() ?? Promise.resolve()).then(
        () => process.exit(EXIT.ok),
        () => process.exit(EXIT.environment),
    );
    return stopping;
}

function send(message: FromServer): void {
    // A parent that just died still looks connected; its end comes as "disconnect".
    if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

function describe(cause: unknown): FailureMessage {
    if (cause instanceof MetersealError) return { code: cause.code, message: cause.message };
    return {
        code: "MS_INTERNAL",
        message: cause instanceof Error ? (cause.stack ?? "") : String(cause),
    };
}
