import { STREAM_MODE } from "@meterseal/record";
import { type Command, integerOption, requiredOption, textOption } from "../cli/arguments.ts";
import { systemClock } from "../clocks.ts";
import { consoleLog, out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { startServer } from "../server/server.ts";
import { shutdownSignal, untilAborted } from "../shutdown.ts";

/** `meterseal serve`: a collector with ledger, store, API and portal in real time. */
export const serveCommand: Command = {
    name: "serve",
    summary: "runs a collector with its ledger, API and portal",
    options: {
        data: { kind: "value", value: "DIR", help: "data directory; made where it is missing" },
        host: { kind: "value", value: "HOST", help: "loopback address to listen on (127.0.0.1)" },
        port: { kind: "value", value: "PORT", help: "HTTP port, 0 for any free one (8480)" },
        "mqtt-port": { kind: "value", value: "PORT", help: "MQTT port, 0 for any free one (1883)" },
        open: { kind: "flag", help: "a new network with open (plaintext) streams" },
        json: { kind: "flag", help: "prints the addresses as JSON" },
    },
    examples: [
        "meterseal serve --data .meterseal/utility",
        "meterseal serve --data .meterseal/utility --port 0 --json",
    ],
    async run(options) {
        const signal = shutdownSignal();
        const fatal: { cause: unknown } = { cause: null };
        const stop = new AbortController();
        const server = await startServer({
            dataDir: requiredOption(options, "data", "DIR"),
            host: textOption(options, "host") ?? "127.0.0.1",
            httpPort: integerOption(options, "port", { min: 0, max: 65_535, byDefault: 8480 }),
            mqttPort: integerOption(options, "mqtt-port", { min: 0, max: 65_535, byDefault: 1883 }),
            clock: systemClock,
            clockLabel: null,
            mode: options.open === true ? STREAM_MODE.open : null,
            log: consoleLog("server"),
            onFatal: (cause) => {
                fatal.cause ??= cause;
                stop.abort();
            },
        });
        const addresses = { portal: server.httpUrl, mqtt: server.mqttUrl };
        if (options.json === true) out(JSON.stringify(addresses));
        else say(`portal: ${addresses.portal}\nmqtt:   ${addresses.mqtt}\nCtrl-C stops.`);
        await untilAborted(AbortSignal.any([signal, stop.signal]));
        await server.close();
        if (fatal.cause === null) return EXIT.ok;
        say(`The server stopped: ${String(fatal.cause)}`);
        return EXIT.environment;
    },
};
