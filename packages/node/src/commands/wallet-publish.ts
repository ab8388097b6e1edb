import { error } from "@meterseal/core";
import {
    type Command,
    integerOption,
    type Options,
    requiredOption,
    textOption,
} from "../cli/arguments.ts";
import { systemClock, systemTimers } from "../clocks.ts";
import { readBrokerAccess } from "../config/brokers.ts";
import { consoleLog, out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { type HomeBroker, HomePublisher } from "../household/home-assistant/broker.ts";
import { discoveryPayload, homeTopics } from "../household/home-assistant/discovery.ts";
import type { HomeReading } from "../household/home-assistant/state.ts";
import { HomeWatch } from "../household/home-assistant/watch.ts";
import { runRounds } from "../household/wallet-rounds.ts";
import { shutdownSignal } from "../shutdown.ts";
import { softwareVersion } from "../version.ts";
import { readKey } from "./household-usage.ts";

/** Ports of MQTT, by the scheme. */
const PORTS: Readonly<Record<string, number>> = { "mqtt:": 1883, "mqtts:": 8883 };
const EVERY_SECONDS = { min: 5, byDefault: 60, max: 3_600 } as const;

/** `meterseal wallet publish`: a household's meter on the dashboard of its home. */
export const walletPublishCommand: Command = {
    name: "wallet publish",
    summary:
        "checks and opens a household's meter and shows it in its Home Assistant, until Ctrl-C",
    options: {
        key: { kind: "value", value: "FILE", help: "key file of the household" },
        url: { kind: "value", value: "URL", help: "server of its network" },
        "home-assistant": {
            kind: "value",
            value: "URL",
            help: "broker in the home: mqtt://HOST:PORT or mqtts://HOST:PORT",
        },
        login: {
            kind: "value",
            value: "FILE",
            help: "a line HOST:PORT NAME PASSWORD for the broker, for its owner alone (mode 600)",
        },
        ca: { kind: "value", value: "FILE", help: "certificates to trust for mqtts, PEM" },
        insecure: { kind: "flag", help: "allows plain text beyond this machine" },
        prefix: {
            kind: "value",
            value: "TOPIC",
            help: "where Home Assistant looks for devices (homeassistant)",
        },
        every: {
            kind: "value",
            value: "SECONDS",
            help: `from one look at the server to the next (${EVERY_SECONDS.byDefault})`,
        },
        once: { kind: "flag", help: "shows what holds now and ends" },
        json: { kind: "flag", help: "prints each state as a line of JSON" },
    },
    examples: [
        "meterseal wallet publish --key key.json --url http://127.0.0.1:8480 --home-assistant mqtt://127.0.0.1:1883",
        "meterseal wallet publish --key key.json --url https://utility.example --home-assistant mqtts://home.example:8883 --login broker.txt",
    ],
    async run(options) {
        const key = readKey(options);
        const server = requiredOption(options, "url", "URL");
        const broker = brokerOf(options);
        const topics = homeTopics(key, prefixOf(options));
        const everyMs = 1_000 * integerOption(options, "every", EVERY_SECONDS);
        const signal = shutdownSignal();
        const log = consoleLog("wallet");
        const watch = new HomeWatch(server, key);
        let reading = await watch.read(); // a server or key that is another one ends the command
        const discovery = discoveryPayload(key, topics, softwareVersion());
        const publisher = await HomePublisher.open(broker, topics, discovery, log);
        try {
            await publisher.show(reading.state);
            tell(reading, null, options.json === true);
            if (options.once === true) return reading.faults.length === 0 ? EXIT.ok : EXIT.fault;
            const round = async (): Promise<{ nextUnix: number }> => {
                try {
                    const next = await watch.read();
                    await publisher.show(next.state);
                    if (next !== reading) tell(next, reading, options.json === true);
                    reading = next;
                } catch (cause) {
                    await publisher.hide();
                    throw cause;
                }
                return { nextUnix: (systemClock.nowMs() + everyMs) / 1000 };
            };
            await runRounds(round, { clock: systemClock, timers: systemTimers, log, signal });
        } finally {
            await publisher.close(options.once === true);
        }
        return EXIT.ok;
    },
};

function tell({ faults, state }: HomeReading, before: HomeReading | null, asJson: boolean): void {
    if (asJson) {
        out(JSON.stringify({ ...state, faults }));
        return;
    }
    if (before === null)
        say(`Published; the last reading is of ${state.lastReading ?? "no time yet"}.`);
    const isNew = faults.join() !== (before?.faults.join() ?? "");
    for (const fault of isNew ? faults : []) say(`The seal does not hold: ${fault}`);
    if (isNew && faults.length === 0 && before !== null) say("The seal holds again.");
}

/** @throws MetersealError MS_USAGE, and what the files named are refused with. */
function brokerOf(options: Options): HomeBroker {
    const text = requiredOption(options, "home-assistant", "URL");
    const url = URL.canParse(text) ? new URL(text) : null;
    const isSecure = url?.protocol === "mqtts:";
    const isBare =
        ["", "/"].includes(url?.pathname ?? "?") && url?.username === "" && url.search === "";
    if (url === null || (!isSecure && url.protocol !== "mqtt:") || !isBare || url.hostname === "") {
        // The address may hold a password.
        const expected = "--home-assistant mqtt://HOST:PORT or mqtts://HOST:PORT";
        throw error("MS_USAGE", { expected, todo: "Name and password go into a file: --login." });
    }
    const isHere = /^(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})$/.test(url.hostname);
    if (!isSecure && !isHere && options.insecure !== true) {
        const expected = "mqtts, or a broker on this machine: mqtt is plain text";
        throw error("MS_USAGE", { expected, got: text, todo: "Or allow it: --insecure." });
    }
    const place = url.port === "" ? `${url.hostname}:${PORTS[url.protocol]}` : url.host;
    const files = ["login", "ca"].map((name) => textOption(options, name) ?? null);
    const { logins, ...trust } = readBrokerAccess(files[0] ?? null, files[1] ?? null);
    const login = logins?.get(place.toLowerCase());
    if (logins !== null && login === undefined) {
        throw error("MS_USAGE", { where: "--login", expected: `a line for ${place}`, got: "none" });
    }
    return { url: `${url.protocol}//${place}`, ...trust, ...login };
}

function prefixOf(options: Options): string {
    const prefix = textOption(options, "prefix") ?? "homeassistant";
    if (/^[\w-]+(?:\/[\w-]+)*$/.test(prefix)) return prefix;
    throw error("MS_USAGE", { expected: "--prefix with letters, digits, _, - and /", got: prefix });
}
