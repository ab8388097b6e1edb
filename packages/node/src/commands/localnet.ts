import { resolve } from "node:path";
import { error, unwrap } from "@meterseal/core";
import { type Command, integerOption, textOption } from "../cli/arguments.ts";
import { consoleLog, out, Progress, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { LONDON_HOMES_MAX } from "../fleet/london.ts";
import { REPLAY_LABEL } from "../fleet/neighbourhood.ts";
import { requireCometBft } from "../localnet/find-cometbft.ts";
import { Localnet, type LocalnetOptions, type NodeState } from "../localnet/localnet.ts";
import { shutdownSignal, untilAborted } from "../shutdown.ts";
import { formatReport } from "../verify/report.ts";
import { loadKeyFiles, verifyDirectory } from "../verify/verify.ts";

const DEFAULT_DATA = ".meterseal/localnet";
const VALIDATORS_MAX = 10;

/** `meterseal localnet`: several organisations on this machine share one ledger. */
export const localnetCommand: Command = {
    name: "localnet",
    summary: "runs several organisations with one ledger on this machine (CometBFT)",
    options: {
        engine: { kind: "value", value: "ENGINE", help: "what orders the ledger (cometbft)" },
        validators: {
            kind: "value",
            value: "N",
            help: `organisations, each with server and node, 1 … ${VALIDATORS_MAX} (4)`,
        },
        homes: {
            kind: "value",
            value: "N",
            help: `London homes to replay, in turn at their collectors, 1 … ${LONDON_HOMES_MAX} (8)`,
        },
        days: { kind: "value", value: "N", help: "days from 1 January to replay, 1 … 365 (7)" },
        data: { kind: "value", value: "DIR", help: `data directory (${DEFAULT_DATA})` },
        port: {
            kind: "value",
            value: "PORT",
            help: "HTTP port of the first, the others have the next ones; 0 for free ones (8480)",
        },
        once: {
            kind: "flag",
            help: "replays the days, verifies every organisation's data and ends",
        },
        json: { kind: "flag", help: "prints what each node came to as one line of JSON" },
    },
    examples: ["meterseal localnet", "meterseal localnet --homes 20 --days 31 --once --json"],
    async run(options) {
        const engine = textOption(options, "engine") ?? "cometbft";
        if (engine !== "cometbft") {
            throw error("MS_USAGE", { expected: "--engine cometbft", got: engine });
        }
        const signal = shutdownSignal();
        const plan: LocalnetOptions = {
            dataDir: resolve(textOption(options, "data") ?? DEFAULT_DATA),
            validators: integerOption(options, "validators", {
                ...{ min: 1, max: VALIDATORS_MAX, byDefault: 4 },
            }),
            homes: integerOption(options, "homes", { min: 1, max: LONDON_HOMES_MAX, byDefault: 8 }),
            days: integerOption(options, "days", { min: 1, max: 365, byDefault: 7 }),
            httpPort: integerOption(options, "port", { min: 0, max: 65_000, byDefault: 8480 }),
            binary: requireCometBft(),
            log: consoleLog("meter"),
            signal,
        };
        const run = { once: options.once === true, json: options.json === true };
        try {
            return await runLocalnet(plan, run);
        } catch (cause) {
            if (signal.aborted) return EXIT.ok; // what it interrupted is no failure
            throw cause;
        }
    },
};

type Run = { readonly once: boolean; readonly json: boolean };

async function runLocalnet(plan: LocalnetOptions, { json, once }: Run): Promise<number> {
    const { signal, validators } = plan;
    say(`Starting ${validators} organisations, each with a server and a CometBFT node …`);
    const localnet = await Localnet.start(plan);
    try {
        const replayed = await replay(localnet, plan);
        const states = signal.aborted ? null : await localnet.agreement();
        if (states === null) return EXIT.ok;
        say(describe(states));
        if (json && !once) out(JSON.stringify(resultOf(localnet, states, replayed)));
        if (once) {
            await localnet.stop();
            return await verifyAll(localnet, states, { ...replayed, json });
        }
        say(welcome(localnet, plan));
        await Promise.race([localnet.ended(), untilAborted(signal)]);
        return EXIT.ok;
    } finally {
        await localnet.stop();
    }
}

type Replayed = { readonly seconds: number };

async function replay(localnet: Localnet, { homes, signal }: LocalnetOptions): Promise<Replayed> {
    const bar = new Progress();
    const rate = (count: number): string => Math.round(count / bar.seconds).toLocaleString("en");
    let text = "";
    await localnet.replay(({ done, readings, records }) => {
        text = `${homes} meters, ${rate(readings)} readings/s, ${rate(records)} records/s`;
        bar.show(done * 0.99, text);
    });
    if (!signal.aborted) bar.finish(`${text}, all final`);
    return { seconds: bar.seconds };
}

/** What each node came to, as a table. */
function describe(states: readonly NodeState[]): string {
    const hashes = new Set(states.map(({ appHash }) => appHash));
    const lines = states.map(
        ({ appHash, height, organisation, portal, records, size }) =>
            `  ${organisation.name.padEnd(7)} block ${height}   log ${size}   records ${records}   ` +
            `app hash ${appHash.slice(0, 16)}…   ${portal}`,
    );
    const verdict = hashes.size === 1 ? "All have the same app hash." : "THEIR APP HASHES DIFFER.";
    return `\n${lines.join("\n")}\n${verdict}`;
}

function welcome(localnet: Localnet, { dataDir }: LocalnetOptions): string {
    const lines = localnet.households.map(
        ({ household, organisation }) =>
            `  ${household.name}  meter ${household.subjectHex.slice(0, 8)}…  at ${organisation.name}  ${household.keyFile}`,
    );
    return `
Homes (${REPLAY_LABEL}) and their key files; any organisation's portal opens any of them:
${lines.join("\n")}

Data: ${dataDir}, a directory for each organisation. Try next, in another terminal:
  npx meterseal verify --data ${dataDir}/org2

Ctrl-C stops. Start again to go on exactly where it stopped.`;
}

function resultOf(localnet: Localnet, states: readonly NodeState[], { seconds }: Replayed) {
    return {
        organisations: states.map(({ organisation, ...state }) => ({
            organisation: organisation.name,
            dataDir: organisation.dataDir,
            ...state,
        })),
        isAgreed: new Set(states.map(({ appHash }) => appHash)).size === 1,
        seconds: Number(seconds.toFixed(3)),
        households: localnet.households.map(({ household, organisation }) => ({
            meter: household.subjectHex,
            source: household.name,
            organisation: organisation.name,
            keyFile: household.keyFile,
        })),
    };
}

/** Verifies what every organisation has, each with the key files of its own homes. */
async function verifyAll(
    localnet: Localnet,
    states: readonly NodeState[],
    { json, seconds }: Replayed & { readonly json: boolean },
): Promise<number> {
    let verified = true;
    for (const { organisation } of states) {
        const own = localnet.households.filter((each) => each.organisation === organisation);
        const keys = unwrap(loadKeyFiles(own.map(({ household }) => household.keyFile)));
        const report = await verifyDirectory(organisation.dataDir, keys, () => undefined);
        say(`\n${organisation.name}:\n${formatReport(report)}`);
        verified &&= report.faults.length === 0;
    }
    if (json) out(JSON.stringify({ ...resultOf(localnet, states, { seconds }), verified }));
    return verified ? EXIT.ok : EXIT.fault;
}
