import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { error, unwrap } from "@meterseal/core";
import { generatePrivateKeyPem, rawSignerFromPem } from "@meterseal/core/node";
import { Witness } from "@meterseal/engines/witness";
import {
    COSIGNATURE,
    type Cosigner,
    formatCosignerKey,
    type NoteKey,
    parseVerifierKey,
} from "@meterseal/ledger";
import { lockDirectory } from "@meterseal/stores";
import { type Command, integerOption, type Options, textOption } from "../cli/arguments.ts";
import { systemClock } from "../clocks.ts";
import { consoleLog, out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { claimDirectory, reasonOf, writeSecret } from "../files.ts";
import { shutdownSignal, untilAborted } from "../shutdown.ts";
import { startWitnessServer } from "../witness/server.ts";
import { FileWitnessStore } from "../witness/store.ts";

const DEFAULT_DATA = ".meterseal/witness";
const DEFAULT_PORT = 8490;
const KEYS = [
    { file: "ed25519.key", kind: "edDsa", type: COSIGNATURE.ed25519 },
    { file: "ml-dsa-44.key", kind: "mlDsa44", type: COSIGNATURE.mlDsa44 },
] as const;

/** `meterseal witness`: cosigns the checkpoints of logs that somebody else runs. */
export const witnessCommand: Command = {
    name: "witness",
    summary: "cosigns checkpoints of logs after checking that they only grow",
    options: {
        data: { kind: "value", value: "DIR", help: `keys and memory (${DEFAULT_DATA})` },
        log: { kind: "values", value: "KEY", help: "verifier key of a log to follow; repeatable" },
        name: {
            kind: "value",
            value: "NAME",
            help: "name of the witness, such as witness.example/1; needed at the first start",
        },
        host: { kind: "value", value: "HOST", help: "address to listen on (127.0.0.1)" },
        port: { kind: "value", value: "PORT", help: `port (${DEFAULT_PORT}); 0 for any free one` },
        keys: { kind: "flag", help: "prints the witness's verifier keys, and ends" },
        json: { kind: "flag", help: "prints address and keys as JSON" },
    },
    examples: [
        "meterseal witness --name witness.example/1 --keys",
        "meterseal witness --log meterseal/7c…+1a2b3c4d+AQ…",
    ],
    async run(options) {
        const dataDir = textOption(options, "data") ?? DEFAULT_DATA;
        claimDirectory(dataDir);
        // Who only asks for keys that are there changes nothing, and may ask while the witness runs.
        const isReadOnly = options.keys === true && existsSync(namePath(dataDir));
        const lock = isReadOnly ? null : lockDirectory(dataDir);
        try {
            const cosigners = loadCosigners(dataDir, textOption(options, "name"));
            if (options.keys !== true) return await serve(options, dataDir, cosigners);
            const keys = cosigners.map(formatCosignerKey);
            out(options.json === true ? JSON.stringify({ keys }) : keys.join("\n"));
            return EXIT.ok;
        } finally {
            lock?.release();
        }
    },
};

/** Cosigns until it is told to stop or cannot go on; returns the exit code. */
async function serve(options: Options, dataDir: string, cosigners: Cosigner[]): Promise<number> {
    const logs = logsOf(options);
    const keys = cosigners.map(formatCosignerKey);
    const signal = shutdownSignal();
    const stop = new AbortController();
    const log = consoleLog("witness");
    const witness = new Witness({
        cosigners,
        logs,
        store: new FileWitnessStore(join(dataDir, "logs")),
        clock: systemClock,
        onSplitView: (origin, reason, unkept) => {
            const notKept = unkept === null ? {} : { notKept: reasonOf(unkept) };
            log.warn(reason, { log: origin, ...notKept });
        },
    });
    let failed = false;
    const server = await startWitnessServer({
        host: textOption(options, "host") ?? "127.0.0.1",
        port: integerOption(options, "port", { min: 0, max: 65_535, byDefault: DEFAULT_PORT }),
        witness,
        verifierKeys: keys,
        onFailure: (cause) => {
            failed = true;
            log.warn("the witness stops", { cause: String(cause) });
            stop.abort();
        },
    });
    if (options.json === true) out(JSON.stringify({ url: server.url, keys }));
    else {
        const followed = [...logs.keys()].map((origin) => `follows: ${origin}`);
        say([`witness: ${server.url}`, ...followed, ...keys, "Ctrl-C stops."].join("\n"));
    }
    await untilAborted(AbortSignal.any([signal, stop.signal]));
    await server.close();
    return failed ? EXIT.environment : EXIT.ok;
}

/** File of the witness's name, which is written last: where it is, the keys are. */
function namePath(dataDir: string): string {
    return join(dataDir, "keys", "name");
}

/** The witness's keys, made at the first start; the name stands beside them and does not change. */
function loadCosigners(dataDir: string, name: string | undefined): Cosigner[] {
    const path = namePath(dataDir);
    if (!existsSync(path)) {
        if (name === undefined) {
            throw error("MS_USAGE", { expected: "--name NAME at the first start", got: "none" });
        }
        checkName(name);
        for (const { file, kind } of KEYS) {
            const place = join(dataDir, "keys", file);
            if (!existsSync(place)) writeSecret(place, generatePrivateKeyPem(kind));
        }
        writeSecret(path, `${name}\n`);
    }
    const known = readFileSync(path, "utf8").trim();
    if (name !== undefined && name !== known) {
        throw error("MS_USAGE", { where: "--name", expected: known, got: name });
    }
    return KEYS.map(({ file, type }) => {
        const { publicKey, sign } = rawSignerFromPem(
            readFileSync(join(dataDir, "keys", file), "utf8"),
        );
        return { name: known, type, publicKey, sign };
    });
}

/** A name that no policy could carry would make keys that nobody can use. */
function checkName(name: string): void {
    if (/^[^\s+]{1,255}$/u.test(name) && Buffer.byteLength(name) <= 255) return;
    const expected = "at most 255 bytes without spaces and plus signs";
    throw error("MS_USAGE", { where: "--name", expected, got: name });
}

function logsOf(options: Options): Map<string, NoteKey[]> {
    const texts = Array.isArray(options.log) ? options.log : [];
    if (texts.length === 0) {
        throw error("MS_USAGE", { expected: "--log KEY, the verifier key of a log", got: "none" });
    }
    const logs = new Map<string, NoteKey[]>();
    for (const text of texts) {
        const key = unwrap(parseVerifierKey(text));
        logs.set(key.name, [...(logs.get(key.name) ?? []), key]);
    }
    return logs;
}
