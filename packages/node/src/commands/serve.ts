import type { Command } from "../cli/arguments.ts";
import { systemClock } from "../clocks.ts";
import { readBrokerAccess } from "../config/brokers.ts";
import { formatConfiguration, loadConfiguration, serveConfigOf } from "../config/config.ts";
import { optionsOf, SETTING_NAMES } from "../config/settings.ts";
import { captureLibraries, consoleLog, out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { startServer } from "../server/server.ts";
import { readPolicy } from "../server/witnesses.ts";
import { shutdownSignal, untilAborted } from "../shutdown.ts";

/** `meterseal serve`: a collector with ledger, store, API and portal in real time. */
export const serveCommand: Command = {
    name: "serve",
    summary: "runs a collector with its ledger, API and portal",
    options: {
        config: { kind: "value", value: "FILE", help: "configuration file; options here win" },
        ...optionsOf(SETTING_NAMES),
        "print-config": { kind: "flag", help: "prints the configuration in force, and ends" },
        json: { kind: "flag", help: "prints the addresses as JSON" },
    },
    examples: [
        "meterseal serve --data .meterseal/utility",
        "meterseal serve --data .meterseal/utility --port 0 --json",
        "meterseal serve --data .meterseal/utility --link mqtt://127.0.0.1:1883 --link coap://127.0.0.1:5683",
        "meterseal serve --config meterseal.yaml --print-config",
    ],
    async run(options) {
        const configuration = loadConfiguration(options);
        if (options["print-config"] === true) {
            const values = SETTING_NAMES.map((name) => [name, configuration[name].value]);
            const asJson = JSON.stringify(Object.fromEntries(values));
            out(options.json === true ? asJson : formatConfiguration(configuration));
            return EXIT.ok;
        }
        const config = serveConfigOf(configuration);
        const signal = shutdownSignal();
        const log = consoleLog("server", config.logFormat);
        captureLibraries(log);
        const fatal: { cause: unknown } = { cause: null };
        const stop = new AbortController();
        const server = await startServer({
            dataDir: config.data,
            host: config.host,
            httpPort: config.port,
            mqttPort: config.mqttPort,
            httpLink: config.httpLink,
            exchange: config.exchange,
            peers: config.peers,
            links: config.links,
            linkTls: config.linkTls,
            brokers: readBrokerAccess(config.brokers.loginFile, config.brokers.caFile),
            insecure: config.insecure,
            witnessPolicy: config.witnessPolicy === null ? null : readPolicy(config.witnessPolicy),
            comet: config.comet === null ? null : { ...config.comet, signal },
            clock: systemClock,
            clockLabel: null,
            mode: config.mode,
            log,
            onFatal: (cause) => {
                fatal.cause ??= cause;
                stop.abort();
            },
        });
        const addresses = {
            portal: server.httpUrl,
            ...(config.mqttPort === null ? {} : { mqtt: server.mqttUrl }),
            ...(server.httpLinkUrl === null ? {} : { meters: server.httpLinkUrl }),
            ...(server.exchangeUrl === null ? {} : { servers: server.exchangeUrl }),
        };
        const links = server.linkUrls.slice(server.linkUrls.length - config.links.length);
        const further = links.length === 0 ? {} : { links };
        if (options.json === true) out(JSON.stringify({ ...addresses, ...further }));
        else if (config.logFormat === "json") {
            const all = links.length === 0 ? {} : { links: links.join(" ") };
            log.info("serving", { ...addresses, ...all });
        } else {
            const named = links.map((url): [string, string] => ["link", url]);
            const lines = [...Object.entries(addresses), ...named].map(
                ([name, url]) => `${`${name}:`.padEnd(8)}${url}`,
            );
            say([...lines, "Ctrl-C stops."].join("\n"));
        }
        await untilAborted(AbortSignal.any([signal, stop.signal]));
        await server.close();
        if (fatal.cause === null) return EXIT.ok;
        log.warn("the server stopped", { cause: String(fatal.cause) });
        return EXIT.environment;
    },
};
